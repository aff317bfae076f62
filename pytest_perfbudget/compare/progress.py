"""The notes while a comparison runs, on a terminal and in a log: which test, which process, and the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_perfbudget.compare.context import ProgressNote
from pytest_perfbudget.compare.session_pace import SessionPace
from pytest_perfbudget.core.slowdown import MOST_FRESH
from pytest_perfbudget.measure.clock import SYSTEM

_QUIET_S = 30.0
"""The time in s after which a log gets a further line about a confirmation."""


class Pace:
    """The time that the steps of a comparison take, from which the time left follows.

    Args:
        wall_ns: the clock.
    """

    def __init__(self, wall_ns: Callable[[], int] = SYSTEM.wall_ns) -> None:
        self._wall_ns = wall_ns
        self._spent_ns = 0
        self._logged_ns = 0
        self.done = 0
        self.last_s = 0.0

    @contextmanager
    def step(self) -> Iterator[None]:
        """Time one step."""
        started_ns = self._wall_ns()
        try:
            yield
        finally:
            step_ns = self._wall_ns() - started_ns
            self._spent_ns += step_ns
            self.last_s = step_ns / 1e9
            self.done += 1

    def is_line_due(self) -> bool:
        """Return whether a log needs a further line, and count from now on if so."""
        is_due = self._spent_ns - self._logged_ns >= _QUIET_S * 1e9
        if is_due:
            self._logged_ns = self._spent_ns
        return is_due

    def left(self, total: int) -> str:
        """Return the time left if all steps run, after a comma; empty before a step has shown how long a step takes."""
        if not self.done:
            return ""
        return f", {_duration(self._spent_ns / self.done * max(total - self.done, 0) / 1e9)} if all run"


def note_screening(progress: ProgressNote, nodeid: str, session: SessionPace) -> None:
    """Show which test of how many is compared."""
    left_s = session.left_s()
    left = f", about {_duration(left_s)} left in all" if left_s else ""
    progress.note(f"perf: comparing test {session.number} of {session.total}{left}: {_short(nodeid)}")


def note_screened(progress: ProgressNote, nodeid: str, commit: str) -> None:
    """Show which suspect is measured beside the commit of the baseline."""
    progress.note(f"perf: measuring beside commit {commit}: {_short(nodeid)}")


def note_fresh(
    progress: ProgressNote,
    nodeid: str,
    pace: Pace,
    session: SessionPace,
    *,
    step_s: float = 0.0,
    most_fresh: int = MOST_FRESH,
    noun: str = "fresh process",
) -> None:
    """Show which fresh process or pair of how many measures a suspect; a log has few lines about it.

    A suspect looks worse, or so much faster that one of its processes may be off. As a rule few runs decide.

    Args:
        progress: the display.
        nodeid: the test.
        pace: the time of the fresh runs so far.
        session: the tests so far.
        step_s: the time in s that a fresh run is expected to take; 0 if that is not known.
        most_fresh: the largest number of fresh runs.
        noun: the noun for a run: a process or a pair.
    """
    left = pace.left(most_fresh)
    if not pace.done:
        left = f", {_duration(most_fresh * step_s)} if all run" if step_s else ""
        nouns = f"{noun}{'es' if noun.endswith('s') else 's'}"
        progress.log(
            f"perf: {nodeid} stands out: measuring it again in at most {most_fresh} {nouns}{left} ({_place(session)})"
        )
    elif pace.is_line_due():
        progress.log(f"perf: {nodeid}: {noun} {pace.done + 1} of at most {most_fresh}{left} ({_place(session)})")
    progress.note(f"perf: {noun} {pace.done + 1} of at most {most_fresh}{left}: {_short(nodeid)}")


def _short(nodeid: str) -> str:
    """Return a node id without folders: the end of a note that is too long is cut, and folders tell less."""
    file, colons, name = nodeid.partition("::")
    return file.rpartition("/")[2] + colons + name


def _place(session: SessionPace) -> str:
    """Return which test of how many is measured again, and the time for those after it, by the mean so far."""
    left_s = session.left_s(after_this=True)
    then = f", then about {_duration(left_s)}" if left_s else ""
    return f"test {session.number} of {session.total}{then}"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
