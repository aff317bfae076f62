"""`Monitor`: takes the requests and spans of a running service, and holds them to the budgets of the tests."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from pytest_perfbudget.config import load_settings
from pytest_perfbudget.core.alerts import WINDOWS, AlertEvent
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.monitor.alert_watch import AlertWatch, Callback, unknown_components
from pytest_perfbudget.monitor.components import OTHER, Component, Components
from pytest_perfbudget.monitor.error_log import Error, ErrorCause, ErrorLog
from pytest_perfbudget.monitor.snapshot import Snapshot
from pytest_perfbudget.monitor.steady_clock import steady_clock
from pytest_perfbudget.monitor.summary import JudgedService
from pytest_perfbudget.monitor.worker_files import Others, WorkerFiles, WorkerState
from pytest_perfbudget.table_name import nearest_file
from pytest_perfbudget.tracing import add_sink, remove_sink
from pytest_perfbudget.tracing.span import Record

CHECK_EVERY_S: Final = 5.0
"""The time between two checks of the alerts in the background, and between two writes of a worker's file."""

_ASLEEP_NS: Final = 30 * NS_PER["s"]
"""The age of a file from which its worker does not watch the alerts."""
_NS_PER_S: Final = float(NS_PER["s"])  # a whole number would repeat a text that is given as a duration
_log: Final = logging.getLogger(__name__)


