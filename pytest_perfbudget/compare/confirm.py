"""The confirmation of suspects in fresh processes; `core` decides what their runs mean."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Sides, needs_counts
from pytest_perfbudget.compare.obstacles import untimed
from pytest_perfbudget.compare.progress import Pace, note_fresh
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.slowdown import MOST_FRESH, Run, SlowdownTest
from pytest_perfbudget.errors import WorkerError, WorkerHangsError, WrongCodeError

_PROFILED: Final = 3
"""The number of attempts with a profile, if the calls are quick: the calmest times of several are compared."""

_QUICK_NS: Final = 5e6
"""The time of a call up to which the calls are quick."""

_Result = TypeVar("_Result")
_Run = TypeVar("_Run", bound=Run)
_Run_co = TypeVar("_Run_co", bound=Run, covariant=True)


@dataclass(frozen=True)
class Attempt(Generic[_Run_co]):
    """One attempt to measure a test in other processes.

    Attributes:
        runs: the runs by measurement, without measurements that were not timed.
        sides: the recordings of both sides, by measurement.
        only_base: the names of the measurements that only the base makes.
        unlike: the measurements that cannot be compared with the other side's of that name, each with the reason.
        other_loads: those of them that are loads with other parameters.
        problem: the reason why the attempt failed; empty if it did not.
        is_wrong_code: whether a side would have run code other than its own.
        is_exclusive: whether the test fails beside the session, in which it passes: what it uses may exist only once.
    """

    runs: Mapping[str, _Run_co] = field(default_factory=dict)
    sides: Mapping[str, Sides] = field(default_factory=dict)
    only_base: Sequence[str] = ()
    unlike: Mapping[str, str] = field(default_factory=dict)
    other_loads: Collection[str] = ()
    problem: str = ""
    is_wrong_code: bool = False
    is_exclusive: bool = False


class Measure(Protocol[_Run_co]):
    """A function that measures a test in fresh processes, once."""

    def __call__(self, *, own_file_only: bool, counting: Counting, is_timed: bool, needs_new: bool) -> Attempt[_Run_co]:
        """Measure the test.

        Args:
            own_file_only: whether to collect no file but the test's own.
            counting: the counts and profiles to take.
            is_timed: whether more than the counts is of interest.
            needs_new: whether the processes must have measured no other test.

        Raises:
            WorkerError: there are no measurements.
        """


@dataclass(frozen=True)
class Confirmation:
    """The outcome of fresh processes for one test.

    Attributes:
        times: the results for the suspect times, by measurement.
        attempts: the recordings of both sides by measurement, one entry for each attempt.
        problem: the reason why the confirmation did not come to an end; empty if it did.
        note: a doubt that a reader should know; empty if there is none.
        is_exclusive: see `Attempt`.
    """

    times: Mapping[str, RegressionResult] = field(default_factory=dict)
    attempts: Sequence[Mapping[str, Sides]] = ()
    problem: str = ""
    note: str = ""
    is_exclusive: bool = False

    def sides(self, name: str) -> list[Sides]:
        """Return the recordings of a measurement from each attempt that has it."""
        return [one[name] for one in self.attempts if name in one]


def confirm(
    context: ComparisonContext,
    nodeid: str,
    suspects: Mapping[str, SlowdownTest[_Run]],
    grown: Mapping[str, float],
    measure: Measure[_Run],
    *,
    step_s: float = 0.0,
    noun: str = "fresh process",
) -> Confirmation:
    """Measure one test in fresh processes until each of its suspects is decided.

    Args:
        context: the session of the test.
        nodeid: the test.
        suspects: the measurements whose time is suspect.
        grown: the measurements with a grown count, each with the growth that is allowed. Other tests of the session,
            or the hash seed, may have caused the growth.
        measure: the function that makes one attempt.
        step_s: the time in s that an attempt is expected to take; 0 if that is not known.
        noun: the noun for an attempt: a process or a pair.
    """
    context.stop_timeout()
    fresh: dict[str, list[_Run]] = {name: [] for name in suspects}
    attempts: list[Mapping[str, Sides]] = []
    pace = Pace()
    problem, own_file_only, is_exclusive = "", False, False
    while True:
        is_grown = _still_grown(attempts, _undecided(grown, suspects, fresh))
        open_ = _open(suspects, fresh)
        if not (open_ or is_grown):
            break
        # What processes show that have measured other tests may come from these tests.
        needs_new = not attempts or bool(grown) or any(one.needs_new(fresh[name]) for name, one in open_.items())
        most_fresh = max(
            (one.most_fresh + one.discarded(fresh[name]) for name, one in open_.items()), default=MOST_FRESH
        )
        note_fresh(context.progress, nodeid, pace, context.pace, step_s=step_s, most_fresh=most_fresh, noun=noun)
        # The first attempts explain a slowdown by profiles; whether a count has grown is decided by three or more.
        is_profiled = len(attempts) < (_PROFILED if _are_quick(attempts) else 1)
        counting = Counting.ALL if is_grown else Counting.CALLS if is_profiled else Counting.NONE
        once = partial(
            measure, own_file_only=own_file_only, counting=counting, is_timed=bool(open_), needs_new=needs_new
        )
        with pace.step():
            found = _attempted(once)
        problem, is_exclusive = found.problem, found.is_exclusive
        if problem and not attempts and not own_file_only and context.launcher.has_companions(nodeid):
            # Perhaps another test file cannot be collected together with this test's file.
            own_file_only = True
            continue
        problem = problem or _take(open_, found.runs, fresh)
        if problem:
            break
        attempts.append(found.sides)
    context.progress.clear()
    times = {
        name: slowdown_test.confirmed(fresh[name]) if not problem else _unconfirmable(problem)
        for name, slowdown_test in suspects.items()
    }
    return Confirmation(times, attempts, problem, is_exclusive=is_exclusive)


def once_more(measure: Callable[[], _Result]) -> _Result:
    """Measure, and repeat that once if a process died, because the system may have killed it for lack of memory."""
    try:
        return measure()
    except (WrongCodeError, WorkerHangsError):
        raise
    except WorkerError:
        return measure()


def _attempted(measure: Callable[[], Attempt[_Run]]) -> Attempt[_Run]:
    try:
        return once_more(measure)
    except WorkerError as error:
        return Attempt(problem=str(error))
    except Exception as error:  # noqa: BLE001 - the test is still running, and may have patched any function
        return Attempt(problem=f"no fresh process: {type(error).__name__}: {error}")


def _are_quick(attempts: Sequence[Mapping[str, Sides]]) -> bool:
    """Return whether the calls are so short that counting and profiling them again costs little."""
    blocks = [block for one in attempts for sides in one.values() for block in sides.head.blocks[:1]]
    return all(block.time_ns <= _QUICK_NS for block in blocks)


def _still_grown(attempts: Sequence[Mapping[str, Sides]], grown: Mapping[str, float]) -> bool:
    """Return whether to count again, because a count has grown in each attempt so far; `core` decides how often."""
    return any(
        needs_counts([one[name] for one in attempts], tolerance)
        for name, tolerance in grown.items()
        if all(name in one for one in attempts)
    )


def _undecided(
    grown: Mapping[str, float], suspects: Mapping[str, SlowdownTest[_Run]], fresh: Mapping[str, list[_Run]]
) -> Mapping[str, float]:
    """Return the measurements with a grown count whose time has not regressed.

    Where the time has regressed, the test fails, and its own fresh processes have counted, too: further processes would
    only repeat the explanation.
    """
    return {
        name: tolerance
        for name, tolerance in grown.items()
        if not fresh.get(name) or suspects[name].confirmed(fresh[name]).verdict is not RegressionVerdict.REGRESSED
    }


def _open(suspects: Mapping[str, SlowdownTest[_Run]], fresh: Mapping[str, list[_Run]]) -> dict[str, SlowdownTest[_Run]]:
    return {name: slowdown_test for name, slowdown_test in suspects.items() if slowdown_test.needs_fresh(fresh[name])}


def _take(
    suspects: Mapping[str, SlowdownTest[_Run]], found: Mapping[str, _Run], fresh: Mapping[str, list[_Run]]
) -> str:
    """Add the runs of an attempt to those of earlier attempts, and return a message if a run is missing."""
    for name in suspects:
        if name not in found:
            return f"a fresh process has no measurement {name!r} of it" if name else "a fresh process did not time it"
        fresh[name].append(found[name])
    return ""


def _unconfirmable(problem: str) -> RegressionResult:
    return untimed(RegressionVerdict.UNMEASURED, f"looked slower, and could not be confirmed: {problem}")
