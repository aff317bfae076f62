"""The runner of pairs of processes, one of each side: screening pairs, fresh pairs, and pairs that stay."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare.base_checkout import BaseCheckout
from pytest_perfbudget.compare.base_tests import BaseTests
from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.kept_pairs import FIRST_KEPT, KeptPairs
from pytest_perfbudget.compare.launcher import FRESH_SLOT, SECOND_SLOT, SLOTS
from pytest_perfbudget.compare.pair_maker import PairMaker
from pytest_perfbudget.compare.pair_task import PairTask
from pytest_perfbudget.compare.played_pair import attempt_of
from pytest_perfbudget.compare.repetitions import Repetitions, patience_s
from pytest_perfbudget.compare.second_pair import SecondPair
from pytest_perfbudget.compare.shared_pair import SharedPair
from pytest_perfbudget.compare.single_processes import SingleProcesses, note_other_files
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.pairs import FRESH_ERROR, QUADS, SCREENING_ERROR, Pair, joined
from pytest_perfbudget.errors import WorkerError, WorkerRefusedError
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.processes.duet import Duet, IsDecided, never


class PairRunner:
    """The processes of head and base that run beside the session's own process.

    Args:
        context: the session whose tests are measured.
        base: the commit that the tests are compared with.
        checkout: the checkout of the base; None for a new checkout.
        only_times: whether the screening pairs have to time tests only: they count nothing then, do not look for tests
            that only the base has, and hold no fixture between tests.

    Attributes:
        tests: the tests that the base has.
        single: the single processes of the same checkout.
    """

    def __init__(
        self,
        context: ComparisonContext,
        base: Base,
        checkout: BaseCheckout | None = None,
        *,
        only_times: bool = False,
    ) -> None:
        self._context = context
        self._base = base
        self._checkout = checkout or BaseCheckout(context, base)
        self._only_times = only_times
        self._maker = PairMaker(context, self._checkout)
        self._first = SharedPair(self._first_pair, lambda: self._checkout.untracked.carried, self._note_tests)
        self._second = SecondPair(self._second_pair, lambda: self._checkout.untracked.carried)
        self._kept = KeptPairs(self._kept_pair, lambda: self._checkout.untracked.carried, context.launcher.kept)
        self._fresh: Counter[str] = Counter()
        self._repetitions = Repetitions()
        self._modules: dict[str, str] = {}
        self.tests = BaseTests(context, base, self._checkout)
        self.single = SingleProcesses(context, self._checkout, self.tests)

    def open(self, nodeids: Sequence[str]) -> None:
        """Check the base out.

        Raises:
            ComparisonError: the base cannot be checked out.
        """
        self._checkout.open(nodeids)

    @property
    def notes(self) -> list[str]:
        """The differences between the checkout and the base."""
        return self._checkout.notes

    def close(self) -> None:
        """End all processes and remove the checkout."""
        self.end_screening()
        self._checkout.close()

    def changed_functions(self) -> list[str]:
        """Return the functions whose code differs from the base's, of the modules that pairs have imported so far."""
        return self._checkout.changed_functions(self._modules)

    def why_carried(self, source: str) -> str:
        """See `UntrackedCode.why_carried`."""
        return self._checkout.untracked.why_carried(source)

    def start(self, nodeids: Sequence[str]) -> None:
        """Start the screening pair before the first test, whose fixtures may watch for new threads and processes.

        If that fails, `screen` tries again, and its error is reported with the test.
        """
        try:
            self._first.open(nodeids)
        except WorkerRefusedError as refusal:
            with suppress(WorkerError), self._checkout.addopts_of_head(refusal):
                self._first.open(nodeids)
        except WorkerError:
            pass

    def prepare(self, nodeids: Sequence[str], done: Collection[str], *, is_last: bool) -> None:
        """Start the pairs that the tests which are left will need, between tests; end them before the last test.

        Args:
            nodeids: all tests that may be suspects.
            done: the tests that this process has measured.
            is_last: see `ComparisonStrategy.prepare`.
        """
        number_done = len({*nodeids}.intersection(done))
        left = self._context.launcher.share(len(nodeids)) - number_done
        self._second.prepare(nodeids, left, is_last=is_last)
        if is_last:
            self._kept.end()
            return
        if number := self._kept.missing(self._fresh.values(), number_done, left):
            pairs = "a pair" if number == 1 else f"{number} pairs"
            self._context.progress.note(f"perf: starting {pairs} of processes for further tests that stand out")
            self._kept.start(nodeids, number)
            self._context.progress.clear()

    @property
    def fresh_start_s(self) -> float:
        """The time in s that a fresh pair takes to start; 0 where most of them are there."""
        return 0.0 if self._kept.is_any else self.start_s

    @property
    def start_s(self) -> float:
        """The time in s that the last screening pair took to start; 0 before."""
        return self._first.start_s

    def screen(self, task: PairTask, nodeids: Sequence[str]) -> Attempt[Pair]:
        """Measure a test with the first screening pair, and with the second one if the first leaves it open.

        Both measure each test once.

        Args:
            task: the test.
            nodeids: all tests that the screening pairs will measure.

        Raises:
            WorkerError: a process cannot be started, died or hangs.
        """

        def play(pair: Duet, carried: Sequence[str]) -> Attempt[Pair] | None:
            return self._play(pair, task, SCREENING_ERROR, carried, task.is_cleared)

        patience_s = self._context.launcher.patience_s()
        with self._context.launcher.noting_hangs([task.nodeid]):
            found = self._first.measure(nodeids, patience_s, play)
            left = [name for name, pair in found.runs.items() if task.needs_second(name, pair)]
            again = self._second.measure(nodeids, patience_s, play) if left else None
        if again is None:
            return found
        both = {name: joined(found.runs[name], again.runs[name]) for name in left if name in again.runs}
        return replace(found, runs={**found.runs, **both})

    def measure(
        self,
        task: PairTask,
        *,
        own_file_only: bool,
        counting: Counting = Counting.ALL,
        is_timed: bool = True,
        needs_new: bool = False,
    ) -> Attempt[Pair]:
        """Measure a test with a fresh pair, or with a pair that stays; see `confirm.Measure`.

        An untimed pair has one quad.

        Raises:
            WorkerError: a process cannot be started, died or hangs.
        """
        if not is_timed:
            task = replace(task, seconds=0.0)
        # The first screening pair is number 0, and most tests have no other pair, so its head comes first in each
        # session. A pair that was lost is repeated in its order: else the others may all have the same side first.
        number = self._fresh[task.nodeid] + 1
        if not (own_file_only or needs_new) and (found := self._by_kept_pair(number, task, counting)) is not None:
            self._fresh[task.nodeid] = number
            return found
        while True:
            carried = self._checkout.untracked.carried
            hangs = self._context.launcher.noting_hangs([task.nodeid])
            made = self._maker.make(
                [task.nodeid],
                slot=FRESH_SLOT,
                own_file_only=own_file_only,
                counting=counting,
                number=number,
                releases=True,  # each run sets all fixtures up again, so that their data lie elsewhere
            )
            with hangs, made as pair:
                found = self._play_repeatedly(pair, task, carried)
            if found is not None:
                self._fresh[task.nodeid] = number
                return found

    def _by_kept_pair(self, number: int, task: PairTask, counting: Counting) -> Attempt[Pair] | None:
        """Measure a test with a pair that stays; None if there is no such pair."""

        def play(pair: Duet, carried: Sequence[str]) -> Attempt[Pair] | None:
            return self._play_repeatedly(pair, task, carried, counting)

        return self._kept.measure(number, task.nodeid, self._context.launcher.patience_s(), play)

    def record_spans(self, task: PairTask) -> Attempt[Pair]:
        """Measure a test with a fresh pair that records the spans of each turn; its times decide nothing.

        Raises:
            WorkerError: a process cannot be started, died or hangs.
        """
        carried = self._checkout.untracked.carried
        hangs = self._context.launcher.noting_hangs([task.nodeid])
        made = self._maker.make([task.nodeid], slot=FRESH_SLOT, own_file_only=True, with_spans=True)
        with hangs, made as pair:
            found = self._play(pair, task, FRESH_ERROR, carried)
        return found or Attempt(problem=f"{self._base.ref} ran without modules that are generated")

    def _play(
        self,
        pair: Duet,
        task: PairTask,
        std_error: float,
        carried: Collection[str],
        is_decided: IsDecided = never,
        *,
        most_quads: int = QUADS,
        is_repetition: bool = False,
        counting: Counting | None = None,
    ) -> Attempt[Pair] | None:
        """Measure a test with a pair; return None if the base ran without generated modules that it has from now on."""
        played = pair.play(
            task.nodeid,
            task.names,
            task.seconds,
            std_error,
            task.unpinned,
            instructions=task.instructions,
            is_decided=is_decided,
            most_quads=most_quads,
            is_repetition=is_repetition,
            counting=counting,
        )
        if self._checkout.untracked.carry_late(played.head.loaded, carried):
            return None
        self._modules.update(played.head_modules)
        note_other_files(self._context, self._checkout, played.head_modules, played.base_modules)
        found = attempt_of(played, task.nodeid, self._base.ref, self._checkout, self.tests.why_absent)
        self._context.note_lost(task.nodeid, found.only_base)
        return found

    def _play_repeatedly(
        self, pair: Duet, task: PairTask, carried: Collection[str], counting: Counting | None = None
    ) -> Attempt[Pair] | None:
        """Measure a test with a fresh pair, in several runs of the test if possible; see `_play`."""
        started_ns = SYSTEM.wall_ns()
        found = self._play(pair, task, FRESH_ERROR, carried, task.is_far_slower, counting=counting)
        runs = self._repetitions.runs(task.nodeid)
        if found is None or runs == 1:
            return found
        first_ns = SYSTEM.wall_ns() - started_ns
        shorter = replace(task, seconds=task.seconds / runs)

        def again(quads: int) -> Attempt[Pair] | None:
            pair.be_patient(patience_s(first_ns))
            error = FRESH_ERROR * math.sqrt(runs)
            decided = task.is_far_slower
            return self._play(pair, shorter, error, carried, decided, most_quads=quads, is_repetition=True)

        return self._repetitions.added(task, found, again, first_ns)

    def _first_pair(self, nodeids: Sequence[str]) -> Duet:
        if self._only_times:
            return self._maker.make(nodeids, counting=Counting.NONE, releases=True)
        return self._maker.make(nodeids, self._checkout.further_files, counting=Counting.UNPROFILED)

    def _second_pair(self, nodeids: Sequence[str]) -> Duet:
        return self._maker.make(nodeids, slot=SECOND_SLOT, counting=Counting.NONE, number=1, releases=self._only_times)

    def _kept_pair(self, nodeids: Sequence[str], number: int) -> Duet:
        return self._maker.make(nodeids, slot=SLOTS + 2 * (number - FIRST_KEPT), number=number, releases=True)

    def _note_tests(self, pair: Duet) -> None:
        if not self._only_times:
            self.tests.note(pair.perf_tests)

    def end_screening(self) -> None:
        """End the screening pairs, whose fixtures then hold nothing any more, and the pairs that stay."""
        self._kept.give_up()
        self._first.end()
        self._second.end()
