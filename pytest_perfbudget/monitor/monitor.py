"""`Monitor`: takes the requests and spans of a running service, and holds them to the budgets of the tests."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from pytest_perfbudget.config import load_settings
from pytest_perfbudget.core.alerts import WINDOWS
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.monitor.alert_watch import Callback, unknown_components
from pytest_perfbudget.monitor.components import OTHER, Component, Components
from pytest_perfbudget.monitor.error_log import Error, ErrorCause, ErrorLog
from pytest_perfbudget.monitor.service_check import ServiceCheck
from pytest_perfbudget.monitor.snapshot import Snapshot
from pytest_perfbudget.monitor.steady_clock import steady_clock
from pytest_perfbudget.monitor.window_log import WindowLog
from pytest_perfbudget.table_name import nearest_file
from pytest_perfbudget.tracing import add_sink, remove_sink
from pytest_perfbudget.tracing.span import Record

_NS_PER_S: Final = float(NS_PER["s"])  # a whole number would repeat a text that is given as a duration
_IN_PYTEST: Final = "PYTEST_VERSION"
"""The environment variable that pytest sets, and that processes of a test inherit."""
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
        history: the history to which each minute is appended; None for none.

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
        history: str | Path | None = None,
    ) -> None:
        if judged_over not in WINDOWS:
            message = f"Monitor: judged_over must be {' or '.join(map(repr, WINDOWS))}, found {judged_over!r}"
            raise ConfigError(message)
        self._settings = settings or Settings()
        self._clock = clock or steady_clock()
        self._notes = (*self._settings.notes, *unknown_components(self._settings), *notes)
        self._has_ignored = False
        self._begin_anew()
        self._check = ServiceCheck(
            self._settings,
            judged_over=judged_over,
            multiprocess_dir=multiprocess_dir,
            clock=self._clock,
            own=self._own,
            always_kept=self._components.always_kept,
            in_background=in_background,
        )
        self._windows: WindowLog | None = None
        if history is not None:
            self._windows = WindowLog(
                Path(history).absolute(),
                self._settings.history_days,
                clock=self._clock,
                own=self._own,
                alerts=self._check.watch.states,
                in_background=in_background,
            )
        if takes_spans:
            add_sink(self.take_span, needs_cpu=False)
        if hasattr(os, "register_at_fork"):
            monitor = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _reset(monitor))

    @classmethod
    def from_pyproject(cls, path: str | Path | None = None, **options: Any) -> Monitor:  # noqa: ANN401 - those of Monitor
        """Return a monitor with the components, budgets and alerts of `[tool.perfbudget]`.

        Args:
            path: the pyproject.toml; None for the nearest from the working directory upwards.
            options: the further arguments of `Monitor`.

        Without the option `history`, the table decides about it: `[tool.perfbudget.monitor]`.

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
        settings = load_settings(file)
        return cls(settings, **{**options, **_history_options(settings, file.parent, options)})

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
        name, _, span_id, parent_id, _, duration_ns, _, _, error, _, file, line, *_ = span
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
        self._check.watch.callbacks.append(callback)
        return callback

    def check(self) -> None:
        """Check the alerts, write this worker's file, and append to the history, as the background threads do."""
        self._check.run()
        if self._windows is not None:
            self._windows.append()

    def summary(self) -> dict[str, Any]:
        """Return the numbers, verdicts, alerts and last errors of the service as builtins, with a `health_score`."""
        self._check.begin()
        service, alerts = self._check.run()
        return service.to_dict(alerts, self._notes)

    def openmetrics(self) -> str:
        """Return the numbers of the service in the format OpenMetrics 1.0."""
        from pytest_perfbudget.monitor.openmetrics import render  # noqa: PLC0415 - for scrapes only

        self._check.begin()
        service, alerts = self._check.run()
        return render(service, alerts)

    def print_dashboard(self) -> None:
        """Print the summary as a table on standard output."""
        from pytest_perfbudget.monitor.dashboard import print_summary  # noqa: PLC0415 - rich, only to print

        print_summary(self.summary())

    def close(self) -> None:
        """Take no further spans, stop the background threads, and hand this worker's numbers over to the others."""
        remove_sink(self.take_span)
        self._check.close()
        if self._windows is not None:
            self._windows.close()

    def __enter__(self) -> Monitor:  # noqa: PYI034 - Self is not in Python 3.10
        """Return the monitor."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the monitor."""
        self.close()

    def _reset(self) -> None:
        self._begin_anew()
        self._check.reset()
        if self._windows is not None:
            self._windows.reset()

    def _begin_anew(self) -> None:
        """Begin without numbers, with locks that no other thread holds."""
        self._start_ns = self._clock()
        configured = [rule.limits.component for rule in self._settings.components if rule.limits.component]
        self._components = Components(configured, self._clock, (one.component for one in self._settings.alerts))
        self._errors = ErrorLog()
        self._errors_lock = threading.RLock()  # as that of a component

    def _find(self, name: str) -> Component:
        """Return the component of a name that is new.

        Raises:
            TypeError: the name is no text, or empty.
        """
        if not isinstance(name, str) or not name:
            raise TypeError(name)
        self._check.begin()
        if self._windows is not None:
            self._windows.begin()
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

    def _own(self, now_ns: int) -> Snapshot:
        """Return the numbers of this process."""
        with self._errors_lock:
            errors = self._errors.entries()
        return Snapshot(self._start_ns, self._components.histories(now_ns), errors)


def _history_options(settings: Settings, folder: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `Monitor` by which the table decides about the history.

    Within a session of pytest nothing is written: a test that starts the application would fill the project's history.
    """
    if not settings.monitor.history or "history" in options:
        return {}
    if _IN_PYTEST in os.environ:
        note = "within a session of pytest the history is not written, unless Monitor(history=...) names a file"
        return {"notes": [*options.get("notes", ()), note]}
    return {"history": folder / settings.history}


def _reset(monitor: weakref.ref[Monitor]) -> None:
    """Let a process that was forked begin with numbers of its own."""
    found = monitor()
    if found is not None:
        found._reset()  # noqa: SLF001 - a method of the same module
