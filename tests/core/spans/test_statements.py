"""Queries that differ in their values only are the same query."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.spans.statements import repeats_of, without_values


@pytest.mark.parametrize(
    ("statement", "query"),
    [
        ("SELECT * FROM item WHERE id = 17", "SELECT * FROM item WHERE id = ?"),
        ("SELECT *\n  FROM item\n WHERE name = 'it''s'", "SELECT * FROM item WHERE name = ?"),
        ("SELECT a2 FROM t1 WHERE x > -1.5e3", "SELECT a2 FROM t1 WHERE x > ?"),
        ("INSERT INTO t VALUES (1, 'a', 2)", "INSERT INTO t VALUES (?, ...)"),
        ("SELECT * FROM t WHERE id IN (1, 2, 3)", "SELECT * FROM t WHERE id IN (?, ...)"),
        ("SELECT * FROM t WHERE id = $1", "SELECT * FROM t WHERE id = $1"),
        ('SELECT "1" FROM t LIMIT 10', 'SELECT "1" FROM t LIMIT ?'),
        ("", ""),
    ],
)
def test_values_are_replaced(statement: str, query: str) -> None:
    assert without_values(statement) == query


HERE, THERE = "shop.py:12, called from shop.py:40", "shop.py:3"


def test_the_most_frequent_queries_come_first_with_their_lines() -> None:
    queries = {(f"SELECT * FROM item WHERE id = {number}", HERE): 1 for number in range(8)}
    assert repeats_of({("SELECT 1", THERE): 1, **queries}) == [
        ("SELECT * FROM item WHERE id = ?", 8, HERE),
        ("SELECT ?", 1, THERE),
    ]


def test_a_line_that_makes_a_query_once_is_not_blamed_for_a_line_that_repeats_the_query() -> None:
    """The harmless line came first."""
    login = {("SELECT * FROM user WHERE id = 0", THERE): 1}
    listing = {(f"SELECT * FROM user WHERE id = {number}", HERE): 1 for number in range(20)}
    query = "SELECT * FROM user WHERE id = ?"
    assert repeats_of({**login, **listing}) == [(query, 20, HERE), (query, 1, THERE)]


def test_a_long_query_is_cut() -> None:
    ((text, count, site),) = repeats_of({("SELECT " + "column, " * 100, ""): 2})
    assert (len(text), count, site) == (120, 2, "")
