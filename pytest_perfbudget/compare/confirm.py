"""Measures again in fresh processes what looks worse in the session; what they say is decided in `core`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.slowdown import Run, SlowdownTest
from pytest_perfbudget.errors import WorkerError, WorkerHangsError, WrongCodeError

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession


FRESH_COUNTS: Final = 3
"""Fresh processes that all have to show a grown count: of counts that depend on the hash seed one in ten is
higher than the highest of ten."""

_Result = TypeVar("_Result")
_Run = TypeVar("_Run", bound=Run)
_Count = TypeVar("_Count")
_Count_co = TypeVar("_Count_co", covariant=True)
_Run_co = TypeVar("_Run_co", bound=Run, covariant=True)


@dataclass(frozen=True)
class Attempt(Generic[_Run_co, _Count_co]):
    """What fresh processes measured of a test, once.

    Attributes:
        runs: by measurement, its time; what was not timed is not there.
        counts: by measurement, its counts.
        problem: why there is nothing; empty otherwise.
        is_wrong_code: whether it is because a side would have run other code than its own.
    """

    runs: Mapping[str, _Run_co] = field(default_factory=dict)
    counts: Mapping[str, _Count_co] = field(default_factory=dict)
    problem: str = ""
    is_wrong_code: bool = False


class Measure(Protocol[_Run_co, _Count_co]):
    """Measures a test in fresh processes, once."""

    def __call__(self, *, alone: bool) -> Attempt[_Run_co, _Count_co]:
        """Measure it; `alone` collects its own file only.

        Raises:
            WorkerError: there are no measurements.
        """


@dataclass(frozen=True)
class Confirmation(Generic[_Count_co]):
    """What fresh processes say of a test.

    Attributes:
        times: the verdicts on the times that were suspect, by measurement.
        counts: those of each attempt, by measurement.
        problem: why it has not come to an end; empty if it has.
        note: what a reader should know of it.
    """

    times: Mapping[str, RegressionResult]
    counts: Sequence[Mapping[str, _Count_co]]
    problem: str = ""
    note: str = ""


def confirm(
    session: PerfSession,
    nodeid: str,
    suspects: Mapping[str, SlowdownTest[_Run]],
    grown: Mapping[str, Callable[[_Count], bool]],
    measure: Measure[_Run, _Count],
) -> Confirmation[_Count]:
    """Measure one test in fresh processes until each of its suspects is decided.

    Args:
        session: whose test it is.
        nodeid: the test.
        suspects: the measurements whose time is suspect.
        grown: those of which a count is, with what tells whether an attempt shows it: other tests of the
            session may have made it so, or its hash seed.
        measure: makes an attempt.
    """
    session.stop_timeout()
    fresh: dict[str, list[_Run]] = {name: [] for name in suspects}
    counts: list[Mapping[str, _Count]] = []
    problem, alone = "", False
    while (open_ := _open(suspects, fresh)) or _still_grown(counts, grown):
        session.progress.note(f"perf: {nodeid} looks worse, measuring it in fresh process {len(counts) + 1}")
        found = _attempted(measure, alone=alone)
        problem = found.problem
        if problem and not counts and not alone and session.fresh.has_company(nodeid):
            # Perhaps it is another test file that does not go together with this one.
            alone = True
            continue
        problem = problem or _take(open_, found.runs, fresh)
        if problem:
            break
        counts.append(found.counts)
    session.progress.clear()
    changes = {
        name: slowdown_test.confirmed(fresh[name]) if not problem else _unconfirmable(problem)
        for name, slowdown_test in suspects.items()
    }
    return Confirmation(changes, counts, problem)


def once_more(measure: Callable[[], _Result]) -> _Result:
    """Measure, and once more if a process has died: it may have been ended from outside, as for want of memory."""
    try:
        return measure()
    except (WrongCodeError, WorkerHangsError):
        raise
    except WorkerError:
        return measure()


def _attempted(measure: Measure[_Run, _Count], *, alone: bool) -> Attempt[_Run, _Count]:
    try:
        return once_more(partial(measure, alone=alone))
    except WorkerError as error:
        return Attempt(problem=str(error))
    except Exception as error:  # noqa: BLE001 - the test may have replaced anything, and is still at it
        return Attempt(problem=f"no fresh process: {type(error).__name__}: {error}")


def _still_grown(counts: Sequence[Mapping[str, _Count]], grown: Mapping[str, Callable[[_Count], bool]]) -> bool:
    """Return whether counts are to be taken again: until an attempt shows that they have not grown."""
    if len(counts) >= FRESH_COUNTS:
        return False
    return any(all(name in one and is_grown(one[name]) for one in counts) for name, is_grown in grown.items())


def _open(suspects: Mapping[str, SlowdownTest[_Run]], fresh: Mapping[str, list[_Run]]) -> dict[str, SlowdownTest[_Run]]:
    return {name: slowdown_test for name, slowdown_test in suspects.items() if slowdown_test.needs_fresh(fresh[name])}


def _take(
    suspects: Mapping[str, SlowdownTest[_Run]], found: Mapping[str, _Run], fresh: Mapping[str, list[_Run]]
) -> str:
    """Add what was measured; return what is missing, if something is."""
    for name in suspects:
        if name not in found:
            return f"a fresh process has no measurement {name!r} of it" if name else "a fresh process did not time it"
        fresh[name].append(found[name])
    return ""


def _unconfirmable(problem: str) -> RegressionResult:
    return RegressionResult(
        "time", RegressionVerdict.UNMEASURED, reason=f"it looked slower, and could not be confirmed: {problem}"
    )
