from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_perfbudget import Perf

from agent_hive.clock import ManualClock
from agent_hive.errors import AlreadyExistsError, ConstraintError, NotFoundError
from agent_hive.storage.agents import Agent, AgentRepository, AgentStatus


def test_registers_an_agent(perf: Perf, agents: AgentRepository, forget_new_rows: Callable[[], None]) -> None:
    agent = perf(agents.register, "new-agent", ("search", "plan"), setup=forget_new_rows)

    assert agents.get("new-agent") == agent


@pytest.mark.perf_budget
def test_gets_an_agent(agents: AgentRepository) -> None:
    assert agents.get("agent-0007").capabilities == {"deploy", "search", "translate"}


@pytest.mark.perf_budget
def test_notes_a_heartbeat(agents: AgentRepository, clock: ManualClock) -> None:
    clock.advance(1)
    agents.heartbeat("agent-0007", AgentStatus.BUSY)


# The two have no marker: pyproject.toml names them.
def test_lists_by_capability(agents: AgentRepository) -> None:
    page = agents.with_capability("plan", after="agent-1000", limit=50)
    assert len(page) == 50
    assert all("plan" in agent.capabilities for agent in page)


def test_lists_by_status(agents: AgentRepository) -> None:
    page = agents.with_status(AgentStatus.OFFLINE, after="agent-1000", limit=50)
    assert {agent.status for agent in page} == {AgentStatus.OFFLINE}


class TestRegister:
    def test_an_agent_is_idle_and_alive(self, agents: AgentRepository, clock: ManualClock) -> None:
        agents.register("new-agent", ["search", "plan", "search"])
        found = agents.get("new-agent")
        assert found == Agent("new-agent", AgentStatus.IDLE, frozenset({"search", "plan"}), clock.now, clock.now)

    def test_an_agent_may_have_no_capability(self, agents: AgentRepository) -> None:
        agents.register("new-agent")
        assert agents.get("new-agent").capabilities == frozenset()

    def test_a_taken_id_is_refused_and_nothing_changes(self, agents: AgentRepository) -> None:
        before = agents.get("agent-0007")
        with pytest.raises(AlreadyExistsError, match="agent-0007"):
            agents.register("agent-0007", ["another"])
        assert agents.get("agent-0007") == before

    @pytest.mark.parametrize("capability", ["", "two words"])
    def test_a_refused_capability_leaves_no_half_agent(self, agents: AgentRepository, capability: str) -> None:
        with pytest.raises(ConstraintError):
            agents.register("new-agent", ["a", capability, "z"])
        with pytest.raises(NotFoundError):
            agents.get("new-agent")
        assert agents.with_capability("a") == []

    def test_an_id_is_data_whatever_it_says(self, agents: AgentRepository) -> None:
        name = "'; DROP TABLE agents; --"
        agents.register(name, ["search"])
        assert agents.get(name).id == name
        assert agents.get("agent-0007").id == "agent-0007"


class TestHeartbeat:
    def test_it_notes_time_and_status(self, agents: AgentRepository, clock: ManualClock) -> None:
        clock.advance(42)
        agents.heartbeat("agent-0007", AgentStatus.BUSY)
        found = agents.get("agent-0007")
        assert (found.heartbeat_at, found.status) == (clock.now, AgentStatus.BUSY)
        assert found.registered_at < found.heartbeat_at

    def test_an_unknown_agent_is_an_error(self, agents: AgentRepository) -> None:
        with pytest.raises(NotFoundError, match="nobody"):
            agents.heartbeat("nobody", AgentStatus.IDLE)


class TestLists:
    def test_pages_give_every_agent_once(self, agents: AgentRepository) -> None:
        found: list[str] = []
        while page := agents.with_status(AgentStatus.IDLE, after=found[-1] if found else "", limit=300):
            found += [agent.id for agent in page]
        assert len(found) == 1000
        assert found == sorted(set(found))

    def test_a_capability_has_its_agents_and_no_others(self, agents: AgentRepository) -> None:
        found = agents.with_capability("deploy", limit=5000)
        assert len(found) == 750
        assert all("deploy" in agent.capabilities for agent in found)

    def test_nobody_has_an_unknown_capability(self, agents: AgentRepository) -> None:
        assert agents.with_capability("juggle") == []

    def test_a_changed_status_moves_an_agent(self, agents: AgentRepository) -> None:
        agents.heartbeat("agent-0000", AgentStatus.OFFLINE)
        assert agents.with_status(AgentStatus.OFFLINE, limit=1)[0].id == "agent-0000"


class TestQueryPlans:
    def test_a_list_by_status_reads_its_index(
        self, agents: AgentRepository, query_plan: Callable[[Callable[[], object]], list[str]]
    ) -> None:
        steps = query_plan(lambda: agents.with_status(AgentStatus.IDLE))
        assert any("INDEX agents_by_status (status=? AND id>?)" in step for step in steps)
        assert not any("SCAN" in step or "B-TREE" in step for step in steps)

    def test_a_list_by_capability_reads_its_key(
        self, agents: AgentRepository, query_plan: Callable[[Callable[[], object]], list[str]]
    ) -> None:
        steps = query_plan(lambda: agents.with_capability("plan"))
        assert any("PRIMARY KEY (capability=? AND agent_id>?)" in step for step in steps)
        assert not any("SCAN" in step or "B-TREE" in step for step in steps)

    def test_an_agent_is_found_by_its_key(
        self, agents: AgentRepository, query_plan: Callable[[Callable[[], object]], list[str]]
    ) -> None:
        steps = query_plan(lambda: agents.get("agent-0007"))
        assert any("PRIMARY KEY (id=?)" in step for step in steps)
        assert any("INDEX capabilities_by_agent (agent_id=?)" in step for step in steps)
        assert not any("SCAN" in step for step in steps)
