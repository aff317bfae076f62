"""The lines that make queries, where functions come and go."""

from __future__ import annotations

import _thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
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


def searches(monkeypatch: pytest.MonkeyPatch, make: Callable[[], object]) -> tuple[int, list[str]]:
    """Return how often frames are searched for the lines of queries, and these lines."""
    searched: list[object] = []
    search = query_sites.QuerySites._searched  # the part that costs time

    def counted(found: query_sites.QuerySites, frame: FrameType | None) -> tuple[str, bool]:
        searched.append(frame)
        return search(found, frame)

    monkeypatch.setattr(query_sites.QuerySites, "_searched", counted)
    gatherer = SpanGatherer(HERE, ["query"])
    with gatherer.listening():
        with gatherer.execution():
            make()
        gatherer.keep()
    series = gatherer.store.series("query")
    assert series is not None
    return len(searched), [site for _, site in series.statements]


def find() -> None:
    with track("query", statement="SELECT 1"):
        pass


def test_the_lines_of_a_query_in_a_loop_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def loop() -> None:
        for _ in range(20):
            find()

    number, lines = searches(monkeypatch, loop)
    assert number == len(lines) == 1


def test_a_further_caller_of_the_same_query_has_a_search_and_lines_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice() -> None:
        find()
        find()

    number, lines = searches(monkeypatch, twice)
    assert number == len(lines) == 2


def test_a_query_below_a_library_is_searched_each_time_as_more_lines_tell_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = made_at(7, Path("/usr/lib/library.py"))

    def loop() -> None:
        for _ in range(3):
            library()

    number, lines = searches(monkeypatch, loop)
    assert (number, len(lines)) == (3, 1)


@contextmanager
def opened() -> Iterator[None]:
    with track("query", statement="SELECT 1"):
        yield


def through(frames: int, function: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls another one through frames of a library."""
    for _ in range(frames):
        found: dict[str, Any] = {"function": function}
        exec(compile("def call(): function()", "/usr/lib/library.py", "exec"), found)
        function = found["call"]
    return function


@pytest.mark.parametrize(("frames", "is_named"), [(0, True), (4, True), (5, False)])
def test_the_caller_is_named_through_a_few_frames_of_a_library(
    monkeypatch: pytest.MonkeyPatch, frames: int, *, is_named: bool
) -> None:
    library = through(frames, find)

    def call() -> None:
        library()

    (site,) = searches(monkeypatch, call)[1]
    line = find.__code__.co_firstlineno + 1
    caller = f", called from test_query_sites.py:{call.__code__.co_firstlineno + 1}" if is_named else ""
    assert site == f"test_query_sites.py:{line}{caller}"


def test_the_user_of_a_context_manager_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def loop() -> None:
        for _ in range(3):
            with opened():
                pass

    (site,) = set(searches(monkeypatch, loop)[1])
    assert site.endswith(f", called from test_query_sites.py:{loop.__code__.co_firstlineno + 2}")


def test_the_code_that_measures_is_no_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    gatherer = SpanGatherer(HERE, ["query"])
    monkeypatch.setattr(gatherer, "execution", lambda **_: nullcontext())
    found = searches(monkeypatch, gatherer.marked(find, is_awaited=False))[1]
    assert found == [f"test_query_sites.py:{find.__code__.co_firstlineno + 1}"]


def test_a_thread_that_begins_with_a_query_has_no_line_of_the_project() -> None:
    found: SimpleQueue[str] = SimpleQueue()
    _thread.start_new_thread(lambda: found.put(query_sites.QuerySites(HERE, ["query"]).calling()), ())
    assert found.get(timeout=60) == ""
