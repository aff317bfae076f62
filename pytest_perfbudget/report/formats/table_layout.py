"""The parts of a table: names that are cut to fit, bars, columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len, chop_cells
from rich.color import ColorSystem
from rich.style import Style

from pytest_perfbudget.report.bars import ascii_bars, bar
from pytest_perfbudget.report.numbers import share_text

GAP: Final = 2
"""The characters between two columns."""


def short_names(nodeids: Sequence[str]) -> dict[str, str]:
    """Return the shortest unambiguous form of each node id: without the file, without the folder, or complete.

    Failure texts and notes have complete node ids.
    """
    distinct = list(dict.fromkeys(nodeids))
    bare = [nodeid.partition("::")[2] or nodeid for nodeid in distinct]
    in_file = [
        f"{nodeid.partition('::')[0].rpartition('/')[2]}::{rest}" for nodeid, rest in zip(distinct, bare, strict=True)
    ]
    times = Counter(bare), Counter(in_file)
    return {
        nodeid: short if times[0][short] == 1 else longer if times[1][longer] == 1 else nodeid
        for nodeid, short, longer in zip(distinct, bare, in_file, strict=True)
    }


def cut(name: str, width: int, *, unicode: bool) -> str:
    """Return a name that fits into a width; a longer name loses whole words in its middle.

    Args:
        name: the name, without line breaks.
        width: the number of cells, at least enough for the ellipsis and a character on each side.
        unicode: whether the output can show an ellipsis; otherwise three dots are used.
    """
    if cell_len(name) <= width:
        return name
    ellipsis = "…" if unicode else "..."
    head, tail = _ends(name, width - len(ellipsis))
    return f"{head}{ellipsis}{tail}"


def _ends(name: str, room: int) -> tuple[str, str]:
    """Return the two ends of a name that fill the room best: whole words and brackets, if they are long enough."""
    least = room // 4
    heads = [head for head in _heads(name) if least <= cell_len(head) <= room - least]
    tails = [tail for tail in _tails(name) if least <= cell_len(tail) <= room - least]
    half = _last(name, room // 2)
    found = [
        *((head, tail) for head in heads for tail in tails if cell_len(head) + cell_len(tail) <= room),
        *((head, _last(name, room - cell_len(head))) for head in heads),
        *((_first(name, room - cell_len(tail)), tail) for tail in (*tails, half)),
    ]

    def worth(ends: tuple[str, str]) -> tuple[int, bool, int, int]:
        head, tail = ends
        words = (head in heads) + (tail in tails)
        return words, tail.count("[") >= tail.count("]"), len(head) + len(tail), -abs(len(head) - len(tail))

    return max((ends for ends in found if all(ends)), key=worth)


def _heads(name: str) -> Iterator[str]:
    """Yield the beginnings of a name that end with a word."""
    for end in range(1, len(name)):
        if name[end - 1].isalnum() and not name[end].isalnum():
            yield name[:end]


def _tails(name: str) -> Iterator[str]:
    """Yield the ends of a name that begin with a word or a bracket."""
    for start in range(1, len(name)):
        if name[start] == "[" or (name[start].isalnum() and not name[start - 1].isalnum()):
            yield name[start:]


def _first(name: str, room: int) -> str:
    """Return as many of the first characters as fit."""
    return next((name[:end] for end in range(min(room, len(name)), 0, -1) if cell_len(name[:end]) <= room), "")


def _last(name: str, room: int) -> str:
    """Return as many of the last characters as fit."""
    return next((name[-size:] for size in range(min(room, len(name)), 0, -1) if cell_len(name[-size:]) <= room), "")


@dataclass(frozen=True)
class Bar:
    """A bar that shows a share of a limit in a number of cells, and the share as text after them."""

    cells: int
    unicode: bool

    def draw(self, used: float) -> str:
        """Return the bar; it is full from 100 % on."""
        if not self.cells:
            return f"{share_text(used):>5}"
        drawn = bar(used, self.cells)
        return f"{drawn if self.unicode else ascii_bars(drawn)} {share_text(used):>5}"


Cell = tuple[str, str]
"""A text and the style in which it is shown."""

BLANK: Final[Cell] = ("", "")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: the text above the cells.
        cells: the cells, one for each row.
        is_right: whether the cells are aligned to the right.
        most: the width in characters to which longer cells are folded; None if no cell is folded.
    """

    heading: str
    cells: Sequence[Cell]
    is_right: bool = False
    most: int | None = None

    @cached_property
    def width(self) -> int:
        """The characters of the column and of the gap after it; 0 for a blank column, because it is left out."""
        longest = max((cell_len(text) for text, _ in self.cells), default=0)
        taken = longest if self.most is None else min(longest, self.most)
        return max(taken, cell_len(self.heading)) + GAP if longest else 0


def draw(columns: Sequence[Column], *, color: bool, unicode: bool) -> Iterator[str]:
    """Yield the lines of a table, without spaces at their ends and without blank columns."""
    columns = [column for column in columns if column.width]
    sizes = [column.width - GAP for column in columns]
    yield _line([(column.heading, "bold") for column in columns], columns, color=color)
    yield ("─" if unicode else "-") * (sum(sizes) + GAP * (len(sizes) - 1))
    for cells in zip(*(column.cells for column in columns), strict=True):
        folded = [
            [text] if column.most is None or cell_len(text) <= column.most else list(_folded(text, column.most))
            for (text, _), column in zip(cells, columns, strict=True)
        ]
        for parts in zip_longest(*folded, fillvalue=""):
            styled = [(part, style) for part, (_, style) in zip(parts, cells, strict=True)]
            yield _line(styled, columns, color=color)


def _folded(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a name that is folded after whole words; only a word that is longer than a line is broken."""
    while cell_len(text) > width:
        fitting = chop_cells(text, width)[0]
        ends = [end for end in range(2, len(fitting) + 1) if text[end].isalnum() and not text[end - 1].isalnum()]
        line = text[: ends[-1]] if ends else fitting
        yield line.rstrip()
        text = text[len(line) :]
    yield text


def _line(cells: Sequence[Cell], columns: Sequence[Column], *, color: bool) -> str:
    padded = []
    for (text, style), column in zip(cells, columns, strict=True):
        space = " " * (column.width - GAP - cell_len(text))
        shown = Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if color and text else text
        padded.append(f"{space}{shown}" if column.is_right else f"{shown}{space}")
    return (" " * GAP).join(padded).rstrip()
