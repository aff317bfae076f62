"""The side of a duet: a process that stops before each block that it times, until it is told to go on."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from json import dumps, loads  # bound now, because a test may replace them
from queue import Empty
from typing import Any

from pytest_perfbudget.errors import WorkerHangsError
from pytest_perfbudget.processes.process import Worker
from pytest_perfbudget.processes.reaper import ends_within

Stop = Mapping[str, Any]
"""The point at which a side has stopped: `at` is `ready`, `settled`, `turn` or `end`; see `processes.duet`."""


class Side(Worker):
    """A worker that lives as long as tests are requested, and measures a test when it is told to."""

    _is_dismissed = False

    def resume(self, **command: object) -> Stop:
        """Let the side go on, and return the point at which it stops next.

        Raises:
            WorkerError: the side died or hangs.
        """
        self.tell(**command)
        return self.stop()

    def tell(self, **command: object) -> None:
        """Let the side go on."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # the process has died: `stop` tells why
                self._process.stdin.write(dumps(command) + "\n")
                self._process.stdin.flush()

    def dismiss(self) -> None:
        """Let the side come to its end, because no further test is requested."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._is_dismissed = True

    def begin_to_end(self) -> None:
        """See `Worker.begin_to_end`; a dismissed side has time to tear its fixtures down before."""
        if self._process is not None and self._is_dismissed and not self._has_failed:
            self._is_dismissed = False  # the time is given once, also if Ctrl-C ends the waiting
            ends_within(self._process, self.patience_s)
        super().begin_to_end()

    def stop(self) -> Stop:
        """Wait until the side stops, and return the point at which it has stopped.

        Raises:
            WorkerError: the side died or hangs.
        """
        try:
            line = self._lines.get(timeout=self.patience_s)
        except Empty:
            self._has_failed = True
            raise WorkerHangsError(self._silence()) from None
        if line is None:
            raise self._death([])
        found: Stop = loads(line)
        return found
