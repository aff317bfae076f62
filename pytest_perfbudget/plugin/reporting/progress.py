"""Shows on a terminal that a long measurement is under way."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import nullcontext

import pytest

from pytest_perfbudget.report.view import progress_text

_PATIENCE_NS = 500_000_000
_INTERVAL_S = 0.25


class Progress:
    """Writes a note at the right edge of the current line, and takes it away again.

    The cursor is saved and restored around it, so pytest's own line goes on as if nothing had
    been written. Silent in xdist workers and where standard error is no terminal.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_on = not hasattr(config, "workerinput") and sys.__stderr__ is not None and sys.__stderr__.isatty()
        self._shown_s = 0.0
        self._width = 0

    def show(self, rounds: int, spent_ns: int, allowed_ns: int) -> None:
        """Show how far a measurement is, once it has taken a while, a few times a second."""
        now_s = time.monotonic()
        if self._is_on and spent_ns >= _PATIENCE_NS and now_s - self._shown_s >= _INTERVAL_S:
            self._shown_s = now_s
            text = progress_text(rounds, spent_ns, allowed_ns)
            self._width = len(text)
            self._write(text)

    def note(self, text: str) -> None:
        """Show a text until the next one."""
        if self._is_on:
            self.clear()
            self._width = len(text)
            self._write(text)

    def clear(self) -> None:
        """Take the note away."""
        if self._width:
            self._write(" " * self._width)
            self._width = 0

    def _write(self, text: str) -> None:
        column = max(1, shutil.get_terminal_size().columns - len(text) - 6)
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            sys.stderr.write(f"\0337\033[{column}G{text}\0338")
            sys.stderr.flush()
