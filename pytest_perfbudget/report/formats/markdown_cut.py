"""The cutting of a Markdown text to a size: the parts that matter most keep their room, in the order of the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

END: Final = 400
"""The bytes that the end of a cut text needs, which says how much is left out."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A part of a text that is shown whole, in short, or not at all.

    Attributes:
        text: the whole part.
        short: the part in short; empty if there is no short form.
        count: the number of things in the part, for the count of things that are left out.
    """

    text: str
    short: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Section:
    """Entries of a kind, with the lines around them.

    Attributes:
        entries: the entries; without any entry the section is not shown.
        opening: the text before the entries.
        closing: the text after the entries, which may be an empty line; None without such a text.
        kind: the noun for an entry's things; empty for parts that are not counted.
        rank: the place of the section in the distribution of room, which sections with the smallest rank get first.
    """

    entries: Sequence[Entry]
    opening: str = ""
    closing: str | None = None
    kind: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class CutText:
    """A text of a bounded size.

    Attributes:
        text: the text.
        shortened: the number of things of which only the short form is shown, by their kind.
        left_out: the number of things that are not shown, by their kind.
    """

    text: str
    shortened: Mapping[str, int]
    left_out: Mapping[str, int]

    @property
    def is_whole(self) -> bool:
        """Whether the text has everything."""
        return not (self.shortened or self.left_out)


def cut(sections: Iterable[Section], most_bytes: int) -> CutText:
    """Return the text of sections, with as much of each section as there is room for.

    Every short form comes before the first whole entry of its section: a name is worth more than another's details.

    Args:
        sections: the sections in the order of the text.
        most_bytes: the most bytes of the text; a text that is not whole has `END` bytes less.
    """
    shown = [_Shown(one) for one in sections if one.entries]
    if sum(one.whole_size for one in shown) <= most_bytes:
        return CutText("".join(one.whole() for one in shown), {}, {})
    room = most_bytes - END
    for one in sorted(shown, key=lambda one: one.section.rank):
        room = one.fill(room)
    shortened: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for one in shown:
        for entry, text in zip(one.section.entries, one.texts, strict=True):
            if text != entry.text and one.section.kind:
                (shortened if text else left_out)[one.section.kind] += entry.count
    return CutText("".join(one.text() for one in shown), shortened, left_out)


class _Shown:
    """A section, and what is shown of each of its entries.

    Args:
        section: the section.
    """

    def __init__(self, section: Section) -> None:
        self.section = section
        self.texts = [""] * len(section.entries)

    @property
    def whole_size(self) -> int:
        return self._frame + sum(_size(one.text) for one in self.section.entries)

    @property
    def _frame(self) -> int:
        closing = self.section.closing
        return _size(self.section.opening) + (_size(closing or "") or 1)

    def whole(self) -> str:
        self.texts = [one.text for one in self.section.entries]
        return self.text()

    def text(self) -> str:
        shown = [one for one in self.texts if one]
        opening = [self.section.opening] if self.section.opening else []
        ends_in_list = bool(shown) and not shown[-1].endswith("\n")
        closing = [self.section.closing or ""] if self.section.closing is not None or ends_in_list else []
        return "".join(f"{one}\n" for one in ([*opening, *shown, *closing] if shown else []))

    def fill(self, room: int) -> int:
        """Show as much as there is room for, and return the room that is left."""
        room -= self._frame
        entries = self.section.entries
        has_short = any(one.short for one in entries)
        for place, entry in enumerate(entries):
            text = entry.short or entry.text
            if _size(text) > room:
                break  # the first entries, without a gap that a reader could not see
            self.texts[place] = text
            room -= _size(text)
        for place, entry in enumerate(entries):
            more = _size(entry.text) - _size(self.texts[place])
            if has_short and self.texts[place] and more <= room:
                self.texts[place] = entry.text
                room -= more
        return room if any(self.texts) else room + self._frame


def _size(text: str) -> int:
    """Return the bytes of a text with its line break; of an empty text, none."""
    return len(text.encode("utf-8", "backslashreplace")) + 1 if text else 0
