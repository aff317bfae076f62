"""The perf tests of a session with a planted slowdown: which see the slowdown, which are blind, which do not run it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import CALLS, TIME
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

_PLANTED_CALLS: Final = 3
"""The fewest further calls of a planted function: of its wrapper, and twice of the clock."""


@dataclass(frozen=True, slots=True)
class PlantedTests:
    """The compared tests, by their node ids.

    Attributes:
        seeing: the tests with a time that is `regressed`.
        blind: the other tests that run a planted function, each with the comparison of its time; None without any.
        untouched: the tests that run no planted function in their measured code.
    """

    seeing: Sequence[str]
    blind: Mapping[str, RegressionResult | None]
    untouched: Sequence[str]

    @property
    def number(self) -> int:
        """The number of compared tests."""
        return len(self.seeing) + len(self.blind) + len(self.untouched)


def planted_tests(measurements: Iterable[Measurement]) -> PlantedTests:
    """Return the tests of a session that compared a checkout with a planted slowdown with the same without it.

    The time decides: the planting itself adds calls of functions, so a test whose times say nothing would be red.
    """
    tests: dict[str, list[Measurement]] = {}
    for one in measurements:
        if one.changes:
            tests.setdefault(one.nodeid, []).append(one)
    seeing = [test for test, own in tests.items() if any(map(_sees, own))]
    touched = {test: [one for one in own if _runs_planted(one)] for test, own in tests.items() if test not in seeing}
    blind = {test: _change(own[0], TIME.name) for test, own in touched.items() if own}
    return PlantedTests(seeing, blind, [test for test, own in touched.items() if not own])


def _sees(measurement: Measurement) -> bool:
    time = _change(measurement, TIME.name)
    return time is not None and time.verdict is RegressionVerdict.REGRESSED


def _runs_planted(measurement: Measurement) -> bool:
    """Return whether a measurement runs planted functions; without a number of its calls, it is taken to run some."""
    calls = _change(measurement, CALLS.name)
    if calls is None or calls.before is None or calls.after is None:
        return True
    return calls.after - calls.before >= _PLANTED_CALLS


def _change(measurement: Measurement, metric: str) -> RegressionResult | None:
    return next((one for one in measurement.changes if one.metric == metric), None)
