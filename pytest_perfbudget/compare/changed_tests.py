"""Tests that a pull request changes: the head's test and the base's own test measure the same code, in pairs.

Only the test itself can make the difference then. What the results mean is decided in `core.changed_tests`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from pytest_perfbudget.checkout.perf_test_changes import PerfTestChanges
from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.obstacles import untimed
from pytest_perfbudget.compare.pair_runner import PairRunner
from pytest_perfbudget.compare.pair_task import PairTask
from pytest_perfbudget.compare.paired import PairedComparison
from pytest_perfbudget.compare.same_code import SameCodeCheckout, WithBaseCode, WithHeadCode
from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.changed_tests import (
    ChangedTest,
    PerfTestChange,
    ReplacedCode,
    is_comparable,
    lower_numbers,
    replaced_code,
)
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.errors import ComparisonError, GitError, WorkerError

_CONFIRMING: Final = 2
"""The number of fresh pairs that have to find the same replaced code as the first pair."""

_Noted = Mapping[str, tuple[Sequence[Measurement], Mapping[str, MeasurementRequest]]]
"""The measurements and the requests of tests; see `ComparisonStrategy.settle`."""


class ChangedTests:
    """The tests of a session that the head has changed, and the comparison of each with the base's own test.

    Args:
        context: the session.
        base: the commit.
        changes: the changes of the head to its perf tests.
    """

    def __init__(self, context: ComparisonContext, base: Base, changes: PerfTestChanges) -> None:
        self._context = context
        self._base = base
        self._changes = changes
        self._own: set[str] = set()
        self._noted: dict[str, tuple[Sequence[Measurement], Mapping[str, MeasurementRequest]]] = {}

    def note(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        requests: Mapping[str, MeasurementRequest],
        settled: Sequence[Measurement],
    ) -> None:
        """Note a test of the session that has been compared with the base.

        Args:
            nodeid: the test.
            measurements: the measurements before the comparison; see `ComparisonStrategy.settle`.
            requests: the requests, likewise.
            settled: the measurements with the results of the comparison.
        """
        names = {one.name for one in settled if is_comparable(one)} & requests.keys()
        if names and self._changes.may_change(nodeid):
            known = {name: requests[name] for name in names}
            if self._changes.is_own(nodeid) or any(change.is_test_changed for one in settled for change in one.changes):
                self._own.add(nodeid)
            self._noted[nodeid] = [one for one in measurements if one.name in names], known

    def compared(self) -> dict[str, ChangedTest]:
        """Return each test that the head has changed, compared with the base's own test.

        The session's fixtures have to be torn down.
        """
        context = replace(
            self._context,
            stop_timeout=lambda: None,
            note_base=lambda _: None,
            note_lost=lambda _, __: None,
            note_other_files=lambda _: None,
            shows_spans=False,
            looks_at_spans=lambda: False,
            inputs=sorted({one for nodeid in self._noted for one in self._changes.inputs(nodeid)}),
        )
        found = self._compared(context, WithBaseCode(context, self._base), self._noted)
        with_head_code = WithHeadCode(context, self._base)
        open_ones = {
            nodeid: self._noted[nodeid]
            for nodeid, one in found.items()
            if one.is_unknown
            or (one.change is not PerfTestChange.MEASURES_LESS and with_head_code.hidden_code(nodeid).changes_code)
        }
        for nodeid, one in self._compared(context, with_head_code, open_ones).items():
            # A test may ask whether the new code is there, or patch what only the new code has.
            is_open = one.is_unknown and self._changes.has_patches(nodeid)
            if found[nodeid].is_unknown or one.is_less or is_open:
                found[nodeid] = replace(one, with_base=found[nodeid])
        return {nodeid: self._followed(nodeid, one, with_head_code) for nodeid, one in found.items()}

    def _followed(self, nodeid: str, one: ChangedTest, checkout: SameCodeCheckout) -> ChangedTest:
        """Return a comparison with the names by which the test follows the code, if it does nothing else."""
        if one.change not in (PerfTestChange.MEASURES_LESS, PerfTestChange.MAY_MEASURE_LESS):
            return one
        changes, names, code = self._changes, self._changes.renames(nodeid), checkout.hidden_code(nodeid)
        told = replace(
            one,
            names=names,
            may_patch=changes.may_patch(nodeid),
            files=changes.files(nodeid),
            inputs=changes.inputs(nodeid),
        )
        try:
            is_followed = code.is_renamed_throughout(names) or (one.is_unknown and code.is_only_renamed(names))
            is_of_code = changes.changes_only_data_of_code(nodeid)
        except GitError as error:  # what excuses the change is not known: a reviewer decides, and reads why
            problem = untimed(RegressionVerdict.UNMEASURED, str(error))
            return replace(told, is_own=True, numbers=[("", problem), *one.numbers])
        return replace(told, renamed=names if is_followed else {}, is_of_code=is_of_code)

    def _compared(
        self, context: ComparisonContext, checkout: SameCodeCheckout, noted: _Noted
    ) -> dict[str, ChangedTest]:
        if not noted:
            return {}
        pairs = _TestPairs(context, self._base, checkout)
        comparison = PairedComparison(context, self._base, pairs)
        try:
            comparison.begin(noted)
            comparison.start()
            settled: dict[str, Sequence[Measurement]] = {
                test: comparison.settle(test, *asked) for test, asked in noted.items()
            }
            settled.update(comparison.finish())
        except (ComparisonError, GitError, WorkerError) as error:
            problem = untimed(RegressionVerdict.UNMEASURED, str(error))
            return {nodeid: ChangedTest(nodeid in self._own, [("", problem)]) for nodeid in noted}
        finally:
            comparison.close()
        return {
            nodeid: ChangedTest(nodeid in self._own, lower_numbers(one), pairs.replaced.get(nodeid, {}))
            for nodeid, one in settled.items()
        }


class _TestPairs(PairRunner):
    """The pairs of a process with the base's own tests and a process with the head's tests, both with the same code.

    Attributes:
        replaced: the code that tests run no more, by test and measurement.
    """

    def __init__(self, context: ComparisonContext, base: Base, checkout: SameCodeCheckout) -> None:
        self._checkouts = checkout
        super().__init__(context, base, checkout)
        self.replaced: dict[str, dict[str, ReplacedCode]] = {}

    def screen(self, task: PairTask, nodeids: Sequence[str]) -> Attempt[Pair]:
        """See `PairRunner.screen`; the profiles of both processes show which code they have run."""
        found = super().screen(task, nodeids)
        replaced = {name: one for name, one in self._replaced_in(found, task.nodeid).items() if one is not None}
        with suppress(WorkerError):  # what the first pair has found stays: a process that dies shows nothing else
            for _ in range(_CONFIRMING if replaced else 0):
                again = self._replaced_in(self.measure(task, own_file_only=False), task.nodeid)
                both = {name: one.also_in(again[name]) if name in again else one for name, one in replaced.items()}
                replaced = {name: one for name, one in both.items() if one is not None}
        if replaced:
            self.replaced[task.nodeid] = replaced
        return found

    def _replaced_in(self, found: Attempt[Pair], nodeid: str) -> dict[str, ReplacedCode | None]:
        """Return the code that the head's test does not run, by each measurement of which both sides have a profile."""
        replaced = {}
        for name, sides in found.sides.items():
            own, changed = self._checkouts.files_of(nodeid, sides)
            if sides.head.costs is not None and sides.base.costs is not None:
                may_hide = partial(self._may_hide, nodeid, own)
                replaced[name] = replaced_code(sides.head.costs, sides.base.costs, own, changed, may_hide)
        return replaced

    def _may_hide(self, nodeid: str, ran: Sequence[str], function: str, file: str) -> bool:
        is_base = not self._checkouts.has_head_code
        return is_base and self._checkouts.hidden_code(nodeid).may_have(function, file, ran)
