"""Statements: queries that differ in their values only are the same query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_VALUE: Final = re.compile(
    r"""
    '(?:[^']|'')*'              # a text of SQL
    | \b0x[0-9a-f]+\b           # a number in base 16
    | (?<![\w."`\]$])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b  # another number, which no name ends with
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MANY_VALUES: Final = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_MOST: Final = 3
_LONGEST: Final = 120


def without_values(statement: str) -> str:
    """Return a statement with `?` in place of the values, on one line."""
    return _MANY_VALUES.sub("(?, ...)", _VALUE.sub("?", " ".join(statement.split())))


def shortened(statement: str) -> str:
    """Return a statement, cut with an ellipsis if it is long."""
    return statement if len(statement) <= _LONGEST else f"{statement[: _LONGEST - 3]}..."


def repeats_of(statements: Mapping[tuple[str, str], int]) -> list[tuple[str, int, str]]:
    """Return the most frequent queries of an execution: text, number, and the line that made the query.

    Args:
        statements: the number of each statement as recorded, together with the line that made the query.
    """
    counts: dict[tuple[str, str], int] = {}
    for (text, site), count in statements.items():
        query = without_values(text), site
        counts[query] = counts.get(query, 0) + count
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [(shortened(query), count, site) for (query, site), count in ordered[:_MOST]]
