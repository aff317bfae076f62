"""One side of a duet: a process that stops wherever it is about to time something, until it is told to go on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from queue import Empty
from typing import Any

from pytest_perfbudget.errors import WorkerError, WorkerHangsError
from pytest_perfbudget.workers.process import Worker

Stop = Mapping[str, Any]
"""Where a side has stopped: `at` is `ready`, `settled`, `turn` or `end`; see `workers.duet`."""


class Side(Worker):
    """A worker that lives as long as its tests are asked for, and measures them when it is told to."""

    def resume(self, **command: object) -> Stop:
        """Let it go on, and return where it stops next.

        Raises:
            WorkerError: it died, or hangs.
        """
        self.tell(**command)
        return self.stop()

    def tell(self, **command: object) -> None:
        """Let it go on."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it has died: `stop` says of what
                self._process.stdin.write(json.dumps(command) + "\n")
                self._process.stdin.flush()

    def stop(self) -> Stop:
        """Wait until it stops, and return where.

        Raises:
            WorkerError: it died, or hangs.
        """
        try:
            line = self._lines.get(timeout=self._patience_s)
        except Empty:
            raise WorkerHangsError(self._silence()) from None
        if line is None:
            raise WorkerError(self._death([]))
        found: Stop = json.loads(line)
        return found
