"""Budgets suggested from a measured session: a limit that the same code keeps on a noisy day.

The limit is the upper confidence bound of the observed statistic, times `HEADROOM`, rounded up to 1, 2 or 5 times a
power of ten. The bound holds for the session alone. The headroom is for the difference between sessions: on shared
virtual machines the times of unchanged code differ by up to half, and a runner may be slower than the machine of the
session.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.quantile import fixed_look, rounds_to_bound
from pytest_perfbudget.core.kinds import BENCHMARK, BODY, CALL, PEDANTIC, TIMER
from pytest_perfbudget.core.measurement import Measurement, file_of, function_of
from pytest_perfbudget.core.samples import quantile
from pytest_perfbudget.core.units import NS_PER

HEADROOM: Final = 2.0
"""The factor between the bound and the limit, before rounding."""

LOOSE: Final = 10
"""The factor between the observed time and the limit from which the limit is loose; of quiet rounds it is 2 to 5."""

_STEPS: Final = (1, 2, 5, 10)
_ERRORS: Final = Errors(exceeded=0.01, within=0.05)
_STATISTICS: Final[Mapping[str, float]] = {"p95": 0.95, "p50": 0.5}
"""The statistics that a suggestion limits, the first that the rounds can bound. A median needs 5 rounds, a p95 59."""
_KINDS: Final = frozenset({BODY, CALL, TIMER, BENCHMARK, PEDANTIC})
"""The kinds whose times a limit on a test limits; a load and a ratio have limits of their own in their calls."""
_TEST_FOLDERS: Final = frozenset({"test", "tests", "testing", "src", "unit", "perf", "performance", "benchmarks"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A budget for a test.

    Attributes:
        test: the node id of the test's function, which covers all of its cases.
        statistic: the limited statistic, `p95` or `p50`.
        observed_ns: the largest value of the statistic among the test's measurements.
        bound_ns: the largest upper confidence bound of the statistic.
        limit_ns: the limit.
        component: the component, named after the place of the test in the tree; empty if the test has a component.
    """

    test: str
    statistic: str
    observed_ns: float
    bound_ns: float
    limit_ns: int
    component: str

    @property
    def is_loose(self) -> bool:
        """Whether the rounds differ so much that the limit hides a slowdown by far more than the headroom."""
        return self.limit_ns >= LOOSE * max(self.observed_ns, 1.0)

    def entry(self) -> dict[str, object]:
        """Return the entry for `[tool.perfbudget.budgets]`, in the largest unit that gives a whole number."""
        unit = next(one for one in ("ms", "us", "ns") if self.limit_ns % NS_PER[one] == 0)
        limit: dict[str, object] = {f"{self.statistic}_{unit}": self.limit_ns // NS_PER[unit]}
        return {**limit, "component": self.component} if self.component else limit


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The budgets for the tests of a session, and the tests that cannot have any, with the reason."""

    budgets: Sequence[Suggestion]
    without: Mapping[str, str]


def suggest(measurements: Iterable[Measurement]) -> Suggestions:
    """Return a budget for each test that has no budget on a time yet."""
    tests: dict[str, list[Measurement]] = {}
    for one in measurements:
        tests.setdefault(function_of(one.nodeid), []).append(one)
    found: list[Suggestion] = []
    without: dict[str, str] = {}
    for test, own in tests.items():
        if any(budget.unit == "ns" for one in own for budget in one.budgets):
            continue
        timed = [one for one in own if one.kind in _KINDS and one.times is not None]
        if not timed:
            reason = next((one.unmeasured for one in own if one.unmeasured), "nothing in it is timed")
            without[test] = reason
        elif (suggestion := _suggestion(test, timed)) is not None:
            found.append(suggestion)
        else:
            fewest = min(_rounds(one) for one in timed)
            without[test] = f"it has {fewest} of the {rounds_to_bound(0.5, _ERRORS.within)} rounds that a limit needs"
    return Suggestions(found, without)


def limit_above(bound_ns: float) -> int:
    """Return the limit for a bound: with headroom, rounded up to 1, 2 or 5 times a power of ten."""
    wanted = max(bound_ns * HEADROOM, 1.0)
    power = 10 ** math.floor(math.log10(wanted))
    return int(next(step * power for step in _STEPS if step * power >= wanted * (1 - 1e-9)))


def upper_bound(times_ns: Sequence[float], share: float) -> float | None:
    """Return the upper confidence bound of a quantile; None if the rounds are too few for a bound."""
    look = fixed_look(share, _ERRORS, len(times_ns))
    return sorted(times_ns)[len(times_ns) - look.within_at_most - 1] if look.within_at_most >= 0 else None


def component_of(file: str) -> str:
    """Return the name of a component for a test file: its folders without those that only say "tests", or its name."""
    *folders, name = file.split("/")
    kept = [one for one in folders if one.lower() not in _TEST_FOLDERS]
    stem = name.removesuffix(".py").removeprefix("test_").removesuffix("_test")
    return ".".join(kept) or stem


def _suggestion(test: str, timed: Sequence[Measurement]) -> Suggestion | None:
    for statistic, share in _STATISTICS.items():
        times = [one.times.times_ns() for one in timed if one.times is not None]
        bounds = [upper_bound(one, share) for one in times]
        known = [one for one in bounds if one is not None]
        if len(known) == len(bounds):
            observed_ns = max(quantile(sorted(one), share) for one in times)
            has_component = any(one.component for one in timed)
            component = "" if has_component else component_of(file_of(test))
            return Suggestion(test, statistic, observed_ns, max(known), limit_above(max(known)), component)
    return None


def _rounds(measurement: Measurement) -> int:
    return len(measurement.times.times_ns()) if measurement.times is not None else 0
