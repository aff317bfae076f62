"""The files by which the worker processes of a server see each other's numbers: one file for each process.

A file holds mergeable tallies, so any worker answers for all. The file of a process that has ended is removed.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.core.tally import Tally, packed_sparse, sparse
from pytest_perfbudget.monitor.error_log import ErrorEntry
from pytest_perfbudget.monitor.history import LEVELS, History
from pytest_perfbudget.monitor.snapshot import Snapshot

SCHEMA: Final = "perfbudget-worker/2"
_PREFIX: Final = "perfbudget-"
_TOTAL: Final = -1
"""The number that stands for the level of a line with the tally since the start."""


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


class WorkerFiles:
    """The folder with the files of all workers of a server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[tuple[str, int, int], tuple[Tally, str]] = {}
        self._read: dict[str, Tally] = {}

    def write(self, state: WorkerState) -> None:
        """Replace the file of this process.

        Raises:
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(state.pid)
        temporary = file.with_suffix(".new")
        # Not flushed to the disk: after a crash of the machine the processes are gone as well.
        temporary.write_text("\n".join(self._lines(state)), "utf-8")
        temporary.replace(file)

    def others(self, pid: int) -> list[WorkerState]:
        """Return the states of the other processes, and remove the files of processes that have ended."""
        known, found = self._read, []
        self._read = {}
        for file in sorted(self._folder.glob(f"{_PREFIX}*.txt")):
            other = file.stem.removeprefix(_PREFIX)
            if not other.isdecimal() or int(other) == pid:
                continue
            if not _is_alive(int(other)):
                self.remove(int(other))
                continue
            # A worker may end, and a file of another version may lie here.
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                found.append(self._state(file.read_text("utf-8"), known))
        return found

    def remove(self, pid: int) -> None:
        """Remove the file of a process."""
        with contextlib.suppress(OSError):
            self._file(pid).unlink()

    def _file(self, pid: int) -> Path:
        return self._folder / f"{_PREFIX}{pid}.txt"

    def _lines(self, state: WorkerState) -> Iterator[str]:
        before, self._written = self._written, {}
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
                    self._written[key] = (tally, line)
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
