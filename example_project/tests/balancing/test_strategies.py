from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from pytest_perfbudget import Perf

from agent_hive.balancing.strategies import LeastConnections, RoundRobin, SmoothWeighted, Strategy, StrategyName
from agent_hive.discovery.registry import Endpoint

Make = Callable[..., list[Endpoint]]


def choices(strategy: Strategy, candidates: list[Endpoint], count: int) -> str:
    return "".join(strategy.choose(candidates).agent_id for _ in range(count))


@pytest.mark.parametrize("name", StrategyName, ids=lambda one: one.value)
def test_chooses_an_agent(perf: Perf, name: StrategyName, endpoints: Make) -> None:
    strategy = name.make(Counter(a=3, b=1, c=2))
    assert perf(strategy.choose, endpoints(*[1] * 10), name="choose").agent_id


class TestRoundRobin:
    def test_each_has_its_turn(self, endpoints: Make) -> None:
        assert choices(RoundRobin(), endpoints(1, 1, 1), 7) == "abcabca"

    def test_one_that_has_gone_is_left_out(self, endpoints: Make) -> None:
        strategy, candidates = RoundRobin(), endpoints(1, 1, 1)
        assert choices(strategy, candidates, 1) == "a"
        assert choices(strategy, [candidates[0], candidates[2]], 3) == "cac"

    def test_one_that_comes_has_its_turn(self, endpoints: Make) -> None:
        strategy, candidates = RoundRobin(), endpoints(1, 1, 1)
        assert choices(strategy, [candidates[0], candidates[2]], 1) == "a"
        assert choices(strategy, candidates, 3) == "bca"


class TestLeastConnections:
    def test_the_least_busy_is_chosen(self, endpoints: Make) -> None:
        assert choices(LeastConnections(Counter(a=3, b=1, c=2)), endpoints(1, 1, 1), 2) == "bb"

    def test_equals_have_turns(self, endpoints: Make) -> None:
        assert choices(LeastConnections(Counter()), endpoints(1, 1, 1), 4) == "abca"

    def test_a_heavier_one_may_be_busier(self, endpoints: Make) -> None:
        assert choices(LeastConnections(Counter(a=2, b=3)), endpoints(1, 2), 1) == "b"

    def test_it_follows_the_calls_in_flight(self, endpoints: Make) -> None:
        in_flight: Counter[str] = Counter()
        strategy = LeastConnections(in_flight)
        for _ in range(30):
            in_flight[strategy.choose(endpoints(1, 1, 1)).agent_id] += 1
        assert in_flight == {"a": 10, "b": 10, "c": 10}


class TestSmoothWeighted:
    def test_the_heaviest_is_not_chosen_in_a_burst(self, endpoints: Make) -> None:
        assert choices(SmoothWeighted(), endpoints(5, 1, 1), 7) == "aabacaa"

    def test_choices_are_in_proportion(self, endpoints: Make) -> None:
        assert Counter(choices(SmoothWeighted(), endpoints(1, 2, 3), 600)) == {"a": 100, "b": 200, "c": 300}

    def test_one_that_returns_has_saved_no_credit(self, endpoints: Make) -> None:
        strategy, candidates = SmoothWeighted(), endpoints(1, 1)
        choices(strategy, candidates, 1)
        choices(strategy, candidates[:1], 100)
        assert choices(strategy, candidates, 4) in {"abab", "baba"}
