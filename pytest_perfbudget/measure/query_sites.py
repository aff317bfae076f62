"""The lines of the project that make queries."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

from pytest_perfbudget.core.spans.names import Coverage
from pytest_perfbudget.paths import path_in
from pytest_perfbudget.tracing import Span

_PACKAGE: Final = str(Path(__file__).resolve().parent.parent)
_TRACING: Final = str(Path(__file__).resolve().parent.parent / "tracing")
_OF_TRACING: Final = "*"
_OF_PACKAGE: Final = "**"
_MOST: Final = 1_000
_PAIR: Final = 2
_MOST_BETWEEN: Final = 4
"""The most frames of libraries between a query's line and its caller's, such as those of a context manager."""
_INNERMOST: Final = 4
"""The frame that may have made a query, from `calling` on: a sink, the end of a span and a function of `track` are
between the two at least."""
_getframe = sys._getframe  # noqa: SLF001 - `inspect.stack` takes milliseconds

_Places = dict[int, str]
"""The file and the line of each instruction of a function that has called another one."""
_IN_TRACING: Final[_Places] = {}
_IN_PACKAGE: Final[_Places] = {}
_ELSEWHERE: Final[_Places] = {}
_PLACES_OF: Final = {_OF_TRACING: _IN_TRACING, _OF_PACKAGE: _IN_PACKAGE, "": _ELSEWHERE}


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
        self._codes: list[CodeType] = []
        self._places: dict[int, _Places] = {}
        self._pairs: dict[tuple[int, int, int, int], str] = {}
        self._texts: dict[tuple[str, str], str] = {}
        self._last: tuple[int, int, CodeType | None, CodeType | None, str] = (0, 0, None, None, "")

    def watches(self, name: str) -> bool:
        """Return whether the lines of a name are noted."""
        found = bool(self._watched.of(name))
        if len(self.is_watched) < _MOST:
            self.is_watched[name] = found
        return found

    def of_remote(self, span: Span) -> str:
        """Return the line that began a span of another process; empty if the project does not have the line."""
        file = self._file(span.file) if span.file else ""
        return f"{file}:{span.line}" if file not in _PLACES_OF else ""

    def calling(self) -> str:
        """Return the line that made a query, and the line that called its function, as far as the project has them.

        For a sink, which the package calls at the end of a span. Each span of a watched name asks, so lines and texts
        are made once: to find the line of an instruction takes longer the longer its function is.
        """
        try:
            frame: FrameType | None = _getframe(_INNERMOST)
        except ValueError:  # a thread that began with the span
            return ""
        back = None if frame is None else frame.f_back
        if frame is None or back is None:
            return self._searched(frame)[0]
        code, back_code, at, back_at = frame.f_code, back.f_code, frame.f_lasti, back.f_lasti
        last_at, last_back_at, last_code, last_back_code, last_text = self._last
        if at == last_at and back_at == last_back_at and code is last_code and back_code is last_back_code:
            return last_text
        pair = (id(code), at, id(back_code), back_at)
        text = self._pairs.get(pair)
        if text is None:
            text, is_by_pair = self._searched(frame)
            if not is_by_pair or len(self._pairs) >= _MOST:
                return text
            self._pairs[pair] = text
        self._last = at, back_at, code, back_code, text  # at once, as other threads ask, too
        return text

    def _searched(self, frame: FrameType | None) -> tuple[str, bool]:
        """Return the lines that the frames from a frame on tell, and whether that frame and the next are enough."""
        places_of, first, second, searched, between = self._places, "", "", 0, 0
        is_kept = True
        while frame is not None:
            searched += 1
            code = frame.f_code
            places = places_of.get(id(code))
            if places is None:
                places = self._places_of(code)
                is_kept = is_kept and id(code) in places_of
            if places is _IN_PACKAGE or places is _ELSEWHERE:
                between += bool(first)
                if between and (places is _IN_PACKAGE or between > _MOST_BETWEEN):
                    break  # what measures the code, such as a test, or a library that calls it
            elif places is not _IN_TRACING:
                place = places.get(frame.f_lasti)
                if place is None:
                    place = places[frame.f_lasti] = f"{self._files[code.co_filename]}:{frame.f_lineno}"
                if not first:
                    first = place
                elif place != first:  # a generator expression is a function of its own
                    second = place
                    break
            frame = frame.f_back
        text = self._texts.get((first, second)) or self._text(first, second)
        return text, is_kept and searched == _PAIR

    def _text(self, first: str, second: str) -> str:
        text = f"{first}, called from {second}" if second else first
        if len(self._texts) < _MOST:
            self._texts[first, second] = text
        return text

    def _places_of(self, code: CodeType) -> _Places:
        """Return the places of the instructions of a function so far, and keep the function alive with its id."""
        file = self._file(code.co_filename)
        found = _PLACES_OF.get(file)
        if found is None:
            found = {}
        if len(self._codes) < _MOST:
            self._codes.append(code)
            self._places[id(code)] = found
        return found

    def _file(self, name: str) -> str:
        """Return the path of a file in the project, or a key of `_PLACES_OF` for another file."""
        found = self._files.get(name)
        if found is None:
            if name.startswith(_PACKAGE):
                found = _OF_TRACING if name.startswith(_TRACING) else _OF_PACKAGE
            else:
                path = None if name.startswith("<") else path_in(self._root, name)  # code without a file
                found = "" if path is None else path.as_posix()
            self._files[name] = found
        return found
