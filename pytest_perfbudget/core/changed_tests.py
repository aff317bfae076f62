"""The verdict on a perf test that a pull request changes: whether the test measures less than it did.

The base's own test and the head's test run the same code, in pairs: first the base's, and then, if the pull request
changes the code, the head's, where a test may need a new function, or ask whether that is there. Either shows a
loosened test: the session has compared the head's test on the head's code with the base's test on the base's code, so
slower code can only hide behind a test that takes less than the base's own test does, with the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pytest_perfbudget.core.cost_graph import CostGraph
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict


def lower_numbers(measurements: Iterable[Measurement]) -> list[tuple[str, RegressionResult]]:
    """Return the numbers of a test that are lower than those of the base's own test, or may be.

    Args:
        measurements: the test's measurements. Their changes compare the base's code with itself: `before` is the number
            in the changed test, `after` the number in the base's own test.

    Returns:
        The name of each measurement with a result: `regressed` if the changed test measures less, or unjudged if the
        times could not be compared.
    """
    found = [(one.name, change) for one in measurements for change in one.changes]
    less = [(name, one) for name, one in found if one.verdict is RegressionVerdict.REGRESSED]
    return less or [(name, one) for name, one in found if one.verdict.is_unjudged and one.metric == TIME.name]


_MOST_REPLACED: Final = 0.1
"""The share of the time that a changed test may spend in other functions: profiles of small functions are inexact."""


@dataclass(frozen=True, slots=True)
class ReplacedCode:
    """The functions that the base's own test runs and a changed test does not, with the same code before both.

    Attributes:
        shares: the share of each in the time of the base's own test, by name, the largest first.
        hideable: the functions among them in which the pull request may hide slower code.
    """

    shares: Mapping[str, float]
    hideable: frozenset[str] = frozenset()

    @property
    def share(self) -> float:
        """Their share together."""
        return sum(self.shares.values())

    def also_in(self, other: ReplacedCode | None) -> ReplacedCode | None:
        """Return the functions that another pair of processes found, too, if they matter; else None.

        Which functions a test runs may depend on chance.
        """
        again = {} if other is None else other.shares
        both = {name: min(share, again[name]) for name, share in self.shares.items() if name in again}
        return _that_matter(both, self.hideable)

    @property
    def hiding(self) -> ReplacedCode | None:
        """The functions in which the pull request may hide slower code, if they matter; else None."""
        return _that_matter({name: self.shares[name] for name in self.shares if name in self.hideable}, self.hideable)


def replaced_code(
    own: CostGraph,
    changed: CostGraph,
    files: Collection[str],
    changed_files: Collection[str],
    may_hide: Callable[[str, str], bool] = lambda _, __: True,
) -> ReplacedCode | None:
    """Return the functions of the code under test that a changed test runs no more, if they matter; else None.

    A changed test may take as long as before and run something else: a copy of the code, or a patched function.

    Args:
        own: the costs of the base's own test, with the base's code.
        changed: the costs of the changed test, with the base's code, too.
        files: the files of the code under test that the base's own test runs, relative to the top folder.
        changed_files: the files that the changed test runs.
        may_hide: a function that takes the name of a function with its file, and returns whether the pull request may
            hide slower code there.
    """
    found: dict[str, float] = {}
    hideable: set[str] = set()
    for name, cost in own.functions.items():
        homes = [file for file in files if _is_in(name, file)]
        if homes and (name not in changed.functions or not any(file in changed_files for file in homes)):
            found[name] = cost.own_ns / own.total_ns if own.total_ns else 0.0
            if any(may_hide(name, file) for file in homes):
                hideable.add(name)
    return _that_matter(found, hideable)


def _that_matter(shares: Mapping[str, float], hideable: Collection[str]) -> ReplacedCode | None:
    found = ReplacedCode(dict(sorted(shares.items(), key=lambda one: -one[1])), frozenset(hideable) & shares.keys())
    return found if found.share > _MOST_REPLACED else None


def _is_in(function: str, file: str) -> bool:
    """Return whether a function, `module:name`, may be from a file; a module's name may lack the first folders."""
    path = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return f".{path}".endswith(f".{function.partition(':')[0]}")


