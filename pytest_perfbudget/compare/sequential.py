"""Holds the head against a commit by one process after the other: for tests whose fixtures cannot live twice.

Before the first test is set up, processes of head and base measure all tests, in the order head, base, base,
head. What looks slower is measured again, from the start, by more of them. The base's runs are a baseline that
lives as long as the session, and the head's are compared with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import pytest

from pytest_perfbudget.checkout.revision import Base, remark
from pytest_perfbudget.compare.launcher import own_modules
from pytest_perfbudget.compare.pair_runner import PairRunner
from pytest_perfbudget.compare.paired import LATE, PairedRequest
from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.counts import COUNTS, UNITS, gained_functions, grown_functions, judge_growth
from pytest_perfbudget.core.limits import EffectiveLimits
from pytest_perfbudget.core.reference import Prior, fit
from pytest_perfbudget.core.results import Growth, Measurement, Recording, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.errors import WorkerError, WrongCodeError
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import BlockPolicy
from pytest_perfbudget.processes.protocol import Answer

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession

_ORDER: Final = (False, True, True, False)
"""Whether it is the base's turn: ABBA."""

_SCREENING: Final = 2
_FRESH: Final = 4
"""Rounds of four processes that screen, and that decide."""


@dataclass
class _Runs:
    """The recordings of a measurement, a process each, and the growth that it says is allowed."""

    head: list[Recording] = field(default_factory=list)
    base: list[Recording] = field(default_factory=list)
    share: float = 0.0


