"""The progress of the session that `perfbudget init` measures: a line on a terminal, and a few lines in a log."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Final, TextIO

from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.progress import SUGGESTING_PREFIX, fitted

_QUIET_NS: Final = 10_000_000_000
"""The time in ns after which a log gets a further line."""


class MeasuringProgress:
    """The progress of a measured session on standard error.

    Args:
        stream: the stream to write to; None for standard error.
        wall_ns: the clock.
    """

    def __init__(self, stream: TextIO | None = None, wall_ns: Callable[[], int] = SYSTEM.wall_ns) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._wall_ns = wall_ns
        self._told_ns = wall_ns()

    def takes(self, line: str) -> bool:
        """Show a line of the measured session if it tells the progress, and return whether it does."""
        if not line.startswith(SUGGESTING_PREFIX):
            return False
        text = printable(line.removeprefix(SUGGESTING_PREFIX).rstrip("\n"), unicode=False)
        now_ns = self._wall_ns()
        if self._is_terminal:
            self._stream.write(f"\r\033[K{fitted(text, shutil.get_terminal_size().columns - 1)}")
        elif now_ns - self._told_ns >= _QUIET_NS:
            self._told_ns = now_ns
            self._stream.write(f"{text}\n")
        self._stream.flush()
        return True

    def clear(self) -> None:
        """Remove the line from a terminal."""
        if self._is_terminal:
            self._stream.write("\r\033[K")
            self._stream.flush()
