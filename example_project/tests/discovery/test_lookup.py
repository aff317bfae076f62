from __future__ import annotations

import pytest

from agent_hive.clock import ManualClock
from agent_hive.discovery.lookup import Lookup
from agent_hive.discovery.registry import Registry
from agent_hive.errors import NoEndpointError

URL = "http://127.0.0.1:4001"


@pytest.mark.perf_budget
@pytest.mark.usefixtures("full_registry")
def test_finds_known_agents(lookup: Lookup) -> None:
    assert len(lookup.find("plan")) == 20


class TestCache:
    def test_an_answer_is_remembered(self, registry: Registry, lookup: Lookup) -> None:
        assert lookup.known("search") is None
        endpoint = registry.announce("agent-1", URL, ["search"])
        assert lookup.find("search") == (endpoint,)
        registry.withdraw("agent-1", URL)
        assert lookup.find("search") == lookup.known("search") == (endpoint,)

    def test_an_answer_is_forgotten_after_its_time(
        self, registry: Registry, lookup: Lookup, clock: ManualClock
    ) -> None:
        registry.announce("agent-1", URL, ["search"])
        lookup.find("search")
        registry.withdraw("agent-1", URL)
        clock.advance(5)
        assert lookup.known("search") is None
        with pytest.raises(NoEndpointError, match="search"):
            lookup.find("search")

    def test_an_agent_whose_life_is_over_is_not_remembered(
        self, registry: Registry, lookup: Lookup, clock: ManualClock
    ) -> None:
        registry.announce("agent-1", URL, ["search"])
        clock.advance(12)
        lookup.find("search")
        clock.advance(3)
        assert lookup.known("search") is None

    def test_nobody_is_not_remembered(self, registry: Registry, lookup: Lookup) -> None:
        with pytest.raises(NoEndpointError):
            lookup.find("search")
        endpoint = registry.announce("agent-1", URL, ["search"])
        assert lookup.find("search") == (endpoint,)


class TestRefresh:
    def test_a_capability_in_use_never_leaves_the_cache(
        self, registry: Registry, lookup: Lookup, clock: ManualClock
    ) -> None:
        registry.announce("agent-1", URL, ["search"])
        lookup.find("search")
        for _ in range(20):
            clock.advance(1)
            registry.heartbeat("agent-1", URL)
            assert lookup.known("search")
            lookup.refresh()

    def test_a_refresh_reads_what_has_changed(self, registry: Registry, lookup: Lookup, clock: ManualClock) -> None:
        registry.announce("agent-1", URL, ["search"])
        lookup.find("search")
        lookup.known("search")
        registry.announce("agent-2", URL, ["search"])
        clock.advance(3)
        assert lookup.refresh() == 1
        assert [endpoint.agent_id for endpoint in lookup.find("search")] == ["agent-1", "agent-2"]

    def test_an_entry_is_left_alone_while_it_is_young(
        self, registry: Registry, lookup: Lookup, clock: ManualClock
    ) -> None:
        registry.announce("agent-1", URL, ["search"])
        lookup.find("search")
        lookup.known("search")
        clock.advance(2.9)
        assert lookup.refresh() == 0

    def test_an_entry_that_nobody_uses_is_dropped(self, registry: Registry, lookup: Lookup, clock: ManualClock) -> None:
        registry.announce("agent-1", URL, ["search"])
        lookup.find("search")
        clock.advance(5)
        assert lookup.refresh() == 0
        clock.advance(-5)
        assert lookup.known("search") is None

    def test_a_capability_that_has_gone_is_dropped(
        self, registry: Registry, lookup: Lookup, clock: ManualClock
    ) -> None:
        registry.announce("agent-1", URL, ["search"])
        lookup.find("search")
        lookup.known("search")
        registry.withdraw("agent-1", URL)
        clock.advance(3)
        lookup.refresh()
        assert lookup.known("search") is None