class SequentialComparison:
    """The gate against another commit, `mode = "sequential"`; see `ComparisonStrategy`."""

    def __init__(self, session: PerfSession, base: Base) -> None:
        self._session = session
        self._base = base
        self.against = f"{base.ref} ({base.short})"
        self.gone = f"{base.ref} has it, and it is not collected here"
        self.remark = remark(base)
        self._pairs = PairRunner(session, base)
        self._tests: list[str] = []
        self._runs: dict[tuple[str, str], _Runs] = {}
        self._fresh: dict[tuple[str, str], _Runs] = {}
        self._problems: dict[str, str] = {}
        self._wrong_code: set[str] = set()
        self._sources: dict[str, set[str]] = {}

    def begin(self, nodeids: Iterable[str]) -> None:
        """Take note of the tests that will run, and check the base out.

        Raises:
            UsageError: it cannot be, or there are other processes.
        """
        self._tests = list(nodeids)
        if not self._tests or self._session.config.option.collectonly:
            return
        if hasattr(self._session.config, "workerinput"):
            message = "mode = 'sequential' of [tool.perfbudget.duet] measures in one process after the other: add -n 0"
            raise pytest.UsageError(message)
        self._pairs.open(self._tests)

    def start(self) -> None:
        """Measure all tests, and suspects once more."""
        try:
            self._runs = self._play(self._tests, _SCREENING)
            suspects = [
                test for test in self._tests if any(self._is_suspect(place) for place in self._runs if place[0] == test)
            ]
            if suspects:
                self._fresh = self._play(suspects, _FRESH)
        except WorkerError as error:
            self._problems = dict.fromkeys(self._tests, str(error)) | self._problems
            self._wrong_code |= set(self._tests) if isinstance(error, WrongCodeError) else set()
        finally:
            self._session.progress.clear()

    def close(self) -> None:
        """Remove the checkout."""
        self._pairs.close()

    def ask(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:  # noqa: ARG002 - the same for all
        """See `ComparisonStrategy.ask`."""
        return PairedRequest(effective.max_regression, effective.max_time_ns / 1e9, with_cpus=False)

    def block_policy(self, clock: Clock) -> BlockPolicy | None:  # noqa: ARG002
        """See `ComparisonStrategy.block_policy`."""
        return None

    def settle(
        self, nodeid: str, measurements: Sequence[Measurement], asked: Mapping[str, MeasurementRequest]
    ) -> list[Measurement]:
        """See `ComparisonStrategy.settle`; everything was measured before."""
        settled = []
        for one in measurements:
            limits = asked.get(one.name)
            changes = list(self._changes(nodeid, one, limits)) if isinstance(limits, PairedRequest) else []
            settled.append(replace(one, changes=changes, recording=None))
        return settled

    def _play(self, nodeids: Sequence[str], rounds: int) -> dict[tuple[str, str], _Runs]:
        found: dict[tuple[str, str], _Runs] = {}
        order = _ORDER * rounds
        fresh = self._session.fresh
        seed = fresh.seed()
        for number, of_base in enumerate(order):
            side = self._base.ref if of_base else "head"
            self._session.progress.note(f"perf: {side}, process {number + 1} of {len(order)}")
            seed = fresh.seed() if number % 2 == 0 else seed  # the same for a process of each side
            left = [test for test in nodeids if test not in self._problems]
            for answer in self._answers(left, of_base=of_base, hash_seed=seed):
                if answer.problem and not answer.is_absent:
                    self._problems[answer.nodeid] = answer.problem
                self._wrong_code |= {answer.nodeid} if answer.is_wrong_code else set()
                if answer.source:
                    self._sources.setdefault(answer.nodeid, set()).add(answer.source)
                for one in map(Measurement.from_dict, answer.measurements):
                    if one.recording is not None:
                        runs = found.setdefault((answer.nodeid, one.name), _Runs())
                        (runs.base if of_base else runs.head).append(one.recording)
                        runs.share = one.max_regression or 0.0
        return found

    def _answers(self, nodeids: Sequence[str], *, of_base: bool, hash_seed: int) -> Iterator[Answer]:
        """Yield the answers of a process, and of another one for what comes after a test that ended it.

        Raises:
            WorkerError: two in a row came to no answer at all.
        """
        left = list(nodeids)
        has_answered = True
        while left:
            had_answered, has_answered = has_answered, False
            try:
                for answer in self._pairs.answers(left, of_base=of_base, hash_seed=hash_seed):
                    has_answered = True
                    left = [test for test in left if test != answer.nodeid]
                    yield answer
            except WorkerError as error:
                if not has_answered and not had_answered:
                    raise
                if left:
                    yield Answer(left.pop(0), str(error), [])

    def _slowdown_test(self, runs: _Runs, share: float) -> UnpairedSlowdownTest | None:
        if len(runs.base) < 2 or not runs.head or not all(one.blocks for one in (*runs.base, *runs.head)):
            return None
        alpha = self._session.settings.alpha / max(1, len(self._runs))
        return UnpairedSlowdownTest(share, alpha, fit([one.blocks for one in runs.base]), Prior())

    def _is_suspect(self, place: tuple[str, str]) -> bool:
        runs = self._runs[place]
        slowdown_test = self._slowdown_test(runs, runs.share)
        slower = slowdown_test is not None and slowdown_test.is_suspect(
            *(slowdown_test.estimate(one.blocks) for one in runs.head)
        )
        return slower and not self._is_skipped(place[0])

    def _is_changed(self, nodeid: str) -> bool:
        return len(self._sources.get(nodeid, ())) > 1

    def _is_skipped(self, nodeid: str) -> bool:
        return self._is_changed(nodeid) and self._session.settings.duet.changed_tests == "skip"

    def _changes(self, nodeid: str, measurement: Measurement, limits: PairedRequest) -> Iterator[RegressionResult]:
        place, share = (nodeid, measurement.name), limits.tolerance.share
        runs = self._runs.get(place, _Runs())
        found = [self._time(place, share)]
        if runs.head and runs.base and nodeid not in self._problems:
            found += [change for metric in COUNTS if (change := self._count(metric, runs, share)) is not None]
        for change in found:
            skipped = self._is_skipped(nodeid) and not change.verdict.is_unjudged
            yield replace(
                change,
                verdict=RegressionVerdict.CHANGED if skipped else change.verdict,
                limit=share,
                source=limits.tolerance.source,
                against=self._base.ref,
                in_pairs=True,
                commit=self._base.short,
                is_test_changed=self._is_changed(nodeid),
            )

    def _time(self, place: tuple[str, str], share: float) -> RegressionResult:
        blank = RegressionResult("time", RegressionVerdict.UNMEASURED)
        runs = self._runs.get(place, _Runs())
        problem = self._problems.get(place[0], "") if place[0] in self._tests else LATE
        if problem:
            verdict = RegressionVerdict.WRONG_CODE if place[0] in self._wrong_code else RegressionVerdict.UNMEASURED
            return replace(blank, verdict=verdict, reason=problem)
        if runs.head and not runs.base:
            return RegressionResult("time", RegressionVerdict.NEW, reason=f"{self._base.ref} does not have it")
        slowdown_test = self._slowdown_test(runs, share)
        if slowdown_test is None:
            return replace(blank, reason="it was not timed in blocks")
        fresh = self._fresh.get(place)
        if fresh is None or not self._is_suspect(place):
            return slowdown_test.screened(*(slowdown_test.estimate(one.blocks) for one in runs.head))
        again = self._slowdown_test(fresh, share)
        if again is None:
            return replace(blank, reason="it looked slower, and fresh processes did not time it")
        change = again.confirmed([again.estimate(one.blocks) for one in fresh.head])
        return self._explained(change, fresh) if change.verdict is RegressionVerdict.REGRESSED else change

    def _count(self, metric: str, runs: _Runs, share: float) -> RegressionResult | None:
        """Compare the lowest count of the head with the highest of the base: hash seeds change some."""
        before = [count for one in runs.base if (count := getattr(one, metric)) is not None]
        after = [count for one in runs.head if (count := getattr(one, metric)) is not None]
        if not before:
            return None
        if not after:
            why = f"its {COUNTS[metric]} could not be counted: {runs.head[-1].uncounted}"
            return RegressionResult(metric, RegressionVerdict.UNMEASURED, UNITS[metric], before=max(before), reason=why)
        grown = self._grown(runs) if metric == "calls" else ()
        return judge_growth(metric, max(before), min(after), share, grown)

    def _explained(self, change: RegressionResult, runs: _Runs) -> RegressionResult:
        slower_ns = (change.after or 0) - (change.before or 0)
        found = gained_functions(runs.base, runs.head, slower_ns)
        if not found and (runs.head[-1].calls or 0) > (runs.base[-1].calls or 0):
            found = list(self._grown(runs))
        return replace(change, grown=found)

    def _grown(self, runs: _Runs) -> Sequence[Growth]:
        own = own_modules(self._session.config.rootpath)
        return grown_functions(runs.base[-1].functions, runs.head[-1].functions, 0, own)
