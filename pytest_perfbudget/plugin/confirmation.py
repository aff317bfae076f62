"""Measures again in fresh processes what looks worse in the session; what they say is decided in `core`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_perfbudget.core.comparison import Question
from pytest_perfbudget.core.regression import Estimate
from pytest_perfbudget.core.results import Change, Measurement, Recording, Standing
from pytest_perfbudget.errors import WorkerError

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession


FRESH_COUNTS: Final = 3
"""Fresh processes that all have to show a grown count: of counts that depend on the hash seed one in ten is
higher than the highest of ten."""

IsGrown = Callable[[Recording], bool]


@dataclass(frozen=True)
class Confirmation:
    """What fresh processes say of a test.

    Attributes:
        times: the verdicts on the times that were suspect, by measurement.
        recordings: those of each process, by measurement: the counts are in them.
        problem: why it has not come to an end; empty if it has.
    """

    times: Mapping[str, Change]
    recordings: Sequence[Mapping[str, Recording]]
    problem: str = ""


def confirm(
    session: PerfSession, nodeid: str, suspects: Mapping[str, Question], grown: Mapping[str, IsGrown]
) -> Confirmation:
    """Measure one test in fresh processes until each of its suspects is decided.

    Args:
        session: whose processes to start.
        nodeid: the test.
        suspects: the measurements whose time is suspect.
        grown: those of which a count is, with what tells whether a recording shows it: other tests of the
            session may have made it so, or its hash seed.
    """
    session.stop_timeout()
    fresh: dict[str, list[Estimate]] = {name: [] for name in suspects}
    recordings: list[Mapping[str, Recording]] = []
    problem, alone = "", False
    while (open_ := _open(suspects, fresh)) or _still_grown(recordings, grown):
        session.progress.note(f"perf: {nodeid} looks worse, measuring it in fresh process {len(recordings) + 1}")
        found, problem = _measure(session, nodeid, alone=alone)
        if problem and not recordings and not alone and session.fresh.has_company(nodeid):
            # Perhaps it is another test file that does not go together with this one.
            alone = True
            continue
        problem = problem or _take(open_, found, fresh)
        if problem:
            break
        recordings.append({name: one.recording for name, one in found.items() if one.recording})
    session.progress.clear()
    changes = {
        name: question.confirmed(fresh[name]) if not problem else _unconfirmable(problem)
        for name, question in suspects.items()
    }
    return Confirmation(changes, recordings, problem)


def _measure(session: PerfSession, nodeid: str, *, alone: bool) -> tuple[Mapping[str, Measurement], str]:
    """Return what a fresh process measures of a test by name, or why it does not."""
    try:
        (answer,) = session.fresh.measure([nodeid], alone=alone)
    except WorkerError as error:
        return {}, str(error)
    except Exception as error:  # noqa: BLE001 - the test may have replaced anything, and is still at it
        return {}, f"no fresh process: {type(error).__name__}: {error}"
    return {one.name: one for one in map(Measurement.from_dict, answer.measurements)}, answer.problem


def _still_grown(recordings: Sequence[Mapping[str, Recording]], grown: Mapping[str, IsGrown]) -> bool:
    """Return whether counts are to be taken again: until a process shows that they have not grown."""
    if len(recordings) >= FRESH_COUNTS:
        return False
    return any(all(name in one and is_grown(one[name]) for one in recordings) for name, is_grown in grown.items())


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
