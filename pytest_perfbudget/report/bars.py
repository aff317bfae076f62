"""Bars of block characters, and the same bars for outputs that cannot show them."""

from __future__ import annotations

from typing import Final

_FULL, _EMPTY = "█", "░"
_ASCII: Final = str.maketrans({_FULL: "#", _EMPTY: "."})


def bar(share: float, cells: int) -> str:
    """Return a bar of so many cells; the bar is full from a share of 1 on, and a smaller share leaves a cell empty."""
    filled = cells if share >= 1 else min(cells - 1, round(share * cells))
    return f"{_FULL * filled}{_EMPTY * (cells - filled)}"


def short_bar(share: float, cells: int) -> str:
    """Return a bar without its empty cells; any share above zero has a cell."""
    return _FULL * max(round(share * cells), int(share > 0))


def is_bar(line: str) -> bool:
    """Return whether a line ends with a bar, as those of the two sides of a comparison do."""
    return line.endswith((_FULL, _EMPTY))


def ascii_bars(text: str) -> str:
    """Return a text whose bars are of ASCII characters."""
    return text.translate(_ASCII)


def shows_bars(encoding: str | None) -> bool:
    """Return whether an output with this encoding can show block characters and lines."""
    try:
        f"{_FULL}{_EMPTY}─…".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
