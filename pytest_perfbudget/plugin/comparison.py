"""Holds the session's measurements against the committed baseline."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_perfbudget.baseline.calls import read_calls
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline, Key, Line
from pytest_perfbudget.core.comparison import BLOCKS, Question, grown_functions, judge_growth, most_allowed
from pytest_perfbudget.core.regression import prior_of
from pytest_perfbudget.core.results import Change, Growth, Measurement, Recording, Standing
from pytest_perfbudget.core.terms import Allowance, Resolved
from pytest_perfbudget.core.weather import Block
from pytest_perfbudget.plugin.confirmation import confirm

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession


_BLIND = 0.5
"""A slowdown by so much that cannot be found is worth a note."""


class Asked(Protocol):
    """What is wanted of one measurement beyond its budgets."""

    @property
    def is_timed(self) -> bool:
        """Whether blocks are wanted."""

    @property
    def most_calls(self) -> float | None:
        """Above what a count of calls is taken again; None if it is not wanted."""

    @property
    def most_peak(self) -> float | None:
        """The same for bytes held at once."""

    def more_blocks(self, blocks: Sequence[Block]) -> int:
        """Return how many more blocks are wanted."""

    def is_suspect(self, blocks: Sequence[Block]) -> bool:
        """Return whether the run looks slower, so that a reader may want to know where its time goes."""


class Comparer(Protocol):
    """What a session does with measurements besides judging their budgets."""

    def ask(self, nodeid: str, name: str, resolved: Resolved) -> Asked:
        """Return what is wanted of a measurement that is about to begin."""

    def settle(self, nodeid: str, measurements: Sequence[Measurement], asked: Mapping[str, Asked]) -> list[Measurement]:
        """Return the measurements of a test that passed, with what is said of them."""


@dataclass(frozen=True)
class _Record:
    """Asks for a run of fixed length, and for every count, twice over if in doubt."""

    most_calls: float | None = 0.0
    most_peak: float | None = 0.0
    is_timed: bool = True

    def more_blocks(self, blocks: Sequence[Block]) -> int:
        return BLOCKS - len(blocks)

    def is_suspect(self, blocks: Sequence[Block]) -> bool:  # noqa: ARG002 - see `Recorder`
        return False


class Recorder:
    """A fresh process: it measures and leaves the judging to who asked."""

    def ask(self, nodeid: str, name: str, resolved: Resolved) -> Asked:  # noqa: ARG002 - the same for all
        """See `Comparer.ask`."""
        return _Record()

    def settle(
        self,
        nodeid: str,  # noqa: ARG002
        measurements: Sequence[Measurement],
        asked: Mapping[str, Asked],  # noqa: ARG002
    ) -> list[Measurement]:
        """See `Comparer.settle`."""
        return list(measurements)


@dataclass(frozen=True)
class _Compare:
    """A measurement with what the baseline knows of it: here, and on any machine with this Python."""

    allowance: Allowance
    line: Line | None
    counted: Line | None
    question: Question | None
    is_known_elsewhere: bool

    @property
    def is_timed(self) -> bool:
        return self.question is not None

    @property
    def most_calls(self) -> float | None:
        calls = self.counted.calls if self.counted else None
        return None if calls is None else most_allowed("calls", calls, self.allowance.share)

    @property
    def most_peak(self) -> float | None:
        peak = self.counted.peak if self.counted else None
        return None if peak is None else most_allowed("peak", peak, self.allowance.share)

    def more_blocks(self, blocks: Sequence[Block]) -> int:
        return self.question.more_blocks(blocks) if self.question else 0

    def is_suspect(self, blocks: Sequence[Block]) -> bool:
        if self.question is None or not blocks:
            return False
        run = self.question.estimate(blocks)
        return self.question.is_suspect(run) and not self.question.is_stale(run)

    def sourced(self, change: Change) -> Change:
        """Return a change with where its limit and its baseline come from."""
        line = self.line if change.metric == "time" else self.counted
        dated = replace(change, limit=self.allowance.share, source=self.allowance.source)
        return dated if line is None else replace(dated, commit=line.commit, date=line.date)


class Comparison:
    """The gate of the committed baseline."""

    def __init__(self, session: PerfSession, baseline: Baseline) -> None:
        self._session = session
        self._machine = this_machine()
        self._here = {
            (key.test, key.name): line for key, line in baseline.lines.items() if key.machine == self._machine.key
        }
        self.known = {(key.test, key.name) for key in baseline.lines}
        self._tests = {test for test, _ in self.known}
        self._counted: dict[tuple[str, str], Line] = {}
        for key, line in baseline.lines.items():
            other = baseline.machines[key.machine]
            if (other.python, other.system) == (self._machine.python, self._machine.system):
                place = (key.test, key.name)
                self._counted[place] = _higher(self._counted.get(place), line)
        self._counted |= self._here
        self._prior = prior_of(line.time for line in self._here.values() if line.time is not None)
        self._share = 1

    def begin(self, nodeids: Iterable[str]) -> None:
        """Take note of the tests that will run: `alpha` is shared among their measurements."""
        chosen = set(nodeids)
        self._share = max(1, sum(line.time is not None and test in chosen for (test, _), line in self._here.items()))

    def knows(self, nodeid: str) -> bool:
        """Return whether the baseline has anything of a test."""
        return nodeid in self._tests

    def ask(self, nodeid: str, name: str, resolved: Resolved) -> Asked:
        """See `Comparer.ask`."""
        line = self._here.get((nodeid, name))
        question = None
        if line is not None and line.time is not None:
            alpha = self._session.settings.alpha / self._share
            question = Question(line.time, self._prior, resolved.max_regression.share, alpha)
        counted = self._counted.get((nodeid, name))
        known = (nodeid, name) in self.known
        return _Compare(resolved.max_regression, line, counted, question, known)

    def settle(self, nodeid: str, measurements: Sequence[Measurement], asked: Mapping[str, Asked]) -> list[Measurement]:
        """See `Comparer.settle`; suspects are confirmed before it returns."""
        compared: dict[str, _Compare] = {
            one.name: found for one in measurements if isinstance(found := asked.get(one.name), _Compare)
        }
        suspects = {
            one.name: question
            for one in measurements
            if (question := _suspect(one, compared.get(one.name))) is not None
        }
        grown = {one.name for one in measurements if _has_grown(one, compared.get(one.name))}
        confirmed, counted = confirm(self._session, nodeid, suspects, grown) if suspects or grown else ({}, {})
        settled = []
        for measurement in measurements:
            one = _with_lower_counts(measurement, counted.get(measurement.name))
            changes = list(self._changes(one, compared.get(one.name), confirmed))
            warnings = [*one.warnings, *_doubts(compared.get(one.name))]
            settled.append(replace(one, changes=changes, warnings=warnings, recording=None))
        return settled

    def _changes(
        self, measurement: Measurement, asked: _Compare | None, confirmed: Mapping[str, Change]
    ) -> Iterable[Change]:
        if asked is None:
            return
        yield asked.sourced(self._time(measurement, asked, confirmed))
        recording, counted = measurement.recording, asked.counted
        if recording is None or counted is None:
            return
        if recording.calls is not None and counted.calls is not None:
            grown: Sequence[Growth] = ()
            if asked.most_calls is not None and recording.calls > asked.most_calls:
                grown = self._grown(counted.key, recording)
            yield asked.sourced(judge_growth("calls", counted.calls, recording.calls, asked.allowance.share, grown))
        if recording.peak is not None and counted.peak is not None:
            yield asked.sourced(judge_growth("peak", counted.peak, recording.peak, asked.allowance.share))

    def _time(self, measurement: Measurement, asked: _Compare, confirmed: Mapping[str, Change]) -> Change:
        if asked.question is None:
            return self._unanswerable(asked)
        if measurement.name in confirmed:
            return self._explained(confirmed[measurement.name], measurement, asked)
        blank = Change("time", Standing.UNMEASURED)
        if measurement.recording is None or not measurement.recording.blocks:
            return replace(blank, reason=f"it was not timed in blocks ({measurement.kind})")
        run = asked.question.estimate(measurement.recording.blocks)
        if asked.question.is_stale(run):
            slower = math.exp(run.weather)
            return replace(
                blank, reason=f"the canaries take {slower:.2g} times what they took for the baseline: update it"
            )
        return asked.question.screened(run)

    def _unanswerable(self, asked: _Compare) -> Change:
        """Return why there is no time to compare with."""
        if not asked.is_known_elsewhere:
            why = "the baseline does not have it"
            if not self.known and not self._session.baseline_file.exists():
                why = f"there is no {self._session.settings.baseline}: make it with pytest --perf-update-baseline"
            return Change("time", Standing.NEW, reason=why)
        if asked.line is None:
            where = f"the baseline has no times of this machine ({self._machine})"
            return Change("time", Standing.FOREIGN, reason=where)
        return Change("time", Standing.UNMEASURED, reason="the baseline has no time of it")

    def _explained(self, change: Change, measurement: Measurement, asked: _Compare) -> Change:
        """Add the functions that are called more often to a confirmed regression."""
        recording, line = measurement.recording, asked.line
        if change.standing is not Standing.REGRESSED or recording is None or line is None:
            return change
        return replace(change, grown=self._grown(line.key, recording))

    def _grown(self, key: Key, recording: Recording) -> list[Growth]:
        known = read_calls(self._session.baseline_file, key, self._machine.python)
        if known is None:
            return []
        own = _modules_below(self._session.config.rootpath)
        return grown_functions(known.functions, recording.functions, known.unknown, own)


def _modules_below(root: Path) -> set[str]:
    """Return the modules of the project itself, without what is installed in a folder of it."""
    found = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    inside = {
        name: Path(file).relative_to(root) for name, file in found.items() if file and Path(file).is_relative_to(root)
    }
    return {name for name, file in inside.items() if "site-packages" not in file.parts}


def _has_grown(measurement: Measurement, asked: _Compare | None) -> bool:
    recording = measurement.recording
    if asked is None or recording is None:
        return False
    pairs = ((recording.calls, asked.most_calls), (recording.peak, asked.most_peak))
    return any(count is not None and most is not None and count > most for count, most in pairs)


def _with_lower_counts(measurement: Measurement, fresh: Recording | None) -> Measurement:
    """Return the measurement with the lower of its own counts and those of a fresh process."""
    own = measurement.recording
    if own is None or fresh is None:
        return measurement
    calls = own.calls if own.calls is None or fresh.calls is None else min(own.calls, fresh.calls)
    peak = own.peak if own.peak is None or fresh.peak is None else min(own.peak, fresh.peak)
    return replace(measurement, recording=replace(own, calls=calls, peak=peak))


def _higher(known: Line | None, line: Line) -> Line:
    """Return a line with the higher counts of both: of several machines none is held against another's luck."""
    if known is None:
        return line
    calls = max((one for one in (known.calls, line.calls) if one is not None), default=None)
    peak = max((one for one in (known.peak, line.peak) if one is not None), default=None)
    return replace(line, calls=calls, peak=peak)


def _doubts(asked: _Compare | None) -> Iterator[str]:
    """Yield a note if the baseline is too uncertain to be of use: a gate that cannot fire has to say so."""
    if asked is None or asked.question is None:
        return
    smallest = asked.question.smallest_found()
    if smallest > max(_BLIND, 2 * asked.allowance.share):
        what = "uncertain" if asked.line is None or asked.line.is_corrected else "imported, not corrected for weather"
        yield f"its baseline is {what}: a slowdown of less than {smallest:.0%} would not be found; update it"


def _suspect(measurement: Measurement, asked: _Compare | None) -> Question | None:
    if asked is None or measurement.recording is None or not asked.is_suspect(measurement.recording.blocks):
        return None
    return asked.question
