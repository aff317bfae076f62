"""The files by which the worker processes of a server see each other's numbers: one file for each process.

A file holds mergeable tallies, so any worker answers for all. The numbers of a process that has ended are added to a
file of all such processes, so that no counter falls; a lock keeps two processes from adding them twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from pytest_perfbudget.core.tally import Tally, packed_sparse, sparse
from pytest_perfbudget.file_lock import file_lock
from pytest_perfbudget.monitor.error_log import ErrorEntry
from pytest_perfbudget.monitor.history import LEVELS, History
from pytest_perfbudget.monitor.snapshot import Snapshot

SCHEMA: Final = "perfbudget-worker/2"
_PREFIX: Final = "perfbudget-"
_ENDED: Final = f"{_PREFIX}ended.txt"
"""The file with the numbers of all processes that have ended."""
_LOCK: Final = "perfbudget.lock"
_LOCKED_S: Final = 2.0
"""The time to wait for another process, which holds the lock for milliseconds."""
_TOTAL: Final = -1
"""The number that stands for the level of a line with the tally since the start."""

_Lines = dict[tuple[str, int, int], tuple[Tally, str]]
"""The tally and the written line of each component, level and slot."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """The content of a worker's file.

    Attributes:
        pid: the id of the process.
        at_ns: the time of the snapshot, in ns since 1970.
        snapshot: the numbers of the process.
        alerts: the states of the alerts, as the process knows them.
    """

    pid: int
    at_ns: int
    snapshot: Snapshot
    alerts: Sequence[Mapping[str, Any]] = ()


class Others(NamedTuple):
    """The other processes: those that go on, and the numbers of those that have ended; None if there are none."""

    workers: Sequence[WorkerState]
    ended: Snapshot | None

    @property
    def snapshots(self) -> list[Snapshot]:
        """The numbers of all other processes."""
        return [*(one.snapshot for one in self.workers), *([self.ended] if self.ended else [])]


class WorkerFiles:
    """The folder with the files of all workers of a server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: _Lines = {}
        self._read: dict[str, Tally] = {}
        self._owner = 0

    def write(self, state: WorkerState) -> None:
        """Replace the file of this process.

        Raises:
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        before, self._written = self._written, {}
        self._replace(self._file(state.pid), self._lines(state, before, self._written))
        self._owner = state.pid

    def others(self, pid: int, always_kept: Collection[str] = ()) -> Others:
        """Return the numbers of the other processes, and add up those of processes that have ended.

        Args:
            pid: the id of this process.
            always_kept: the components that stay by themselves, however many other components there are.
        """
        if not self._folder.is_dir():
            return Others([], None)
        try:
            with file_lock(self._folder / _LOCK, timeout_s=_LOCKED_S):
                return self._others(pid, always_kept, keeps=True)
        except OSError:  # the folder cannot be written, or a process hangs: what is there can still be read
            return self._others(pid, always_kept, keeps=False)

    def end(self, state: WorkerState, always_kept: Collection[str] = ()) -> None:
        """Add the last numbers of this process to those of the processes that have ended, and remove its file.

        Raises:
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with file_lock(self._folder / _LOCK, timeout_s=_LOCKED_S):
            before = self._state_in(self._folder / _ENDED, self._read)
            self._write_ended(_together(before.snapshot if before else None, [state], always_kept))
            self._file(state.pid).unlink(missing_ok=True)

    def _others(self, pid: int, always_kept: Collection[str], *, keeps: bool) -> Others:
        known, self._read = self._read, {}
        before = self._state_in(self._folder / _ENDED, known)
        ended = replace(before.snapshot, processes=0) if before else None
        workers, gone, left = [], [], []
        for file in sorted(self._folder.glob(f"{_PREFIX}*.txt")):
            other = file.stem.removeprefix(_PREFIX)
            if not other.isdecimal() or int(other) == pid == self._owner:
                continue
            state = self._state_in(file, known)
            if int(other) == pid or not _is_alive(int(other)):  # an earlier process may have had the id of this process
                left.append(file)
                gone += [state] if state else []
            elif state:
                workers.append(state)
        if gone:
            ended = _together(ended, gone, always_kept)
            if keeps:
                self._write_ended(ended)
        for file in left if keeps else ():
            file.unlink(missing_ok=True)
        return Others(workers, ended)

    def _write_ended(self, ended: Snapshot) -> None:
        self._replace(self._folder / _ENDED, self._lines(WorkerState(0, 0, ended), {}, {}))

    def _file(self, pid: int) -> Path:
        return self._folder / f"{_PREFIX}{pid}.txt"

    @staticmethod
    def _replace(file: Path, lines: Iterable[str]) -> None:
        temporary = file.with_suffix(".new")
        # Not flushed to the disk: after a crash of the machine the processes are gone as well.
        temporary.write_text("\n".join(lines), "utf-8")
        temporary.replace(file)

    def _state_in(self, file: Path, known: Mapping[str, Tally]) -> WorkerState | None:
        """Return the state in a file; None if a worker has just removed the file, or another version wrote it."""
        try:
            return self._state(file.read_text("utf-8"), known)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @staticmethod
    def _lines(state: WorkerState, before: _Lines, written: _Lines) -> Iterator[str]:
        snapshot = state.snapshot
        yield json.dumps(
            {
                "schema": SCHEMA,
                "pid": state.pid,
                "at_ns": state.at_ns,
                "start_ns": snapshot.start_ns,
                "starts": {name: one.start_ns for name, one in snapshot.histories.items()},
                "errors": [one.to_dict() for one in snapshot.errors],
                "alerts": [dict(one) for one in state.alerts],
            }
        )
        for name, history in snapshot.histories.items():
            for level, slots in ((_TOTAL, {0: history.total}), *enumerate(history.slots)):
                for slot, tally in slots.items():
                    key = (name, level, slot)
                    kept, line = before.get(key, (None, ""))
                    if kept != tally:  # most slots have ended, and their lines stay the same
                        line = _line(name, level, slot, tally)
                    written[key] = (tally, line)
                    yield line

    def _state(self, text: str, known: Mapping[str, Tally]) -> WorkerState:
        first, *lines = text.splitlines()
        head = json.loads(first)
        if head["schema"] != SCHEMA:
            raise ValueError(head["schema"])
        slots: dict[str, list[dict[int, Tally]]] = {name: [{} for _ in LEVELS] for name in head["starts"]}
        totals: dict[str, Tally] = {}
        for line in lines:
            place, _, numbers = line.partition("\t")
            name, level, slot = json.loads(place)
            tally = known.get(numbers) or self._read.get(numbers) or _tally(numbers)
            self._read[numbers] = tally
            if level == _TOTAL:
                totals[name] = tally
            else:
                slots[name][level][slot] = tally
        histories = {
            name: History(tuple(slots[name]), totals.get(name, Tally()), start_ns)
            for name, start_ns in head["starts"].items()
        }
        errors = [ErrorEntry.from_dict(one) for one in head["errors"]]
        return WorkerState(head["pid"], head["at_ns"], Snapshot(head["start_ns"], histories, errors), head["alerts"])


def _together(ended: Snapshot | None, gone: Sequence[WorkerState], always_kept: Collection[str]) -> Snapshot:
    """Return the numbers of the processes that have ended with those of some more."""
    found = ended or Snapshot(gone[0].snapshot.start_ns, {}, processes=0)
    for one in gone:
        found = found.with_ended(one.snapshot, always_kept)
    return found


def _line(name: str, level: int, slot: int, tally: Tally) -> str:
    counts = ([*sparse(one).items()] for one in (tally.packed, tally.packed_errors))
    numbers = [tally.count, tally.errors, tally.total_ns, tally.most_ns, *counts]
    return f"{json.dumps([name, level, slot])}\t{json.dumps(numbers)}"


def _tally(numbers: str) -> Tally:
    count, errors, total_ns, most_ns, buckets, failed = json.loads(numbers)
    return Tally(count, errors, total_ns, most_ns, packed_sparse(dict(buckets)), packed_sparse(dict(failed)))


def _is_alive(pid: int) -> bool:
    """Return whether a process exists; on Windows, where servers do not fork, asking would end the process."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
