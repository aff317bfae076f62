"""The progress note on the terminal during long measurements."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress

import pytest

from pytest_perfbudget.plugin.keys import is_xdist_worker
from pytest_perfbudget.report.progress import fitted, progress_text

_PATIENCE_NS = 500_000_000
_INTERVAL_S = 0.25
_SILENT = -2
"""The verbosity of `-q -q`."""

_MARGIN = 7
"""The columns beside a note, where pytest writes how far the session is."""


class Progress:
    """A note at the right edge of the current line, which is written and removed again.

    The cursor is saved before each note and restored after it, so pytest's own line goes on as if nothing had been
    written. No note is written with `-q`, or if standard error is no terminal. Then a log has a few lines instead,
    unless there is `-q -q`. A worker of pytest-xdist has the standard error of its controller, on POSIX, and writes
    there.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        has_terminal = sys.__stderr__ is not None and sys.__stderr__.isatty()
        self._is_on = has_terminal and config.get_verbosity() >= 0
        self._is_logged = not has_terminal and config.get_verbosity() > _SILENT
        self._shown_s = 0.0
        self._width = 0

    def show(self, rounds: int, spent_ns: int, allowed_ns: int) -> None:
        """Show how far a measurement is, from its first half second on, at most four times a second."""
        now_s = time.monotonic()
        if self._is_on and spent_ns >= _PATIENCE_NS and now_s - self._shown_s >= _INTERVAL_S:
            self._shown_s = now_s
            text = progress_text(rounds, spent_ns, allowed_ns)
            self._width = len(text)
            self._write(text)

    def note(self, text: str) -> None:
        """Show a text until the next text."""
        if self._is_on:
            self.clear()
            text = fitted(text, shutil.get_terminal_size().columns - _MARGIN)
            self._width = len(text)
            self._write(text)

    def note_often(self, text: Callable[[], str]) -> None:
        """Show a text that changes all the time, at most four times a second."""
        now_s = time.monotonic()
        if self._is_on and now_s - self._shown_s >= _INTERVAL_S:
            self._shown_s = now_s
            self.note(text())

    def clear(self) -> None:
        """Remove the note."""
        if self._width:
            self._write(" " * self._width)
            self._width = 0

    def log(self, text: str) -> None:
        """Write a line that stays, if standard error is no terminal."""
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if self._is_logged and is_xdist_worker(self._config):
            # The controller's line of results has begun, unless each result has a line of its own.
            begin = "" if self._config.get_verbosity() > 0 else "\n"
            with self._uncaptured():
                _write_error(f"{begin}{text}\n")
        elif self._is_logged and reporter is not None:
            with self._uncaptured():
                # With -q the line of the tests' results may have begun, which `write_line` does not see.
                is_begun = getattr(getattr(reporter, "_tw", None), "width_of_current_line", 0)
                reporter.write_line(f"\n{text}" if is_begun else text)
                reporter.flush()

    def _uncaptured(self) -> AbstractContextManager[None]:
        capture = self._config.pluginmanager.getplugin("capturemanager")
        return capture.global_and_fixture_disabled() if capture else nullcontext()

    def _write(self, text: str) -> None:
        column = max(1, shutil.get_terminal_size().columns - len(text) - _MARGIN + 1)
        with self._uncaptured():
            _write_error(f"\0337\033[{column}G{text}\0338")


def _write_error(text: str) -> None:
    """Write to standard error, which may be closed, or full: no test fails by that."""
    with suppress(OSError, ValueError):
        if sys.__stderr__ is not None:
            sys.__stderr__.write(text)
            sys.__stderr__.flush()
