"""The lines of the project that make queries."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from types import FrameType
from typing import Final

from pytest_perfbudget.core.spans.names import Coverage
from pytest_perfbudget.paths import path_in
from pytest_perfbudget.tracing import Span

_PACKAGE: Final = str(Path(__file__).resolve().parent.parent)
_OF_PACKAGE: Final = "*"
_MOST: Final = 1_000


class QuerySites:
    """The lines of the queries of one measurement.

    Args:
        root: the folder of the project.
        watched: the names or patterns of spans whose lines are noted.

    Attributes:
        is_watched: whether the lines of a name are noted, for the names so far.
    """

    def __init__(self, root: Path, watched: Collection[str]) -> None:
        self.is_watched: dict[str, bool] = {}
        self._root = root
        self._watched = Coverage(watched)
        self._files: dict[str, str] = {}
        self._texts: dict[tuple[str, int, str, int], str] = {}

    def watches(self, name: str) -> bool:
        """Return whether the lines of a name are noted."""
        found = bool(self._watched.of(name))
        if len(self.is_watched) < _MOST:
            self.is_watched[name] = found
        return found

    def of_remote(self, span: Span) -> str:
        """Return the line that began a span of another process; empty if the project does not have the line."""
        file = self._file(span.file) if span.file else ""
        return f"{file}:{span.line}" if file and file != _OF_PACKAGE else ""

    def calling(self) -> str:
        """Return the line that made a query, and the line that called its function, as far as the project has them.

        Each span of a watched name asks, so the texts are made once.
        """
        files = self._files
        first, first_line, second, second_line = "", 0, "", 0
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - `inspect.stack` takes milliseconds
        while frame is not None:
            name = frame.f_code.co_filename
            file = files.get(name)
            if file is None:
                file = self._file(name)
            if file == _OF_PACKAGE:
                pass
            elif not first:
                first, first_line = file, frame.f_lineno or 0
            elif not file:
                break
            elif file != first or frame.f_lineno != first_line:  # a generator expression is a function of its own
                second, second_line = file, frame.f_lineno or 0
                break
            frame = frame.f_back
        if not first:
            return ""
        key = (first, first_line, second, second_line)
        text = self._texts.get(key)
        if text is None:
            text = f"{first}:{first_line}" + (f", called from {second}:{second_line}" if second else "")
            if len(self._texts) < _MOST:
                self._texts[key] = text
        return text

    def _file(self, name: str) -> str:
        """Return the path of a file in the project; empty if the file is elsewhere, `_OF_PACKAGE` if it is our own."""
        if name.startswith(_PACKAGE):
            found = _OF_PACKAGE
        else:
            path = None if name.startswith("<") else path_in(self._root, name)  # code without a file
            found = "" if path is None else path.as_posix()
        self._files[name] = found
        return found
