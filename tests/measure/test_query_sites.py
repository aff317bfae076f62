"""The lines that make queries, where functions come and go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.measure import query_sites
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.tracing import track

HERE = Path(__file__).parent


def made_at(line: int, file: Path = HERE / "models.py") -> Callable[[], None]:
    """Return a new function whose query is made at a line of a file."""
    body = "\n" * (line - 1) + "def find(): query()"
    found: dict[str, Any] = {"query": track("query", statement="SELECT 1")(lambda: None)}
    exec(compile(body, str(file), "exec"), found)
    function: Callable[[], None] = found.pop("find")  # without a reference cycle, so that its memory is used again
    return function


def sites(functions: int, made: Callable[[int], Callable[[], None]]) -> list[str]:
    """Return the lines of queries, each of which a function of its own makes, without the lines of the callers."""
    gatherer = SpanGatherer(HERE, ["query"])
    with gatherer.listening():
        with gatherer.execution():
            for number in range(functions):
                made(number)()
        gatherer.keep()
    series = gatherer.store.series("query")
    assert series is not None
    return sorted(site.partition(",")[0] for _, site in series.statements)


def test_a_function_is_not_taken_for_an_earlier_one_in_the_same_memory() -> None:
    assert sites(20, lambda number: made_at(10 + number)) == [f"models.py:{10 + number}" for number in range(20)]


def test_more_functions_than_are_remembered_have_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_sites, "_MOST", 4)
    assert sites(20, lambda number: made_at(10 + number)) == [f"models.py:{10 + number}" for number in range(20)]


def test_a_query_in_a_library_is_known_by_the_line_that_calls_the_library() -> None:
    library = made_at(7, Path("/usr/lib/library.py"))
    found = sites(1, lambda _: library)
    line = sites.__code__.co_firstlineno + 6
    assert found == [f"test_query_sites.py:{line}"]
