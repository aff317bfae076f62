"""The rule of the baseline on recorded processes of two dozen kinds of code, with 3 % allowed.

Ten processes that ran all workloads make a baseline, and another one screens. Processes of one workload confirm, or
pairs where the baseline is uncertain.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from simulations import at_most

from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.reference import Estimate, Prior, Reference, fit, prior_of
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.slowdown import SlowdownTest
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.core.weather import BlockTime

CALM_NS = (26_000.0, 15_500.0, 27_000.0)
RUNS, SESSIONS, ALPHA = 10, 25, 0.01

Workloads = Mapping[str, Mapping[str, Any]]


@pytest.fixture
def recorded(data: Callable[[str], Any]) -> Workloads:
    workloads: Workloads = data("processes.json")["workloads"]
    return workloads


@cache
def reference(times_ns: tuple[float, ...]) -> Reference:
    return fit([[BlockTime(time_ns, CALM_NS, CALM_NS)] * 4 for time_ns in times_ns], CALM_NS)


def red(workloads: Workloads, slowdown: float, *, confirm: str, together: str = "together") -> dict[str, int]:
    """Return by workload in how many sessions its test is regressed."""
    draw = random.Random(2)
    found = dict.fromkeys(workloads, 0)
    for _ in range(SESSIONS):
        drawn = {name: draw.sample(one.get(together, one["together"]), RUNS + 1) for name, one in workloads.items()}
        known = {name: reference(tuple(times_ns[:RUNS])) for name, times_ns in drawn.items()}
        prior = prior_of(known.values())
        for name, one in workloads.items():
            screening = estimate(drawn[name][RUNS], slowdown)
            found[name] += is_red(known[name], prior, screening, one, slowdown, confirm=confirm, draw=draw)
    return found


def estimate(time_ns: float, slowdown: float) -> Estimate:
    return Estimate(math.log(time_ns * (1 + slowdown)), 0.0, 1.0)


def is_red(
    known: Reference,
    prior: Prior,
    screening: Estimate,
    workload: Mapping[str, Any],
    slowdown: float,
    *,
    confirm: str,
    draw: random.Random,
) -> bool:
    asked = UnpairedSlowdownTest(0.03, ALPHA / 24, known, prior)
    asked = replace(asked, in_pairs=confirm == "auto" and asked.is_uncertain)
    if not asked.is_suspect(screening):
        return False
    if not asked.in_pairs:
        return confirmed(asked.after(screening), lambda: estimate(draw.choice(workload["alone"]), slowdown))
    found = asked.effect([screening])
    beside = PairedSlowdownTest(asked.tolerance, asked.alpha, is_screened_by_pair=False)

    def pair() -> Pair:
        log_ratio, std_error = draw.choice(workload["pairs"])
        # Both sides are the same code, so either may be the head.
        return Pair(draw.choice((-1, 1)) * log_ratio + math.log1p(slowdown), std_error, 1e6)

    return confirmed(beside.after(Pair(found.log_ratio, found.std_error, 1e6)), pair)


def confirmed(asked: SlowdownTest[Any], measure: Callable[[], Any]) -> bool:
    fresh: list[Any] = []
    while asked.needs_fresh(fresh):
        fresh.append(measure())
    return asked.confirmed(fresh).verdict is RegressionVerdict.REGRESSED


def share(found: Mapping[str, int], names: Sequence[str] = ()) -> float:
    counts = [found[name] for name in names or found]
    return sum(counts) / (SESSIONS * len(counts))


@pytest.mark.parametrize(("slowdown", "least"), [(0.05, 0.93), (0.08, 0.97), (0.1, 0.98)])
def test_slowdowns_of_all_kinds_are_caught(recorded: Workloads, slowdown: float, least: float) -> None:
    assert share(red(recorded, slowdown, confirm="auto")) >= least


def test_unchanged_code_stays_green(recorded: Workloads) -> None:
    found = red(recorded, 0.0, confirm="auto")
    assert sum(found.values()) <= at_most(ALPHA, SESSIONS)


def test_fresh_processes_do_not_catch_code_whose_data_is_scattered(recorded: Workloads) -> None:
    """Processes of the same code differ by up to 15 %."""
    scattered = ["numpy", "scattered objects", "large dictionary"]
    assert share(red(recorded, 0.1, confirm="runs"), scattered) <= 0.3
    assert share(red(recorded, 0.1, confirm="auto"), scattered) >= 0.8


def test_threads_that_take_turns_are_caught_on_one_cpu_only(recorded: Workloads) -> None:
    threads = {name: one for name, one in recorded.items() if "on all CPUs" in one}
    assert share(red(threads, 0.1, confirm="runs"), ["threads and queues"]) >= 0.95
    on_all = red(threads, 0.1, confirm="runs", together="on all CPUs")
    assert share(on_all, ["threads and queues"]) <= 0.3
