"""The error of a number in the history: that of the rounds, and that of a machine on which other processes ran."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from statistics import stdev

import pytest
from results import MS, measurement

from pytest_perfbudget.core.change_points import Change, change_points
from pytest_perfbudget.core.history.point_errors import value_and_error
from pytest_perfbudget.core.kinds import RATIO
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.samples import Samples, describe, describe_without_waits

ROUNDS = 60
SESSIONS = 30
SERIES = 150
FEWER_SERIES = 40


def measured(wall_ns: Sequence[float], waited_ns: Sequence[float] = ()) -> Measurement:
    samples = Samples(wall_ns, waited_ns=waited_ns)
    return measurement(
        statistics=describe(samples),
        without_waits=describe_without_waits(samples),
        times=RoundTimes.of(wall_ns, 1, waited_ns),
        rounds=len(wall_ns),
    )


def point(made: Measurement, statistic: str) -> tuple[float, float | None]:
    return value_and_error(made, statistic, made.statistics[statistic])


class TestValue:
    """The value is that of the code: without the time in which other processes held the CPU."""

    def test_waits_are_taken_off_and_are_an_error(self) -> None:
        made = measured([MS] * 50 + [9 * MS] * 10, [0.0] * 50 + [8 * MS] * 10)
        value, error = point(made, "p95")
        assert value == MS
        assert error == pytest.approx(math.log(9), rel=0.01)

    def test_a_number_without_waits_stays_as_it_is(self) -> None:
        value, error = point(measured([MS] * 60, [0.0] * 60), "p95")
        assert (value, error) == (MS, None)

    def test_waits_hardly_make_a_median_uncertain(self) -> None:
        """The median of calls that all waited for half of their time is near the median of a calm session."""
        value, error = point(measured([2 * MS] * 60, [MS] * 60), "median")
        assert value == MS
        assert error == pytest.approx(0.1 * math.log(2), rel=0.01)

    @pytest.mark.parametrize("statistic", ["median", "mean", "p95"])
    def test_the_rounds_of_a_number_without_waits_are_those_without_waits(self, statistic: str) -> None:
        """Half of the calls waited for 1 to 20 ms, so that their times differ by far more than the code's own."""
        chosen = random.Random(25)
        own_ns = [MS * math.exp(chosen.gauss(0, 0.03)) for _ in range(60)]
        waited_ns = [chosen.choice((0, 1)) * chosen.uniform(1, 20) * MS for _ in own_ns]
        made = measured([own + gone for own, gone in zip(own_ns, waited_ns, strict=True)], waited_ns)
        value, error = point(made, statistic)
        assert error is not None
        left = (0.1 if statistic == "median" else 1.0) * math.log(made.statistics[statistic] / value)
        assert math.sqrt(error**2 - left**2) < 0.02

    def test_a_ratio_and_rounds_that_are_not_known_have_no_error(self) -> None:
        made = measurement(statistics={"median": MS})
        assert value_and_error(made, "median", MS) == (MS, None)
        ratio = measurement(kind=RATIO, statistics={"ratio": 2.0}, times=RoundTimes.of([MS] * 60))
        assert value_and_error(ratio, "median", 2.0) == (2.0, None)

    def test_the_shortest_and_the_longest_call_have_no_error_of_their_rounds(self) -> None:
        assert point(measured([MS, 2 * MS] * 30), "max") == (2 * MS, None)


@pytest.mark.parametrize(("statistic", "rounds"), [("median", 200), ("mean", 200), ("p95", 200), ("p95", 5000)])
def test_the_error_of_the_rounds_is_that_from_session_to_session(statistic: str, rounds: int) -> None:
    """Of 5,000 rounds a report keeps 500."""
    chosen = random.Random(25)
    made = [measured([MS * math.exp(chosen.gauss(0, 0.1)) for _ in range(rounds)]) for _ in range(100)]
    found = [point(one, statistic) for one in made]
    actual = stdev(math.log(value) for value, _ in found)
    usual = sorted(error or 0.0 for _, error in found)[50]
    assert 0.7 * actual < usual < 1.4 * actual


def session(chosen: random.Random, level_ns: float, *, is_busy: bool) -> Measurement:
    """Return rounds with noise of 3 % and sessions that differ by 2 %; a busy machine interrupts rounds for 4 ms and more.

    Part of an interruption is not known as a wait, as cold caches and coarse clocks leave it.
    """
    level_ns *= math.exp(chosen.gauss(0, 0.02))
    share = chosen.uniform(0.03, 0.3) if is_busy else 0.0
    wall_ns, waited_ns = [], []
    for _ in range(ROUNDS):
        own_ns = level_ns * math.exp(chosen.gauss(0, 0.03))
        gone_ns = chosen.uniform(4, 20) * MS if chosen.random() < share else 0.0
        waited_ns.append(gone_ns * chosen.uniform(0.85, 1))
        wall_ns.append(own_ns + gone_ns)
    return measured(wall_ns, waited_ns)


def changes(factor: float = 1.0, *, series: int = SERIES, with_waits: bool = False) -> Iterator[list[Change]]:
    """Yield the changes of the p95 of histories that end in a busy week, in which the code is slower by a factor."""
    chosen = random.Random(2526)
    for _ in range(series):
        begin = chosen.randrange(12, 24)
        busy = [at >= begin and chosen.random() < 0.8 for at in range(SESSIONS)]
        made = [session(chosen, MS * (factor if at >= begin else 1), is_busy=one) for at, one in enumerate(busy)]
        found = [point(one, "p95") for one in made]
        if with_waits:
            found = [(one.statistics["p95"], None) for one in made]
        values, errors = zip(*found, strict=True)
        yield list(change_points(values, errors).changes)


class TestBusyWeek:
    """Histories whose last sessions ran beside other work: of 60 rounds of 1 ms, 3 to 30 % waited 4 to 20 ms."""

    def test_a_busy_machine_is_no_change_of_the_code(self) -> None:
        false = sum(map(len, changes()))
        assert false <= SERIES * SESSIONS / 1000

    def test_waits_in_the_numbers_would_look_like_a_change(self) -> None:
        found = changes(series=FEWER_SERIES, with_waits=True)
        assert sum(map(bool, found)) > 0.7 * FEWER_SERIES

    def test_a_slowdown_at_the_same_time_is_never_made_larger_by_the_waits(self) -> None:
        found = [one for each in changes(1.5, series=FEWER_SERIES) for one in each]
        assert len(found) > 0.5 * FEWER_SERIES
        assert all(one.lower < 1.6 and one.ratio < 2.5 for one in found)
        with_waits = [one for each in changes(1.5, series=FEWER_SERIES, with_waits=True) for one in each]
        assert max(one.ratio for one in with_waits) > 5
