"""The script of the reaper: it ends a worker and what the worker has started, when the session says so or has ended.

A worker is ended here only, however its session ends. The order is the same each time: first the worker, which tears
its fixtures down, and then the processes that remain, each with a request to end (SIGTERM) and some seconds.

The script imports nothing from this package, and little else, so that it starts in a hundredth of a second.
"""

# ruff: noqa: PTH110, PTH123, PTH208 - importing pathlib takes longer than all the rest

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

TEAR_DOWN_S = 5.0
"""The time in s that a worker has to tear its fixtures down."""
STOP_S = 5.0
"""The time in s that the processes have to stop which the worker leaves behind."""
_PAUSE_S = 0.02
_MOST_ROUNDS = 50
"""The number of rounds in which processes are killed that start others meanwhile."""

MARK = "PERFBUDGET_WORKER"
"""The variable in the environment of a worker, and of all that it starts; each worker has a value of its own."""
GROUP = b"g"
"""The command of a session whose worker has ended in order: its process group ends. A process that leads a session of
its own was left there on purpose, as in any session of pytest."""
ALL = b"a"
"""The command of a session that ends a worker early, or whose worker has crashed: all that it has started ends."""

_HAS_TABLE = sys.platform == "linux" and os.path.exists("/proc/self/stat")
"""Whether the system's table of processes can be read."""


class Row:
    """A process in the system's table of processes; the start, in ticks, tells it from a later process of its id."""

    def __init__(self, parent: int, group: int, start: int) -> None:
        self.parent = parent
        self.group = group
        self.start = start


def wait_for_command(session: int) -> bytes:
    """Wait for a command of the session; return `ALL` if the session has ended without a command.

    Args:
        session: the id of the session, which is the parent of this process and holds a pipe to its standard input.
    """
    ends = [0]
    if sys.platform == "linux":  # a forked child of the session may hold the pipe for longer
        with suppress(AttributeError, OSError):  # an interpreter or a kernel without pidfd, or the session has ended
            ends.append(os.pidfd_open(session))
    if os.getppid() == session and 0 in select.select(ends, [], [])[0]:
        return os.read(0, 1) or ALL
    return ALL


class Worker:
    """A worker, which leads a process group.

    Args:
        pid: the id of the worker, at a time when the id belongs to the worker for sure.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        row = _row(pid)
        self.start = row.start if row else None
        self._descriptor: int | None = None
        if sys.platform == "linux":
            with suppress(AttributeError, OSError):
                self._descriptor = os.pidfd_open(pid)

    def ends_within(self, seconds: float) -> bool:
        """Return whether the worker ends within a time."""
        if self._descriptor is not None:
            return bool(select.select([self._descriptor], [], [], seconds)[0])
        return _comes_true(lambda: not self.send(0), seconds)

    def send(self, number: int) -> bool:
        """Send a signal; return whether the worker is there to get it."""
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "linux" and self._descriptor is not None:
                signal.pidfd_send_signal(self._descriptor, number)
            elif self.start is not None or not _HAS_TABLE:
                os.kill(self.pid, number)
            else:
                return False
            return True
        return False


class Remains:
    """The processes that a worker has started.

    On Linux, these are the members of the worker's process group and, if asked for, processes in sessions of their own:
    those with the mark of the worker in their environment, the children of the worker, and the children of all of
    these. The worker itself does not belong to them. Elsewhere, the process group alone is known.

    Args:
        worker: the worker.
        mark: the value of `MARK` in the worker's environment.
        with_sessions: whether processes in sessions of their own belong to them.
    """

    def __init__(self, worker: Worker, mark: str, *, with_sessions: bool) -> None:
        self._worker = worker
        self._mark = b"\0%s=%s\0" % (os.fsencode(MARK), os.fsencode(mark)) if with_sessions else b""
        self._known: dict[int, int] = {}

    def send(self, number: int) -> bool:
        """Send a signal to all that are there; return whether there is any."""
        if _HAS_TABLE:
            found = self._find() if self._mark or self._has_group() else {}
            for pid in found:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            return bool(found)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._worker.pid, number)
            return True
        return False

    def _has_group(self) -> bool:
        """Return whether the group has a member, perhaps a zombie; this is far cheaper than to look for the members."""
        with suppress(ProcessLookupError):
            os.killpg(self._worker.pid, 0)
            return True
        return False

    def _find(self) -> dict[int, int]:
        """Return the start of each process by its id, with those that were found before and still run."""
        table = _table()
        own = table.pop(self._worker.pid, None)
        is_own = own is None or own.start == self._worker.start
        found = {pid for pid, row in table.items() if self._known.get(pid) == row.start}
        if is_own:  # otherwise the id belongs to another process by now, so the group is empty
            found |= {pid for pid, row in table.items() if row.group == self._worker.pid}
        if self._mark:
            found |= {pid for pid in table if self._mark in b"\0" + _environment(pid)}
            parents = found | ({self._worker.pid} if own and is_own else set())
            while children := {pid for pid, row in table.items() if row.parent in parents} - found:
                found |= children
                parents = children
        self._known = {pid: table[pid].start for pid in found}
        return self._known


def end(worker: Worker, remains: Remains) -> None:
    """End a worker, so that it tears its fixtures down, and then the processes that it has left behind."""
    remains.send(0)  # finds the children of the worker, which nobody can tell when the worker has ended
    worker.send(signal.SIGTERM)
    if not worker.ends_within(TEAR_DOWN_S):
        worker.send(signal.SIGKILL)
        worker.ends_within(STOP_S)
    if remains.send(signal.SIGTERM) and not _comes_true(lambda: not remains.send(0), STOP_S):
        for _ in range(_MOST_ROUNDS):
            if not remains.send(signal.SIGKILL):
                break
            time.sleep(_PAUSE_S)


def _comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_S)
    return True


def _table() -> dict[int, Row]:
    """Return the processes of the system that have not ended, without this process.

    A process that has ended stays as a zombie until its parent asks for it, and some containers have no such parent.
    """
    pids = {int(name) for name in os.listdir("/proc") if name.isdecimal()} - {os.getpid()}
    return {pid: row for pid in pids if (row := _row(pid)) is not None}


def _row(pid: int) -> Row | None:
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:  # the process may have ended
        state, parent, group, *more = file.read().rpartition(b")")[2].split()
        if state not in {b"Z", b"X"}:
            return Row(int(parent), int(group), int(more[16]))
    return None


def _environment(pid: int) -> bytes:
    """Return the environment with which a process has started; empty for the processes of other users."""
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return file.read()
    return b""


def main(session: int, pid: int, mark: str) -> None:
    """End a worker when the session says so.

    Args:
        session: the id of the session.
        pid: the id of the worker; a test's mocks may have provided an id that reaches other processes.
        mark: the value of `MARK` in the worker's environment.
    """
    if pid <= 1:
        return
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whatever ends all processes of the job at once
        signal.signal(one, signal.SIG_IGN)
    worker = Worker(pid)
    command = wait_for_command(session)
    end(worker, Remains(worker, mark, with_sessions=command == ALL))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
