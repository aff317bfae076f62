"""The lines of the project that make queries, by the name of the span and the statement."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from types import FrameType
from typing import Final

from pytest_perfbudget.core.spans import STATEMENT
from pytest_perfbudget.core.spans.names import Coverage
from pytest_perfbudget.paths import path_in
from pytest_perfbudget.tracing import Span

_PACKAGE: Final = str(Path(__file__).resolve().parent.parent)
_MOST: Final = 1_000
_FRAMES: Final = 2
"""The line that makes a query, and the line that calls its function."""


class QuerySites:
    """The lines of the queries of one measurement.

    Args:
        root: the folder of the project.
        watched: the names or patterns of spans whose lines are noted.

    Attributes:
        found: the line of the first span of each name and statement.
        texts: the statements of each name whose lines are noted; None for a name that is not watched.
    """

    def __init__(self, root: Path, watched: Collection[str]) -> None:
        self.found: dict[tuple[str, str], str] = {}
        self.texts: dict[str, set[str] | None] = {}
        self._root = root
        self._watched = Coverage(watched)

    def begin(self, name: str) -> set[str] | None:
        """Return the set of the statements of a name; None if the name is not watched."""
        texts: set[str] | None = set() if self._watched.of(name) else None
        if len(self.texts) < _MOST:
            self.texts[name] = texts
        return texts

    def note(self, name: str, text: str) -> None:
        """Note where the first span of a name and statement ends now, in this process."""
        texts = self.texts.get(name)
        if texts is not None and len(texts) < _MOST:
            texts.add(text)
        if self._is_new((name, text)):
            self.found[name, text] = self._calling()

    def note_remote(self, span: Span) -> None:
        """Note the line that began a span of another process, if the span's name is watched."""
        key = (span.name, str(span.attributes.get(STATEMENT, "")))
        if self._watched.of(span.name) and self._is_new(key):
            path = path_in(self._root, span.file) if span.file else None
            self.found[key] = "" if path is None else f"{path.as_posix()}:{span.line}"

    def _is_new(self, key: tuple[str, str]) -> bool:
        return key not in self.found and len(self.found) < _MOST

    def _calling(self) -> str:
        """Return the line that made a query, and the line that called its function, as far as the project has them."""
        lines: list[str] = []
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - `inspect.stack` takes milliseconds
        while frame is not None and len(lines) < _FRAMES:
            file = frame.f_code.co_filename
            if not file.startswith(_PACKAGE):
                path = path_in(self._root, file)
                line = "" if path is None else f"{path.as_posix()}:{frame.f_lineno}"
                if lines and not line:
                    break
                if line and line not in lines:  # a generator expression is a function of its own
                    lines.append(line)
            frame = frame.f_back
        return ", called from ".join(lines)
