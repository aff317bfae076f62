"""Profiles in speedscope's format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from full_result import HOSTILE
from html_session import graph, payload_of, session_of, small, small_measurements
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.call_graph import CallEdge, CallGraph
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.formats import speedscope

SLOW = "report-tests-orders-test_queries.py-test_lists_open_orders-10000-03265c94"


def stacks(data: dict[str, Any]) -> dict[str, int]:
    """Return the time of each stack without the functions that it calls, as a viewer adds it up."""
    (profile,) = data["profiles"]
    names = [one["name"] for one in data["shared"]["frames"]]
    open_frames: list[str] = []
    found: dict[str, int] = {}
    now = profile["startValue"]
    for event in profile["events"]:
        assert now <= event["at"] <= profile["endValue"]
        stack = ";".join(open_frames)
        found[stack] = found.get(stack, 0) + event["at"] - now
        now = event["at"]
        if event["type"] == "O":
            open_frames.append(names[event["frame"]])
        else:
            assert (event["type"], open_frames.pop()) == ("C", names[event["frame"]])
    assert not open_frames
    assert now == profile["endValue"]
    return {stack: time_ns for stack, time_ns in found.items() if time_ns}


def test_a_viewer_gets_each_stack_with_its_time() -> None:
    found = json.loads(speedscope.render(graph(60), "a test"))
    assert found["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert (found["profiles"][0]["type"], found["profiles"][0]["unit"]) == ("evented", "nanoseconds")
    path = "test_queries:test_lists_open_orders;orders.queries:list_open;orders.queries:load_customer"
    assert stacks(found)[path] == 63_000_000
    assert sum(stacks(found).values()) == found["profiles"][0]["endValue"] == 90_000_000


@given(st.dictionaries(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), st.floats(0, 1e6), max_size=12))
def test_frames_open_and_close_in_order(edges: dict[tuple[str, str], float]) -> None:
    calls = [CallEdge(*key, 1, time_ns) for key, time_ns in edges.items()]
    stacks(json.loads(speedscope.render(CallGraph.of([CallEdge("", "a", 1, 1e6), *calls]), "")))


def test_both_sides_of_a_failed_test_have_a_file_beside_the_page() -> None:
    found = dict(formats.files(small(), "html", Path("build/report.html")))
    base, head = Path(f"build/{SLOW}.base.speedscope.json"), Path(f"build/{SLOW}.head.speedscope.json")
    assert list(found) == [Path("build/report.html"), base, head]
    (slow,) = [one["flame"] for one in payload_of(found[Path("build/report.html")])["entries"] if "flame" in one]
    assert slow["files"] == [base.name, head.name]
    assert json.loads(found[head])["name"] == "tests/orders/test_queries.py::test_lists_open_orders[10000], head"
    assert list(dict(formats.files(small(), "json", Path("report.json")))) == [Path("report.json")]


def test_an_unprofiled_session_has_no_file_beside_the_page() -> None:
    calm = session_of(small_measurements()[:3])
    assert list(dict(formats.files(calm, "html", Path("a.html")))) == [Path("a.html")]


def test_so_many_measurements_have_files() -> None:
    slow = next(one for one in small_measurements() if one.call_graphs is not None)
    many = [replace(slow, nodeid=f"a.py::test_{number}") for number in range(speedscope.MOST + 50)]
    assert len(list(formats.files(session_of(many), "html", Path("a.html")))) == 1 + 2 * speedscope.MOST


@given(st.text(st.characters(exclude_categories=()), max_size=300) | st.sampled_from(HOSTILE))
def test_a_name_is_safe_on_every_system(identity: str) -> None:
    name = speedscope.file_name(f"{identity}.html", f"tests/a.py::test[{identity}]", "head")
    assert len(name) < 170
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \n\t%&\0')
    assert not name.startswith((".", "-"))


@given(st.lists(st.text(max_size=6), min_size=2, max_size=8, unique=True))
def test_neither_two_tests_nor_two_reports_share_a_file(words: list[str]) -> None:
    names = [
        speedscope.file_name(*pair, side)
        for one in words
        for pair in (("a.html", one), (one, "a.py::t"))
        for side in ("base", "head")
    ]
    assert len({name.lower() for name in names}) == 4 * len(words)


def test_two_reports_in_a_folder_keep_their_profiles() -> None:
    """A report that is written again has the same files, which replace the files of before."""
    first, again, second = (
        set(dict(formats.files(small(), "html", Path(f"out/{one}")))) for one in ("a.html", "a.html", "b.html")
    )
    assert first == again
    assert len(first) == len(second) == 3
    assert not first & second
