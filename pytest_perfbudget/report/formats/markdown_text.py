"""Texts from outside in Markdown: code spans and code blocks, in which nothing is a link, a tag or a mention."""

from __future__ import annotations

import re
from typing import Final

from pytest_perfbudget.report.printable import printable

_FENCE: Final = 3
_SIGN: Final = re.compile(r"[^\w\s/.,()=-]|_")
_BACKTICKS: Final = re.compile("`+")


def code(text: str) -> str:
    """Return a text as a code span on one line; an empty text stays empty."""
    text = printable(text, unicode=True)
    if not text:
        return ""
    fence = "`" * (1 + max(_runs(text), default=0))
    # A space on both sides is not shown; without it a backtick at an end would belong to the fence.
    return f"{fence} {text} {fence}" if "`" in text or text.strip() != text else f"{fence}{text}{fence}"


def code_in_table(text: str) -> str:
    """Return a text as code in a cell of a table; a vertical line would end the cell."""
    if "|" not in text:
        return code(text)
    # Renderers differ on a backslash before the line, so this is a tag, in which a sign of Markdown is a reference.
    return f"<code>{_SIGN.sub(_reference, printable(text, unicode=True))}</code>"


def _reference(sign: re.Match[str]) -> str:
    return f"&#{ord(sign[0])};"


def fenced(text: str) -> str:
    """Return lines as a code block."""
    lines = [printable(line, unicode=True) for line in text.splitlines()]
    fence = "`" * max(_FENCE, 1 + max(_runs(text), default=0))
    return "\n".join([f"{fence}text", *lines, fence])


def _runs(text: str) -> list[int]:
    return [len(one) for one in _BACKTICKS.findall(text)]