class PerfTestChange(str, Enum):
    """The kinds of changes of a perf test that a reviewer should see; the first one fails the session."""

    MEASURES_LESS = "measures less"
    MAY_MEASURE_LESS = "may measure less"
    MEASURES_OTHER_CODE = "measures other code"
    FOLLOWS_CODE = "follows renamed code"


@dataclass(frozen=True, slots=True)
class ChangedTest:
    """A test that a pull request changes, compared with the base's own test with the same code.

    Attributes:
        is_own: whether the test itself has changed, or what it names; else only a conftest.py has, by other lines.
        numbers: the result of `lower_numbers`.
        replaced: the code that the test does not run any more, by measurement.
        with_base: the comparison with the base's code, if this one is with the head's code, because that one did not
            show whether the test measures less, or this one shows that the test does; else None.
        names: the names by which alone the test differs, by the name in the base; empty if anything else differs.
        renamed: these names, if the pull request changes them in the code as well and nothing can hide; see
            `checkout.hidden_code`.
        may_patch: whether a conftest.py has changed by more than imports, constants and fixtures.
        files: the changed files of the test's side.
        inputs: those that are data outside of the folder of tests, which the test names.
        is_of_code: whether nothing of the test has changed but such data, which the code names, too: the code may
            have become faster by that.
    """

    is_own: bool
    numbers: Sequence[tuple[str, RegressionResult]] = ()
    replaced: Mapping[str, ReplacedCode] = field(default_factory=dict)
    with_base: ChangedTest | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    may_patch: bool = False
    files: Sequence[str] = ()
    inputs: Sequence[str] = ()
    is_of_code: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether the tests could not be compared."""
        return any(one.verdict.is_unjudged for _, one in self.numbers)

    @property
    def is_less(self) -> bool:
        """Whether a number of the changed test is lower."""
        return any(one.verdict is RegressionVerdict.REGRESSED for _, one in self.numbers)

    @property
    def reasons(self) -> list[str]:
        """The reasons why the tests could not be compared, with the base's code and with the head's."""
        before = [] if self.with_base is None else self.with_base.reasons
        return [*before, *[one.reason for _, one in self.numbers if one.verdict.is_unjudged][:1]]

    @property
    def hiding(self) -> Mapping[str, ReplacedCode]:
        """The code among `replaced` that may hide slower code, by measurement."""
        return {name: part for name, one in self.replaced.items() if (part := one.hiding) is not None}

    @property
    def is_incomparable(self) -> bool:
        """Whether each version of the test runs code of its own, with the only code that runs both.

        The numbers say nothing then: an old function that stays fast is no measure for a new one, which the test may
        give less to do. A version that only calls the new function instead has the same to do.
        """
        has_none = self.with_base is not None and self.with_base.is_unknown
        return has_none and bool(self.replaced) and len(self.names) != 1

    @property
    def change(self) -> PerfTestChange | None:
        """The kind of the change; None if the test measures as much as before."""
        if self.renamed:  # with the base's code, the new version may run another function, which had that name before
            return PerfTestChange.FOLLOWS_CODE
        measures_less = bool(self.numbers or self.hiding or self.is_incomparable)
        is_doubtful = self.is_of_code or (self.is_unknown and not self.is_own and not self.may_patch)
        if measures_less and is_doubtful:
            return PerfTestChange.MAY_MEASURE_LESS
        if measures_less:
            return PerfTestChange.MEASURES_LESS
        return PerfTestChange.MEASURES_OTHER_CODE if self.replaced else None


def is_comparable(measurement: Measurement) -> bool:
    """Return whether a measurement of a changed test is compared with the same of the base's own test.

    A measurement that the base does not have is new. One that could not be compared has a result of its own.

    Args:
        measurement: the measurement, with the results of the session.
    """
    return measurement.is_pending or any(not one.verdict.is_unjudged for one in measurement.changes)
