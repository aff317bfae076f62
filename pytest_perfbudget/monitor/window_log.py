"""The log of a monitor's windows: a thread that appends each minute of this process to the history when it has ended.

Minutes come from the rings of `monitor.history`, which keep them for a quarter of an hour, so nothing is added to a
request, and a file that cannot be written for some minutes loses none.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.core.history.service_window import DAY_S, MINUTE_S, ServiceProcess, ServiceWindow, merged_windows
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.monitor.history import HALF_MINUTES, LEVELS
from pytest_perfbudget.monitor.snapshot import Snapshot

_S: Final = NS_PER["s"]
_HALF_MINUTE_S: Final = LEVELS[HALF_MINUTES].width_ns // _S
_WAIT_S: Final = 10.0
_WAIT_AT_END_S: Final = 1.0
"""The longest time for which a process that ends or forks waits for the file."""
_SPREAD: Final = 16
"""The number of different moments, in quarters of a second, at which the processes of a server write."""
_log: Final = logging.getLogger(__name__)


class WindowLog:
    """The log of one monitor.

    Args:
        file: the history.
        days: the number of days for which the history keeps a window.
        clock: the present time, in ns since 1970.
        own: a function that takes the time and returns the numbers of this process.
        alerts: a function that returns the states of the alerts as builtins.
        in_background: whether a thread appends each minute, from `begin` on.
    """

    def __init__(
        self,
        file: Path,
        days: int,
        *,
        clock: Callable[[], int],
        own: Callable[[int], Snapshot],
        alerts: Callable[[], Sequence[Mapping[str, Any]]],
        in_background: bool,
    ) -> None:
        self._file = file
        self._days = days
        self._clock = clock
        self._own = own
        self._alerts = alerts
        self._in_background = in_background
        self._is_closed = False
        self.reset()
        if hasattr(os, "register_at_fork"):
            log = weakref.ref(self)
            os.register_at_fork(before=lambda: _call(log, "pause"), after_in_parent=lambda: _call(log, "resume"))

    def reset(self) -> None:
        """Begin as a process of its own, without a thread, and with locks that no other thread holds."""
        self._writer = uuid.uuid4().hex
        self._written_until_s = 0
        self._logged: set[str] = set()
        self._is_paused = False
        self._writing = threading.RLock()  # a signal handler may close the monitor while the main thread writes
        self._stopped = threading.Event()
        self._starting = threading.RLock()  # the garbage collector may end a span meanwhile
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin to append in the background; not before the first request, because threads survive no fork."""
        if not self._in_background or self._thread is not None or self._is_closed:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="perfbudget-history", daemon=True)
                self._thread.start()

    def pause(self) -> None:
        """Let no write begin, and wait for the present write, before this process forks.

        A forked process closes its copy of an open connection, and with it would undo the write of this process.
        """
        self._is_paused = self._writing.acquire(timeout=_WAIT_AT_END_S)

    def resume(self) -> None:
        """Let writes begin again."""
        if self._is_paused:
            self._is_paused = False
            self._writing.release()

    def append(self) -> None:
        """Append the minutes that have ended since the last time."""
        now_ns = self._clock()
        self._append(now_ns, now_ns // _S // MINUTE_S * MINUTE_S, _WAIT_S)

    def close(self) -> None:
        """Stop the background thread, and append the present minute as well."""
        if self._is_closed:
            return
        self._is_closed = True
        self._stopped.set()
        if self._writing.acquire(timeout=_WAIT_AT_END_S):
            try:
                now_ns = self._clock()
                self._append(now_ns, (now_ns // _S // MINUTE_S + 1) * MINUTE_S, _WAIT_AT_END_S)
            finally:
                self._writing.release()

    def _run(self) -> None:
        late_s = 1 + os.getpid() % _SPREAD / 4
        while not _wait(self._stopped, MINUTE_S - self._clock() / _S % MINUTE_S + late_s):
            self.append()

    def _append(self, now_ns: int, until_s: int, wait_s: float) -> None:
        """Append the minutes before a time. A file that cannot be written leaves the service as it is."""
        with self._writing:
            if until_s <= self._written_until_s:
                return
            try:
                self._write(now_ns, until_s, wait_s)
            except (HistoryError, ImportError) as error:
                self._log_once(f"{error}; the monitor tries again each minute")
            except Exception as error:  # noqa: BLE001 - the service and the monitor go on
                self._log_once(f"history {self._file}: {type(error).__name__}: {error}")
            else:
                self._written_until_s = until_s

    def _write(self, now_ns: int, until_s: int, wait_s: float) -> None:
        # Imported here: a Python may be without SQLite.
        from pytest_perfbudget.history.windows import append_windows  # noqa: PLC0415

        snapshot = self._own(now_ns)
        minutes = [
            one
            for one in merged_windows(_half_minutes(snapshot), MINUTE_S)
            if self._written_until_s <= one.start_s and one.end_s <= until_s
        ]
        state = {"errors": [one.to_dict() for one in snapshot.errors], "alerts": [dict(one) for one in self._alerts()]}
        at_s = min(until_s, now_ns / _S)  # at the end of the process, its last minute is not over
        process = ServiceProcess(self._writer, snapshot.start_ns / _S, at_s, state)
        append_windows(self._file, minutes, process, until_s - self._days * DAY_S, wait_s=wait_s)

    def _log_once(self, problem: str) -> None:
        if problem not in self._logged:
            self._logged.add(problem)
            _log.warning("perfbudget: %s", problem)


def _call(log: weakref.ref[WindowLog], method: str) -> None:
    found = log()
    if found is not None:
        getattr(found, method)()


def _wait(event: threading.Event, seconds: float) -> bool:
    return event.wait(seconds)


def _half_minutes(snapshot: Snapshot) -> Iterator[ServiceWindow]:
    for name, history in snapshot.histories.items():
        for slot, tally in history.slots[HALF_MINUTES].items():
            yield ServiceWindow(name, slot * _HALF_MINUTE_S, _HALF_MINUTE_S, tally)