class Monitor:
    """The monitor of a service, safe to use from any thread.

    Args:
        settings: the components, budgets and alerts.
        judged_over: the window over which budgets are judged, a key of `WINDOWS`.
        multiprocess_dir: a folder in which the worker processes of a server share their numbers; None for one process.
        takes_spans: whether each span of `track` is observed.
        in_background: whether a thread checks the alerts and writes the worker's file every five seconds; otherwise
            the caller calls `check`.
        clock: the present time, in ns since 1970, which never goes back; by default the time of the start and the
            monotonic clock.
        notes: remarks that the summary shows.

    Raises:
        ConfigError: there is no such window.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        judged_over: str = "5m",
        multiprocess_dir: str | Path | None = None,
        takes_spans: bool = True,
        in_background: bool = True,
        clock: Callable[[], int] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        if judged_over not in WINDOWS:
            message = f"Monitor: judged_over must be {' or '.join(map(repr, WINDOWS))}, found {judged_over!r}"
            raise ConfigError(message)
        self._settings = settings or Settings()
        self._judged_over = judged_over
        self._clock = clock or steady_clock()
        self._notes = (*self._settings.notes, *unknown_components(self._settings), *notes)
        self._watch = AlertWatch(self._settings.alerts)
        self._files = WorkerFiles(Path(multiprocess_dir)) if multiprocess_dir is not None else None
        self._in_background = in_background
        self._is_closed = self._has_ignored = False
        self._reset()
        if takes_spans:
            add_sink(self.take_span)
        if hasattr(os, "register_at_fork"):
            monitor = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _reset(monitor))

    @classmethod
    def from_pyproject(cls, path: str | Path | None = None, **options: Any) -> Monitor:  # noqa: ANN401 - those of Monitor
        """Return a monitor with the components, budgets and alerts of `[tool.perfbudget]`.

        Args:
            path: the pyproject.toml; None for the nearest from the working directory upwards.
            options: the further arguments of `Monitor`.

        Raises:
            ConfigError: there is no such file, or its table has an unknown key or a wrong value.
        """
        file = nearest_file(Path.cwd()) if path is None else Path(path)
        if file is None:
            note = f"there is no pyproject.toml in {Path.cwd()} or above, so the service has no budgets"
            return cls(notes=[note], **options)
        if not file.is_file():
            message = f"{file}: there is no such file"
            raise ConfigError(message)
        return cls(load_settings(file), **options)

    def observe(self, component: str, duration_s: float, error: Error | None = None) -> None:
        """Count a request or an operation that has ended.

        An argument of a wrong type or value, such as a negative duration, raises nothing, because an observation must
        not break a request: the observation is ignored, and the first is logged.

        Args:
            component: the name of the component, or of an operation within it (`security.jwt.verify`).
            duration_s: the duration, in s.
            error: the exception that ended it, its cause, or its words (`Type: message`); None if there was none.
        """
        try:
            duration_ns = int(duration_s * _NS_PER_S)
            found = self._components.by_name.get(component) or self._find(component)
        except (ArithmeticError, TypeError, ValueError):
            duration_ns = -1
        if duration_ns < 0 or not (error is None or isinstance(error, (BaseException, ErrorCause, str))):
            self._ignore(component, duration_s, error)
            return
        now_ns = self._clock()
        with found.lock:
            found.recorder.record(now_ns, duration_ns, is_error=error is not None)
        if error is not None:
            with self._errors_lock:
                self._errors.add(found.name, ErrorCause.of(error), now_ns)

    def take_span(self, span: Record) -> None:
        """Count a span that has ended, of `track` or of another tracer."""
        name, _, span_id, parent_id, _, duration_ns, _, _, error, _, file, line = span
        found = self._components.by_name.get(name) or self._find(name or OTHER)
        now_ns = self._clock()
        with found.lock:
            found.recorder.record(now_ns, duration_ns, is_error=bool(error))
        if error:
            place = f"{file}:{line}" if file else ""
            with self._errors_lock:
                self._errors.add(found.name, ErrorCause.of(error, place), now_ns, parent_id)
        if self._errors.is_waiting_for(span_id):
            with self._errors_lock:
                self._errors.name_parent(span_id, name)

    def on_alert(self, callback: Callback) -> Callback:
        """Call a function with each alert that begins to fire or clears; also usable as a decorator.

        The function runs in the thread that checks the alerts. An exception in it is logged.

        Raises:
            TypeError: the callback cannot be called.
        """
        if not callable(callback):
            message = f"on_alert: the callback must be a function of an AlertEvent, found {callback!r}"
            raise TypeError(message)
        self._watch.callbacks.append(callback)
        return callback

    def check(self) -> None:
        """Check the alerts, and write this worker's file; the thread in the background calls this method."""
        self._check()

    def summary(self) -> dict[str, Any]:
        """Return the numbers, verdicts, alerts and last errors of the service as builtins, with a `health_score`."""
        self._begin_background()
        service, alerts = self._check()
        return service.to_dict(alerts, self._notes)

    def openmetrics(self) -> str:
        """Return the numbers of the service in the format OpenMetrics 1.0."""
        from pytest_perfbudget.monitor.openmetrics import render  # noqa: PLC0415 - for scrapes only

        self._begin_background()
        service, alerts = self._check()
        return render(service, alerts)

    def print_dashboard(self) -> None:
        """Print the summary as a table on standard output."""
        from pytest_perfbudget.monitor.dashboard import print_summary  # noqa: PLC0415 - rich, only to print

        print_summary(self.summary())

    def close(self) -> None:
        """Take no further spans, stop the background thread, and hand this worker's numbers over to the others."""
        self._is_closed = True
        self._stopped.set()
        remove_sink(self.take_span)
        with self._checking:
            files, self._files = self._files, None
            if files is None:
                return
            now_ns = self._clock()
            state = WorkerState(os.getpid(), now_ns, self._own(now_ns))
            self._logged(partial(files.end, state, self._components.always_kept))

    def __enter__(self) -> Monitor:  # noqa: PYI034 - Self is not in Python 3.10
        """Return the monitor."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the monitor."""
        self.close()

    def _reset(self) -> None:
        """Begin without numbers, with locks that no other thread holds."""
        self._start_ns = self._clock()
        configured = [rule.limits.component for rule in self._settings.components if rule.limits.component]
        self._components = Components(configured, self._clock, (one.component for one in self._settings.alerts))
        self._errors = ErrorLog()
        self._errors_lock = threading.Lock()
        self._watch.reset()
        self._checking = threading.RLock()  # a signal handler may close the monitor within a check
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def _find(self, name: str) -> Component:
        """Return the component of a name that is new.

        Raises:
            TypeError: the name is no text, or empty.
        """
        if not isinstance(name, str) or not name:
            raise TypeError(name)
        self._begin_background()
        return self._components.find(name)

    def _ignore(self, component: object, duration_s: object, error: object) -> None:
        """Log the first observation with a wrong argument."""
        if self._has_ignored:
            return
        self._has_ignored = True
        _log.error(
            "perfbudget: observe(%.100r, %.100r, %.100r) is ignored, and so are further such calls: use a name, a"
            " duration from 0 s up, and an exception or words such as 'SMTPError: refused'",
            component,
            duration_s,
            error,
        )

    def _begin_background(self) -> None:
        """Begin to check in the background.

        Not before the first request: a server may load the application before it forks, and threads survive no fork.
        """
        if not self._in_background or self._thread is not None or self._is_closed:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="perfbudget-monitor", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(CHECK_EVERY_S):
            try:
                self._check()
            except Exception:  # noqa: BLE001 - the service and the monitor go on
                _log.exception("the monitor's check failed")

    def _check(self) -> tuple[JudgedService, list[dict[str, Any]]]:
        """Return the judged service and the states of its alerts, after the callbacks for what changed."""
        with self._checking:
            now_ns = self._clock()
            own = self._own(now_ns)
            pid = os.getpid()
            files = self._files
            others = files.others(pid, self._components.always_kept) if files is not None else Others([], None)
            snapshot = own.with_others(others.snapshots)
            service = JudgedService(snapshot, self._settings, self._judged_over, now_ns)
            # Of several workers only the first watches the alerts, so that an alert fires once; not if it hangs.
            awake = [one for one in others.workers if now_ns - one.at_ns < _ASLEEP_NS]
            first = min(awake, key=lambda one: one.pid, default=None)
            if first is not None and first.pid < pid:
                events: list[AlertEvent] = []
                self._watch.follow(first.alerts)
            else:
                events = self._watch.update(service)
            alerts = self._watch.states()
            if files is not None and not self._is_closed:
                self._logged(partial(files.write, WorkerState(pid, now_ns, own, alerts)))
        self._watch.call_back(events)
        return service, alerts

    def _own(self, now_ns: int) -> Snapshot:
        """Return the numbers of this process."""
        with self._errors_lock:
            errors = self._errors.entries()
        return Snapshot(self._start_ns, self._components.histories(now_ns), errors)

    @staticmethod
    def _logged(write: Callable[[], None]) -> None:
        """Write a file; the service goes on without."""
        try:
            write()
        except OSError as error:
            _log.warning("perfbudget: the worker's file cannot be written: %s", error)


def _reset(monitor: weakref.ref[Monitor]) -> None:
    """Let a process that was forked begin with numbers of its own."""
    found = monitor()
    if found is not None:
        found._reset()  # noqa: SLF001 - a method of the same module
