"""The memory and the CPU time of the process that serves a load, with its child processes."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pytest_perfbudget.core.load.cpu_times import CpuTimes
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
        self._times = CpuTimes()
        self._cpu_s: dict[int, float] = {}
        self._begin_ns = 0
        self._ended_ns: int | None = None
        self._wake = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._watch, name="perfbudget-load-process", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._look()
        self._thread.start()

    def begin(self, at_ns: int) -> None:
        """Note the time at which the load begins, which may come later; a look then tells the CPU time before."""
        self._begin_ns = at_ns
        self._wake.set()

    def stop(self, last_ns: int) -> ProcessFacts:
        """End the watch, and return the facts.

        Args:
            last_ns: the time of the last answer, up to which the CPU time counts, from the beginning of the load on.
        """
        self._is_over = True
        self._wake.set()
        self._thread.join()
        self._look(is_last=True)
        ended_ns = None if self._ended_ns is None else self._ended_ns - self._begin_ns
        return ProcessFacts(self._peak_bytes, self._times.per_cent(self._begin_ns, last_ns), ended_ns)

    def _watch(self) -> None:
        while not self._is_over:
            left_s = (self._begin_ns - SYSTEM.wall_ns()) / 1e9
            self._wake.wait(min(left_s, _EVERY_S) if left_s > 0 else _EVERY_S)
            self._wake.clear()
            self._look()

    def _look(self, *, is_last: bool = False) -> None:
        total, begun_ns = 0, SYSTEM.wall_ns()
        for process in self._family():
            with suppress(self._psutil.Error):  # the process has ended
                total += process.memory_info().rss
                times = process.cpu_times()
                self._cpu_s[process.pid] = times.user + times.system
        self._peak_bytes = max(self._peak_bytes, total)
        now_ns = SYSTEM.wall_ns()
        self._times.add(begun_ns, now_ns, sum(self._cpu_s.values()), is_last=is_last)
        if self._ended_ns is None and not self._is_alive():
            self._ended_ns = now_ns

    def _is_alive(self) -> bool:
        try:
            return self._process.is_running() and self._process.status() != self._psutil.STATUS_ZOMBIE
        except self._psutil.NoSuchProcess:
            return False

    def _family(self) -> Iterator[psutil.Process]:
        yield self._process
        with suppress(self._psutil.Error):
            yield from self._process.children(recursive=True)
