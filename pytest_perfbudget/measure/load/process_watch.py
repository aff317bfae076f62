"""The memory and the CPU time of the process that serves a load, with its child processes."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pytest_perfbudget.core.load.record import ProcessFacts
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.clock import SYSTEM

if TYPE_CHECKING:
    import psutil

_EVERY_S: Final = 0.1


class ProcessWatch:
    """A thread that looks at a process ten times a second.

    Args:
        of: the process: its id, a `subprocess.Popen`, or an object of psutil.

    Raises:
        MisuseError: psutil is not installed, or there is no such process.
    """

    def __init__(self, of: Any) -> None:  # noqa: ANN401 - a user's value
        try:
            self._psutil = importlib.import_module("psutil")
        except ImportError:
            message = "pid= needs psutil: pip install 'pytest-perfbudget[load]'"
            raise MisuseError(message) from None
        pid = getattr(of, "pid", of)
        if isinstance(pid, bool) or not isinstance(pid, int):
            message = f"pid= must be the id of a process, a subprocess.Popen or a psutil.Process, found {of!r}"
            raise MisuseError(message)
        try:
            self._process: psutil.Process = self._psutil.Process(pid)
        except (self._psutil.Error, ValueError, OverflowError):
            message = f"pid={pid}: there is no such process"
            raise MisuseError(message) from None
        self._peak_bytes = 0
        self._cpu_s: dict[int, float] = {}
        self._before_s: dict[int, float] = {}
        self._start_ns = self._end_ns = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="perfbudget-load-process", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._start_ns = SYSTEM.wall_ns()
        self._look()
        self._before_s = dict(self._cpu_s)
        self._thread.start()

    def stop(self) -> ProcessFacts:
        """End the watch, and return what it has seen."""
        self._is_over.set()
        self._thread.join()
        self._look()
        self._end_ns = SYSTEM.wall_ns()
        used_s = sum(self._cpu_s.values()) - sum(self._before_s.values())
        seconds = max(self._end_ns - self._start_ns, 1) / 1e9
        return ProcessFacts(self._peak_bytes, 100 * used_s / seconds)

    def _watch(self) -> None:
        while not self._is_over.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        total = 0
        for process in self._family():
            with suppress(self._psutil.Error):  # the process has ended
                total += process.memory_info().rss
                times = process.cpu_times()
                self._cpu_s[process.pid] = times.user + times.system
                self._before_s.setdefault(process.pid, 0.0)  # a child that was started under the load
        self._peak_bytes = max(self._peak_bytes, total)

    def _family(self) -> Iterator[psutil.Process]:
        yield self._process
        with suppress(self._psutil.Error):
            yield from self._process.children(recursive=True)
