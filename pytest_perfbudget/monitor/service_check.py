"""The check of a service: its numbers are judged, its alerts updated, and its worker's file written."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.core.alerts import AlertEvent
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.monitor.alert_watch import AlertWatch
from pytest_perfbudget.monitor.snapshot import Snapshot
from pytest_perfbudget.monitor.summary import JudgedService
from pytest_perfbudget.monitor.worker_files import Others, WorkerFiles, WorkerState

CHECK_EVERY_S: Final = 5.0
"""The time between two checks of the alerts in the background, and between two writes of a worker's file."""

_ASLEEP_NS: Final = 30 * NS_PER["s"]
"""The age of a file from which its worker does not watch the alerts."""
_log: Final = logging.getLogger(__name__)


class ServiceCheck:
    """The check, on demand and every five seconds in the background.

    Args:
        settings: the components, budgets and alerts.
        judged_over: the window over which budgets are judged.
        multiprocess_dir: the folder of the workers' files; None for one process.
        clock: the present time, in ns since 1970.
        own: a function that takes the time and returns the numbers of this process.
        always_kept: the components that stay by themselves, however many other components there are.
        in_background: whether a thread checks every five seconds, from `begin` on.

    Attributes:
        watch: the alerts.
        is_closed: whether the check has ended.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        judged_over: str,
        multiprocess_dir: str | Path | None,
        clock: Callable[[], int],
        own: Callable[[int], Snapshot],
        always_kept: Collection[str],
        in_background: bool,
    ) -> None:
        self.watch = AlertWatch(settings.alerts)
        self.is_closed = False
        self._settings = settings
        self._judged_over = judged_over
        self._files = WorkerFiles(Path(multiprocess_dir)) if multiprocess_dir is not None else None
        self._clock = clock
        self._own = own
        self._always_kept = always_kept
        self._in_background = in_background
        self.reset()

    def reset(self) -> None:
        """Begin with no alert on, without a thread, and with locks that no other thread holds."""
        self.watch.reset()
        self._checking = threading.RLock()  # a signal handler may close the monitor within a check
        self._stopped = threading.Event()
        self._starting = threading.RLock()  # the garbage collector may end a span meanwhile
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin to check in the background.

        Not before the first request: a server may load the application before it forks, and threads survive no fork.
        """
        if not self._in_background or self._thread is not None or self.is_closed:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="perfbudget-monitor", daemon=True)
                self._thread.start()

    def run(self) -> tuple[JudgedService, list[dict[str, Any]]]:
        """Return the judged service and the states of its alerts, after the callbacks for what changed."""
        with self._checking:
            now_ns = self._clock()
            own = self._own(now_ns)
            pid = os.getpid()
            files = self._files
            others = files.others(pid, self._always_kept) if files is not None else Others([], None)
            snapshot = own.with_others(others.snapshots)
            service = JudgedService(snapshot, self._settings, self._judged_over, now_ns)
            # Of several workers only the first watches the alerts, so that an alert fires once; not if it hangs.
            awake = [one for one in others.workers if now_ns - one.at_ns < _ASLEEP_NS]
            first = min(awake, key=lambda one: one.pid, default=None)
            if first is not None and first.pid < pid:
                events: list[AlertEvent] = []
                self.watch.follow(first.alerts)
            else:
                events = self.watch.update(service)
            alerts = self.watch.states()
            if files is not None and not self.is_closed:
                self._logged(partial(files.write, WorkerState(pid, now_ns, own, alerts)))
        self.watch.call_back(events)
        return service, alerts

    def close(self) -> None:
        """Stop the background thread, and hand this worker's numbers over to the others."""
        self.is_closed = True
        self._stopped.set()
        with self._checking:
            files, self._files = self._files, None
            if files is None:
                return
            now_ns = self._clock()
            state = WorkerState(os.getpid(), now_ns, self._own(now_ns))
            self._logged(partial(files.end, state, self._always_kept))

    def _run(self) -> None:
        while not self._stopped.wait(CHECK_EVERY_S):
            try:
                self.run()
            except Exception:  # noqa: BLE001 - the service and the monitor go on
                _log.exception("the monitor's check failed")

    @staticmethod
    def _logged(write: Callable[[], None]) -> None:
        """Write a file; the service goes on without."""
        try:
            write()
        except OSError as error:
            _log.warning("perfbudget: the worker's file cannot be written: %s", error)
