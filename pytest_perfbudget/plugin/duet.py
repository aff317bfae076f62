"""Holds the head against a commit of the project: both are measured in turns, on the same CPU, at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_perfbudget.core.counts import COUNTS, UNITS, grown_functions, judge_growth, most_allowed
from pytest_perfbudget.core.duet import DuetQuestion, Pair, pair_of
from pytest_perfbudget.core.results import Change, Growth, Measurement, Recording, Standing
from pytest_perfbudget.core.terms import Allowance, Resolved
from pytest_perfbudget.core.weather import Block
from pytest_perfbudget.errors import GitError, WorkerError
from pytest_perfbudget.measure.affinity import cpus
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.turns import Turns
from pytest_perfbudget.plugin.comparer import Asked
from pytest_perfbudget.plugin.confirmation import Attempt, Confirmation, confirm
from pytest_perfbudget.plugin.fresh import own_modules
from pytest_perfbudget.plugin.pace import Pace
from pytest_perfbudget.workers.duet import TIMERS, Duet
from pytest_perfbudget.workers.moved import moved, moved_environment
from pytest_perfbudget.workers.side import Side
from pytest_perfbudget.workers.worktree import Base, checked_out

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession

_SCREENING: Final = 0.5
"""The share of the time of a fresh pair that a screening pair has: it is all that a clean test costs."""

_LATE: Final = "it was known as a perf test at run time only: let it ask for perf as an argument"


@dataclass(frozen=True)
class _Limits:
    """What is allowed of a measurement; the session's own run of it is not compared."""

    allowance: Allowance
    max_time_s: float
    is_timed: bool = False
    turns: Turns | None = None
    most_calls: float | None = None
    most_peak: float | None = None

    def more_blocks(self, blocks: Sequence[Block]) -> int:  # noqa: ARG002 - see above
        return 0

    def is_suspect(self, blocks: Sequence[Block]) -> bool:  # noqa: ARG002
        return False


@dataclass(frozen=True, slots=True)
class _Both:
    """The recordings of a measurement in head and base."""

    head: Recording
    base: Recording

    def grew(self, metric: str, share: float) -> bool:
        head, base = getattr(self.head, metric), getattr(self.base, metric)
        return head is not None and base is not None and head > most_allowed(metric, base, share)


