"""The interval of the geometric mean, on recorded sessions of identical code: each half by time, and each machine.

The constants were learned from some of these sessions. Here each half of a recording, and each machine, has to keep what
the interval states, so that no constant holds for the sessions alone that it was learned from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
from results import change, measurement

from pytest_perfbudget.core.kept_blocks import KeptBlocks
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.reference import compare, estimate_for, fit, prior_of
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.saved_comparison import MeanChange, compare_sessions, mean_change
from pytest_perfbudget.core.weather import BlockTime

MACHINES = {"A": "runs.json", "B": "sequential.json"}
BASELINE_RUNS = 5
Recorded = Mapping[str, Any]
Make = Callable[[Sequence[Recorded], float], list[RunResult]]


def blocks_of(recorded: Any, factor: float) -> list[BlockTime]:
    times, canaries = recorded
    around = zip(times, canaries, canaries[1:], strict=False)
    return [BlockTime(factor * time, (*map(float, one),), (*map(float, other),)) for time, one, other in around]


def with_blocks(runs: Sequence[Recorded], factor: float) -> list[RunResult]:
    """Return sessions that keep blocks, of code that takes `factor` times as long as recorded."""
    return [
        RunResult(
            measurements=[
                measurement(nodeid=name, blocks=KeptBlocks.of(blocks_of(one, factor))) for name, one in run.items()
            ]
        )
        for run in runs
    ]


def with_baseline(runs: Sequence[Recorded], factor: float) -> list[RunResult]:
    """Return sessions that were compared with a baseline of the first runs, without fresh processes."""
    names = list(runs[0])
    known = {name: fit([blocks_of(run[name], 1.0) for run in runs[:BASELINE_RUNS]]) for name in names}
    prior = prior_of(known.values())

    def compared(name: str, recorded: Any) -> Measurement:
        found = compare(known[name], [estimate_for(known[name], blocks_of(recorded, factor))], prior)
        after = known[name].time_ns * math.exp(found.log_ratio)
        result = change(RegressionVerdict.UNDECIDED, after=after, log_std_error=found.std_error, runs=0)
        return measurement(result, nodeid=name, max_regression=0.05)

    return [RunResult(measurements=[compared(name, run[name]) for name in names]) for run in runs[BASELINE_RUNS:]]


def means(before: Sequence[RunResult], after: Sequence[RunResult], *, is_quick: bool) -> list[MeanChange]:
    """Return the means of all pairs of sessions or, where a pair takes long, of pairs that lie a half apart."""
    number = len(before)
    pairs = list(combinations(range(number), 2)) if is_quick else [(at, at + number // 2) for at in range(number // 2)]
    found = [mean_change(compare_sessions(before[one], after[other])) for one, other in pairs]
    return [one for one in found if one is not None]


@pytest.mark.parametrize("make", [with_blocks, with_baseline])
@pytest.mark.parametrize("machine", MACHINES)
def test_each_half_of_each_machine_keeps_the_stated_error(data: Callable[[str], Any], machine: str, make: Make) -> None:
    sessions = make(data(MACHINES[machine])["runs"], 1.0)
    half = len(sessions) // 2
    for part in (sessions[:half], sessions[half:]):
        found = means(part, part, is_quick=make is with_baseline)
        assert sum(not one.may_be_none for one in found) <= max(0.05 * len(found), 1)


@pytest.mark.parametrize(("make", "factor"), [(with_blocks, 1.4), (with_baseline, 1.15)])
@pytest.mark.parametrize("machine", MACHINES)
def test_a_slowdown_of_all_tests_is_beyond_the_interval(
    data: Callable[[str], Any], machine: str, make: Make, factor: float
) -> None:
    runs = data(MACHINES[machine])["runs"][:20]
    found = means(make(runs, 1.0), make(runs, factor), is_quick=False)
    assert sum(one.lower > 1 for one in found) >= 0.9 * len(found)
