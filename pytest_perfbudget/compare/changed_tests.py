"""Tests that a pull request changes: the base's code measured by the head's test and by its own test, in pairs.

Both processes of a pair run the code of the base, so only the test itself can make the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from pytest_perfbudget.checkout.hidden_code import HiddenCode
from pytest_perfbudget.checkout.perf_test_changes import PerfTestChanges
from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare.base_checkout import BaseCheckout, Launch
from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Sides
from pytest_perfbudget.compare.obstacles import untimed
from pytest_perfbudget.compare.pair_runner import PairRunner, PairTask
from pytest_perfbudget.compare.paired import PairedComparison
from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.changed_tests import ReplacedCode, is_comparable, lower_numbers, replaced_code
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.errors import ComparisonError, WorkerError

_CONFIRMING: Final = 2
"""The number of fresh pairs that have to find the same replaced code as the first pair."""


class ChangedTests:
    """The tests of a session that the head has changed, and the comparison of each with the base's own test.

    Args:
        context: the session.
        base: the commit.
        changes: the changes of the head to its perf tests.

    Attributes:
        replaced: the code that tests run no more, by test and measurement; known after `measuring_less`.
    """

    def __init__(self, context: ComparisonContext, base: Base, changes: PerfTestChanges) -> None:
        self._context = context
        self._base = base
        self._changes = changes
        self._own: set[str] = set()
        self.replaced: dict[str, dict[str, ReplacedCode]] = {}
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

    def measuring_less(self) -> dict[str, list[tuple[str, RegressionResult]]]:
        """Return the tests that measure less than the base's own, or may do so; see `core.changed_tests.lower_numbers`.

        The session's fixtures have to be torn down.
        """
        if not self._noted:
            return {}
        pairs = self._pairs()
        comparison = PairedComparison(pairs.context, self._base, pairs)
        try:
            comparison.begin(self._noted)
            comparison.start()
            settled: dict[str, Sequence[Measurement]] = {
                test: comparison.settle(test, *noted) for test, noted in self._noted.items()
            }
            settled.update(comparison.finish())
        except (ComparisonError, WorkerError) as error:
            problem = untimed(RegressionVerdict.UNMEASURED, str(error))
            return {nodeid: [("", problem)] for nodeid in self._noted}
        finally:
            comparison.close()
        self.replaced = pairs.replaced
        return {nodeid: found for nodeid, one in settled.items() if (found := lower_numbers(one))}

    def is_own(self, nodeid: str) -> bool:
        """Return whether a test itself has changed, or what it names; else only a conftest.py has, by other lines."""
        return nodeid in self._own

    def _pairs(self) -> _TestPairs:
        context = replace(
            self._context,
            stop_timeout=lambda: None,
            note_base=lambda _: None,
            note_lost=lambda _, __: None,
            note_other_files=lambda _: None,
            shows_spans=False,
            looks_at_spans=lambda: False,
        )
        return _TestPairs(context, self._base)


class _TestPairs(PairRunner):
    """The pairs of a process with the base's own tests and a process with the head's tests, both with the base's code.

    Attributes:
        context: the session.
        replaced: see `ChangedTests`.
    """

    def __init__(self, context: ComparisonContext, base: Base) -> None:
        self.context = context
        self._checkouts = _TestCheckouts(context, base)
        super().__init__(context, base, self._checkouts)
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
                may_hide = self._checkouts.hidden_code(nodeid).may_have
                replaced[name] = replaced_code(sides.head.costs, sides.base.costs, own, changed, may_hide)
        return replaced


class _TestCheckouts(BaseCheckout):
    """Two checkouts of the base: the head's tests are laid over this checkout, and another has the base's own.

    The base's own test is the side under judgement: what it takes more than the head's test is the work that the head's
    test lacks.
    """

    def __init__(self, context: ComparisonContext, base: Base) -> None:
        super().__init__(_with_tests_from(context, "head"), base)
        self._own = BaseCheckout(_with_tests_from(context, "base"), base)

    def open(self, nodeids: Sequence[str]) -> None:
        """See `BaseCheckout.open`."""
        super().open(nodeids)
        self._own.open(nodeids)

    def close(self) -> None:
        """See `BaseCheckout.close`."""
        self._own.close()
        super().close()

    def files_of(self, nodeid: str, sides: Sides) -> tuple[list[str], list[str]]:
        """Return the files of code that ran by the base's own test, and all files that ran by the head's test.

        Args:
            nodeid: the test.
            sides: the recordings; the head's is that of the base's own test.
        """
        beside = self.beside([nodeid])
        own = filter(None, map(self._own.place_of, sides.head.files))
        code = [str(one) for one in own if not any(one.is_relative_to(folder) for folder in beside)]
        return code, [str(one) for one in map(self.place_of, sides.base.files) if one is not None]

    def hidden_code(self, nodeid: str) -> HiddenCode:
        """Return the code of the head that a test may no longer measure."""
        return HiddenCode(self._base, self.beside([nodeid]))

    def launches(
        self,
        nodeids: Sequence[str],
        hash_seed: int,
        more_files: Sequence[str] = (),
        *,
        slot: int = 0,
        own_file_only: bool = False,
    ) -> tuple[Launch, Launch]:
        """Return the launches of a process with the base's own tests and of a process with the head's tests."""
        (head, own), (_, laid) = (
            one(nodeids, hash_seed, more_files, slot=slot, own_file_only=own_file_only)
            for one in (self._own.launches, super().launches)
        )
        # Both are processes of the base, and need worker ids of their own.
        own = replace(own, request=replace(own.request, worker=head.request.worker))
        who = f"{laid.request.who}, with the tests of the working tree,"
        return own, replace(laid, request=replace(laid.request, who=who))


def _with_tests_from(context: ComparisonContext, side: str) -> ComparisonContext:
    settings = context.settings
    duet = replace(settings.duet, tests_from=side)
    # Another process may have checked the base out with the tests of its own setting.
    shared = context.shared_checkout if settings.duet.tests_from == side else ""
    return replace(context, settings=replace(settings, duet=duet), shared_checkout=shared)