class DuetComparison:
    """The gate against another commit; see `Comparer`."""

    def __init__(self, session: PerfSession, base: Base) -> None:
        self._session = session
        self.base = base
        self.against = f"{base.ref} ({base.short})"
        self._tests: list[str] = []
        self._running = ExitStack()
        self._tree = Path()
        self._screening: Duet | None = None
        self._pairs = 0

    def begin(self, nodeids: Iterable[str]) -> None:
        """Take note of the tests that will run, `alpha` is shared among them, and check the base out.

        Raises:
            UsageError: it cannot be: without it nothing would be compared.
        """
        self._tests = list(nodeids)
        if self._tests and not self._session.config.option.collectonly:
            try:
                self._tree = self._running.enter_context(checked_out(self.base))
            except GitError as error:
                message = f"{self.base.ref} cannot be checked out: {error}"
                raise pytest.UsageError(message) from None

    def ask(self, nodeid: str, name: str, resolved: Resolved) -> Asked:  # noqa: ARG002 - the same for all
        """See `Comparer.ask`."""
        return _Limits(resolved.max_regression, resolved.max_time_ns / 1e9)

    def pace(self, clock: Clock) -> Pace | None:  # noqa: ARG002
        """See `Comparer.pace`."""
        return None

    def close(self) -> None:
        """End all processes and remove the checkout."""
        self._end_screening()
        self._running.close()

    def _end_screening(self) -> None:
        if self._screening is not None:
            self._screening.__exit__(None, None, None)
            self._screening = None

    def settle(self, nodeid: str, measurements: Sequence[Measurement], asked: Mapping[str, Asked]) -> list[Measurement]:
        """See `Comparer.settle`; the test is measured in turns, and suspects again by fresh pairs."""
        limits = {one.name: found for one in measurements if isinstance(found := asked.get(one.name), _Limits)}
        if not limits:
            return list(measurements)
        names = [TIMERS if one.kind == "timer" else one.name for one in measurements]
        measure = partial(self._measure, nodeid, names, max(one.max_time_s for one in limits.values()))
        screened = self._screen(measure) if nodeid in self._tests else Attempt[Pair, _Both](problem=_LATE)
        alpha = self._session.settings.alpha / max(1, len(self._tests)) / len(limits)
        questions = {name: DuetQuestion(one.allowance.share, alpha) for name, one in limits.items()}
        suspects = {
            name: questions[name]
            for name, run in screened.runs.items()
            if name in questions and questions[name].is_suspect(run)
        }
        grown = {
            name: partial(_has_grown, share=limits[name].allowance.share)
            for name, both in screened.counts.items()
            if name in limits and _has_grown(both, share=limits[name].allowance.share)
        }
        fresh: Confirmation[_Both] = Confirmation({}, [])
        if suspects or grown:
            fresh = confirm(self._session, nodeid, suspects, grown, partial(self._fresh, measure))
        settled = []
        for one in measurements:
            changes: list[Change] = []
            if one.name in limits:
                allowance = limits[one.name].allowance
                standing = self._changes(one, questions[one.name], screened, fresh)
                changes = [self._sourced(change, allowance) for change in standing]
            settled.append(replace(one, changes=changes, recording=None))
        return settled

    def _screen(self, measure: partial[Attempt[Pair, _Both]]) -> Attempt[Pair, _Both]:
        try:
            with self._session.fresh.noting_hangs():
                if self._screening is None:
                    self._screening = self._pair(self._tests)
                    self._screening.__enter__()
                return measure(self._screening, share=_SCREENING)
        except WorkerError as error:
            self._end_screening()  # the next test gets a new pair
            return Attempt(problem=str(error))

    def _fresh(self, measure: partial[Attempt[Pair, _Both]], *, alone: bool) -> Attempt[Pair, _Both]:
        (nodeid, *_) = measure.args
        with self._session.fresh.noting_hangs(), self._pair([nodeid], alone=alone) as pair:
            return measure(pair)

    def _measure(
        self, nodeid: str, names: Sequence[str], seconds: float, pair: Duet, *, share: float = 1.0
    ) -> Attempt[Pair, _Both]:
        played = pair.play(nodeid, names, share * seconds)
        if played.base.is_absent:
            return Attempt()
        problem = played.head.problem or (played.base.problem and f"{played.base.problem} ({self.base.ref})")
        if problem:
            return Attempt(problem=problem)
        sides = []
        for answer in (played.head, played.base):
            found = map(Measurement.from_dict, answer.measurements)
            sides.append({one.name: one.recording for one in found if one.recording is not None})
        head, base = sides
        both = {name: _Both(head[name], base[name]) for name in head if name in base}
        runs = {name: run for name, one in both.items() if (run := _pair(one)) is not None}
        return Attempt(runs, both)

    def _pair(self, nodeids: Sequence[str], *, alone: bool = False) -> Duet:
        """Return a new pair of processes, not yet started."""
        fresh, top, tree = self._session.fresh, self.base.top, self._tree
        request = replace(fresh.request(nodeids, alone=alone), in_turns=True)
        place = tree / self._session.config.rootpath.relative_to(top)
        start = fresh.start(fresh.seed())  # the same hash seed for both
        moved_start = start.copy()
        moved_start["environment"] = moved_environment(start["environment"] or {}, top, tree)
        base = moved(request, top, tree)
        base = replace(base, arguments=[*base.arguments, f"--rootdir={place}"])
        usable = cpus()
        cpu = usable[self._pairs % len(usable)] if usable else None
        self._pairs += 1
        return Duet(Side(request, **start), Side(base, **moved_start), cpu=cpu)

    def _changes(
        self,
        measurement: Measurement,
        question: DuetQuestion,
        screened: Attempt[Pair, _Both],
        fresh: Confirmation[_Both],
    ) -> Iterator[Change]:
        name = measurement.name
        if screened.problem:
            yield Change("time", Standing.UNMEASURED, reason=screened.problem)
            return
        if name in fresh.times:
            change = fresh.times[name]
            if change.standing is Standing.REGRESSED and name in screened.counts:
                change = replace(change, grown=self._grown(screened.counts[name]))
            yield change
        elif name in screened.runs:
            yield question.screened(screened.runs[name])
        elif name in screened.counts:
            yield Change("time", Standing.UNMEASURED, reason=f"it was not timed in turns ({measurement.kind})")
        else:
            yield Change("time", Standing.NEW, reason=f"{self.base.ref} does not have it")
            return
        both = screened.counts[name]
        for metric in COUNTS:
            if getattr(both.base, metric) is not None:
                yield self._count(metric, both, question.share, name, fresh)

    def _count(self, metric: str, both: _Both, share: float, name: str, fresh: Confirmation[_Both]) -> Change:
        before, after = getattr(both.base, metric), getattr(both.head, metric)
        blank = Change(metric, Standing.UNMEASURED, UNITS[metric], before=before)
        if after is None:
            return replace(blank, reason=f"its {COUNTS[metric]} could not be counted: {both.head.uncounted}")
        if not both.grew(metric, share):
            return judge_growth(metric, before, after, share)
        again = [one[name] for one in fresh.counts if name in one]
        if not again or fresh.problem:
            why = fresh.problem or "a fresh process did not count it"
            return replace(blank, reason=f"more {COUNTS[metric]} than allowed, which could not be confirmed: {why}")
        if any(not one.grew(metric, share) for one in again):
            return judge_growth(metric, before, before, share)
        return judge_growth(metric, before, after, share, self._grown(both) if metric == "calls" else ())

    def _grown(self, both: _Both) -> Sequence[Growth]:
        own = own_modules(self._session.config.rootpath)
        return grown_functions(both.base.functions, both.head.functions, 0, own)

    def _sourced(self, change: Change, allowance: Allowance) -> Change:
        return replace(
            change, limit=allowance.share, source=allowance.source, against=self.base.ref, commit=self.base.short
        )


def _pair(both: _Both) -> Pair | None:
    """Return what the blocks of both sides say; None if no turn has a block of both."""
    times = [
        {turn: block.time_ns for turn, block in zip(one.turns, one.blocks, strict=True)}
        for one in (both.head, both.base)
    ]
    return pair_of(*times)


def _has_grown(both: _Both, *, share: float) -> bool:
    return any(both.grew(metric, share) for metric in COUNTS)
