"""Measures again in fresh processes what looks worse in the session; what they say is decided in `core`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_perfbudget.core.comparison import Question
from pytest_perfbudget.core.regression import Estimate
from pytest_perfbudget.core.results import Change, Measurement, Recording, Standing
from pytest_perfbudget.errors import WorkerError

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession


@dataclass(frozen=True)
class Confirmation:
    """What fresh processes say of a test.

    Attributes:
        times: the verdicts on the times that were suspect, by measurement.
        recordings: those of the first process that gave any, by measurement: the counts are in them.
        problem: why it has not come to an end; empty if it has.
    """

    times: Mapping[str, Change]
    recordings: Mapping[str, Recording]
    problem: str = ""


def confirm(
    session: PerfSession, nodeid: str, suspects: Mapping[str, Question], grown: Collection[str]
) -> Confirmation:
    """Measure one test in fresh processes until each of its suspects is decided.

    Args:
        session: whose processes to start.
        nodeid: the test.
        suspects: the measurements whose time is suspect.
        grown: those of which a count is: one fresh process tells whether it is the session that makes it
            so, which other tests may have changed.
    """
    fresh: dict[str, list[Estimate]] = {name: [] for name in suspects}
    first: dict[str, Recording] = {}
    problem, runs = "", 0
    while (open_ := _open(suspects, fresh)) or (grown and not runs):
        runs += 1
        session.progress.note(f"perf: {nodeid} looks worse, measuring it in fresh process {runs}")
        try:
            (answer,) = session.fresh.measure([nodeid])
            problem = answer.problem
        except WorkerError as error:
            problem = str(error)
        if not problem:
            found = {one.name: one for one in map(Measurement.from_dict, answer.measurements)}
            first = first or {name: one.recording for name, one in found.items() if one.recording}
            problem = _take(open_, found, fresh)
        if problem:
            break
    session.progress.clear()
    changes = {
        name: question.confirmed(fresh[name]) if not problem else _unconfirmable(problem)
        for name, question in suspects.items()
    }
    return Confirmation(changes, first, problem)


def _open(suspects: Mapping[str, Question], fresh: Mapping[str, list[Estimate]]) -> dict[str, Question]:
    return {name: question for name, question in suspects.items() if question.needs_fresh(fresh[name])}


def _take(
    suspects: Mapping[str, Question], found: Mapping[str, Measurement], fresh: Mapping[str, list[Estimate]]
) -> str:
    """Add what a fresh process measured; return what is missing, if something is."""
    for name, question in suspects.items():
        recording = found[name].recording if name in found else None
        if recording is None or not recording.blocks:
            return f"a fresh process has no measurement {name!r} of it" if name else "a fresh process did not time it"
        fresh[name].append(question.estimate(recording.blocks))
    return ""


def _unconfirmable(problem: str) -> Change:
    return Change("time", Standing.UNMEASURED, reason=f"it looked slower, and could not be confirmed: {problem}")
