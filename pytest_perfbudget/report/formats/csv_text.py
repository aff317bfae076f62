"""Texts for the cells of CSV files, which people open in spreadsheets."""

from __future__ import annotations

from typing import Final

from pytest_perfbudget.report.printable import printable

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001 - the wide signs, in Japanese editions
"""The first characters by which spreadsheets take a text for a formula."""


def cell_text(text: str) -> str:
    """Return a text that is no formula and has no line breaks."""
    return printable(f"'{text}" if text.startswith(_FORMULA) else text, unicode=True)
