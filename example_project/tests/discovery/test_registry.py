from __future__ import annotations

import pytest
from pytest_perfbudget import Perf

from agent_hive.clock import ManualClock
from agent_hive.discovery.registry import Registry
from agent_hive.errors import ConstraintError, NotFoundError
from agent_hive.storage.agents import AgentRepository
from agent_hive.storage.database import Database

URL = "http://127.0.0.1:4001"
NEWER_URL = "http://127.0.0.1:4002"


def names(registry: Registry, capability: str) -> list[str]:
    return [endpoint.agent_id for endpoint in registry.find(capability)]


@pytest.mark.perf_budget
def test_finds_the_agents_with_a_capability(full_registry: Registry) -> None:
    assert len(full_registry.find("plan")) == 20


def test_announces_an_agent(perf: Perf, full_registry: Registry) -> None:
    perf(full_registry.announce, "agent-0007", URL, ("search", "plan"))
    assert "agent-0007" in names(full_registry, "plan")


@pytest.mark.perf_budget
def test_notes_a_heartbeat(full_registry: Registry) -> None:
    full_registry.heartbeat("agent-0007", "http://127.0.0.1:8")


class TestAnnounce:
    def test_an_agent_is_found_by_each_of_its_capabilities(self, registry: Registry, clock: ManualClock) -> None:
        endpoint = registry.announce("agent-1", URL, ["search", "plan", "search"], weight=3)
        assert registry.find("search") == registry.find("plan") == (endpoint,)
        assert (endpoint.url, endpoint.weight, endpoint.expires_at) == (URL, 3, clock.now + 15)

    def test_a_new_agent_is_registered(self, registry: Registry, database: Database) -> None:
        registry.announce("agent-1", URL, ["search"])
        assert AgentRepository(database).get("agent-1").capabilities == {"search"}

    def test_an_agent_that_starts_anew_replaces_its_endpoint(self, registry: Registry) -> None:
        registry.announce("agent-1", URL, ["search", "plan"])
        registry.announce("agent-1", NEWER_URL, ["plan"])
        assert [endpoint.url for endpoint in registry.find("plan")] == [NEWER_URL]
        assert registry.find("search") == ()

    @pytest.mark.parametrize(("agent_id", "url", "weight"), [("", URL, 1), ("agent-1", "", 1), ("agent-1", URL, 0)])
    def test_a_refused_endpoint_leaves_nothing(self, registry: Registry, agent_id: str, url: str, weight: int) -> None:
        with pytest.raises(ConstraintError):
            registry.announce(agent_id, url, ["search"], weight=weight)
        assert registry.alive() == []
        assert registry.find("search") == ()


class TestLife:
    def test_an_agent_without_heartbeat_is_not_found_any_more(self, registry: Registry, clock: ManualClock) -> None:
        registry.announce("agent-1", URL, ["search"])
        clock.advance(14.9)
        assert names(registry, "search") == ["agent-1"]
        clock.advance(0.1)
        assert names(registry, "search") == []

    def test_a_heartbeat_prolongs_its_life(self, registry: Registry, database: Database, clock: ManualClock) -> None:
        registry.announce("agent-1", URL, ["search"])
        clock.advance(10)
        registry.heartbeat("agent-1", URL)
        clock.advance(14)
        assert names(registry, "search") == ["agent-1"]
        assert AgentRepository(database).get("agent-1").heartbeat_at == clock.now - 14

    def test_the_heartbeat_of_a_former_process_is_refused(self, registry: Registry) -> None:
        registry.announce("agent-1", URL, ["search"])
        registry.announce("agent-1", NEWER_URL, ["search"])
        with pytest.raises(NotFoundError, match="agent-1"):
            registry.heartbeat("agent-1", URL)

    def test_the_farewell_of_a_former_process_changes_nothing(self, registry: Registry) -> None:
        registry.announce("agent-1", URL, ["search"])
        registry.announce("agent-1", NEWER_URL, ["search"])
        registry.withdraw("agent-1", URL)
        assert names(registry, "search") == ["agent-1"]
        registry.withdraw("agent-1", NEWER_URL)
        assert names(registry, "search") == []

    def test_only_expired_endpoints_are_removed(self, registry: Registry, clock: ManualClock) -> None:
        registry.announce("agent-1", URL, ["search"])
        clock.advance(10)
        registry.announce("agent-2", NEWER_URL, ["search"])
        clock.advance(5)
        assert registry.remove_expired() == 1
        assert registry.remove_expired() == 0
        assert names(registry, "search") == ["agent-2"]
        with pytest.raises(NotFoundError):
            registry.heartbeat("agent-1", URL)


class TestHealth:
    def test_an_unhealthy_agent_lives_but_is_not_found(self, registry: Registry) -> None:
        endpoint = registry.announce("agent-1", URL, ["search"])
        registry.mark(endpoint, is_healthy=False)
        assert registry.find("search") == ()
        assert [one.is_healthy for one in registry.alive()] == [False]
        registry.mark(endpoint, is_healthy=True)
        assert registry.find("search") == (endpoint,)

    def test_a_late_check_of_a_former_process_changes_nothing(self, registry: Registry) -> None:
        former = registry.announce("agent-1", URL, ["search"])
        registry.announce("agent-1", NEWER_URL, ["search"])
        registry.mark(former, is_healthy=False)
        assert names(registry, "search") == ["agent-1"]
