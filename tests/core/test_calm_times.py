"""The distribution of a measurement's rounds, corrected to calm weather."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pytest_perfbudget.core.calm_quantiles import FEWEST_ROUNDS, SHARES
from pytest_perfbudget.core.calm_times import calm_factor, calm_times, quantiles_of
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import Reference, uncorrected
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.weather import BlockTime

CALM_NS = (40_000.0, 20_000.0, 30_000.0)
FELT = Reference(1e6, 0.01, 10, 5, 10.0, 0.0, 0.05, (0.4, 0.3, 0.3), CALM_NS)
"""The time of a function that feels the whole weather."""


def run(slow: float = 1.0, *, rounds: int = 100, calls: int = 1, with_blocks: bool = True) -> Recording:
    """Return a run in weather that makes everything slower by a factor."""
    draw = random.Random(rounds)
    canaries = tuple(slow * one for one in CALM_NS)
    times = [1e6 * slow * draw.lognormvariate(0, 0.1) for _ in range(rounds)]
    blocks = [BlockTime(1e6 * slow, canaries, canaries)] * 5
    return Recording(blocks if with_blocks else (), rounds=RoundTimes.of(times, calls))


def times_of(*runs: Recording) -> list[float]:
    """Return the times of the rounds in calm weather, without their waits."""
    return [time_ns for time_ns, _ in calm_times(runs, FELT)]


def test_runs_in_bad_weather_have_the_times_of_calm_weather() -> None:
    assert calm_factor(run(1.5), FELT) == pytest.approx(1 / 1.5)
    assert times_of(run(1.5)) == pytest.approx(times_of(run()), rel=2 / 16_384)


def test_the_waits_of_a_round_stay_beside_its_time() -> None:
    slow = run(1.5)
    waiting = RoundTimes.of([3e6, 1.5e6], waited_ns=[1.5e6, 0])
    assert calm_times([replace(slow, rounds=waiting)], FELT) == [pytest.approx(one) for one in ((1e6, 0), (2e6, 1e6))]


def test_the_rounds_of_all_runs_are_put_together_in_ascending_order() -> None:
    found = times_of(run(), run(1.3), run(calls=10))
    assert len(found) == 300
    assert found == sorted(found)


def test_the_quantiles_are_those_of_the_rounds() -> None:
    times, found = times_of(run()), quantiles_of([run()], FELT)
    assert found is not None
    assert (found.rounds, len(found.times_ns)) == (100, len(SHARES))
    assert (found.times_ns[0], found.times_ns[-1]) == (times[0], times[-1])
    assert found.times_ns[SHARES.index(0.5)] == times[49]
    assert found.times_ns[SHARES.index(0.95)] == times[94]


def test_too_few_rounds_have_none() -> None:
    assert quantiles_of([run(rounds=FEWEST_ROUNDS)], FELT) is not None
    assert quantiles_of([run(rounds=FEWEST_ROUNDS - 1)], FELT) is None


def test_a_time_whose_weather_is_not_known_has_none() -> None:
    assert quantiles_of([run()], uncorrected(1e6, 0.01)) is None
    assert quantiles_of([run(with_blocks=False)], FELT) is None
    assert quantiles_of([Recording(run().blocks)], FELT) is None
    in_turns = replace(run(), blocks=[BlockTime(1e6, (), ())] * 5)
    assert quantiles_of([in_turns], FELT) is None
