"""The guide, whose pages are Markdown files in this folder: this module finds a page or a section, and renders none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final

from pytest_perfbudget.errors import GuideError, nearest

PAGES: Final = (
    "start",
    "measuring",
    "load",
    "budgets",
    "spans",
    "verdicts",
    "baseline",
    "against",
    "ci",
    "reports",
    "readiness",
    "history",
    "json",
    "monitor",
    "configuration",
    "method",
    "glossary",
)
"""The pages in the order in which a newcomer may read them."""

PROMISE: Final = "After reading this page, you can "
"""The words with which each page begins; a topic's summary follows them."""

_WITH_SECTIONS: Final = ("verdicts", "glossary", "history")
"""The pages whose sections are topics as well; a topic is looked for in these pages in this order."""

_MORE: Final = "A verdict, such as `regressed`, and a term of the glossary are topics as well."
_CHAPTER: Final = 2
"""The level of a chapter's heading; the heading of level 1 is the title of the page."""
_FENCE: Final = "```"
_HEADING: Final = re.compile(r"(#+) +(.+)")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the text up to the next heading of its level or above.

    Attributes:
        level: the number of marks before the title.
        title: the heading without its marks.
        text: the heading and everything below the heading, as Markdown.
        chapter: the heading of level 2 above a section of a deeper level; empty if there is none.
    """

    level: int
    title: str
    text: str
    chapter: str = ""

    @property
    def topics(self) -> frozenset[str]:
        """The words by which the section is found: its title, and the words in parentheses after the title."""
        words = re.split(r"[(),]", self.title)
        return frozenset(_normalized(word) for word in words if word.strip())

    def begins_with(self, topic: str) -> bool:
        """Return whether a name of the section begins with a word: `health` for `health score`."""
        return any(name.startswith(f"{topic} ") for name in self.topics)


def page(name: str) -> str:
    """Return the Markdown of a page."""
    return resources.files(__name__).joinpath(f"{name}.md").read_text("utf-8")


def find(topic: str) -> str:
    """Return the Markdown of a page, or of the sections about a verdict or a term.

    Raises:
        GuideError: there is no such topic; the message names the nearest topic.
    """
    wanted = _normalized(topic)
    if wanted in PAGES:
        return page(wanted)
    pages = [sections(page(name)) for name in _WITH_SECTIONS]
    titled = [[one for one in found if not one.topics.isdisjoint({wanted, f"{wanted}s"})] for found in pages]
    begun = [[one for one in found if one.begins_with(wanted)] for found in pages]
    if chosen := next(filter(None, [*titled, *begun]), None):
        texts = [_with_chapter(section) if len(chosen) > 1 else section.text for section in chosen]
        return "\n".join(f"{text.rstrip()}\n" for text in texts)
    known = {*PAGES, *(name for found in pages for section in found for name in section.topics)}
    message = f"the guide has no topic {topic!r}{nearest(wanted, known)}; `perfbudget guide` lists the pages"
    raise GuideError(message)


def overview() -> str:
    """Return the list of topics as Markdown, with one line for each topic."""
    lines = [f"- `{name}`: {summary(page(name))}" for name in PAGES]
    return "\n".join(["# Guide", "", "`perfbudget guide TOPIC` shows a page:", "", *lines, "", _MORE, ""])


def summary(text: str) -> str:
    """Return the promise of a page to its readers, as a phrase."""
    _, _, after = text.partition(PROMISE)
    return " ".join(re.split(r"\.\s", after, maxsplit=1)[0].split())


def sections(text: str) -> list[Section]:
    """Return the sections of a page; a section precedes the sections that it contains, and the title is no section."""
    lines = text.splitlines(keepends=True)
    headings = list(_headings(lines))
    found: list[Section] = []
    chapter = ""
    for number, (at, level, title) in enumerate(headings):
        chapter = title if level == _CHAPTER else chapter
        text = "".join(lines[at : _end(headings[number + 1 :], level, len(lines))])
        if level >= _CHAPTER:
            found.append(Section(level, title, text, chapter if level > _CHAPTER else ""))
    return found


def _with_chapter(section: Section) -> str:
    """Return the text of a section below the heading of its chapter, which tells sections of one title apart."""
    return f"## {section.chapter}\n\n{section.text}" if section.chapter else section.text


def _headings(lines: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the line, level and title of each heading; a comment in a code block is no heading."""
    is_code = False
    for at, line in enumerate(lines):
        if line.startswith(_FENCE):
            is_code = not is_code
        elif not is_code and (found := _HEADING.match(line)):
            yield at, len(found[1]), found[2].strip()


def _end(following: Iterable[tuple[int, int, str]], level: int, last: int) -> int:
    return next((at for at, other, _ in following if other <= level), last)


def _normalized(topic: str) -> str:
    """Return the form in which topics are compared: `p-value`, `P_value` and `` `p_value` `` are the same."""
    return re.sub(r"[\s_-]+", " ", topic.replace("`", " ")).strip().lower()
