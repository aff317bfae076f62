"""The words for the code that became slower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from full_result import result_of
from results import change, measurement

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.call_graph import CallEdge, CallGraph, CallGraphs
from pytest_perfbudget.core.results import Growth
from pytest_perfbudget.core.versions import VersionChange
from pytest_perfbudget.report.culprits import HEADING, NO_CULPRIT, blame_lines, blame_text, short_name
from pytest_perfbudget.report.findings import failure_text

GRAPH = CallGraph.of([CallEdge("web:menu", "web:tax", 1, 4e3)])
EXECUTE = "method 'execute' of 'sqlite3.Connection' objects"


def told(cause: Cause, callee: str = "", before: float = 0, after: float = 0) -> str:
    return blame_text(Blame("web:menu", cause, 37e3, 41e3, callee, before, after))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (told(Cause.MORE_CALLS, "web:make", 0, 1), "web:menu now calls web:make on every call (0 -> 1): +37 us of +41 us"),
        (told(Cause.MORE_CALLS, "web:make", 0, 30), "web:menu now calls web:make in each call (0 -> 30): +37 us of +41 us"),
        (told(Cause.MORE_CALLS, "web:make", 0, 0.25), "web:menu now calls web:make in some calls (0 -> 0.25): +37 us of +41 us"),
        (told(Cause.MORE_CALLS, "web:make", 0.01, 1), "web:menu calls web:make more often in each call (0.01 -> 1): +37 us of +41 us"),
        (told(Cause.MORE_CALLS, "web:make", 1, 2), "web:menu calls web:make once more in each call (1 -> 2): +37 us of +41 us"),
        (told(Cause.MORE_CALLS, EXECUTE, 1, 5000), "web:menu calls sqlite3.Connection.execute more often in each call (1 -> 5,000): +37 us of +41 us"),
        (blame_text(Blame("web:menu", Cause.MORE_CALLS, 37e3, 41e3, "str.isalpha", 0, 67, also=[("str.strip", 3.6, 43)])), "web:menu now calls str.isalpha in each call (0 -> 67) and str.strip (3.6 -> 43): +37 us of +41 us"),
        (blame_text(Blame("web:menu", Cause.MORE_CALLS, 37e3, 41e3, "a:b", 1, 3, also=[("a:c", 0, 1), ("a:d", 0, 2)])), "web:menu calls a:b more often in each call (1 -> 3), a:c (0 -> 1) and a:d (0 -> 2): +37 us of +41 us"),
        (told(Cause.SLOWER_LIBRARY, "built-in method builtins.sorted", 1, 1), "web:menu spends longer in sorted, which it calls as often as before (1 in each call): +37 us of +41 us"),
        (blame_text(Blame("web:ask", Cause.SLOWER_LIBRARY, 37e3, 41e3, "socket:send", 1, 1, also=[("socket:recv", 1, 1)])), "web:ask spends longer in socket:send and socket:recv, which it calls as often as before: +37 us of +41 us"),
        (blame_text(Blame("web:ask", Cause.SLOWER_LIBRARY, 37e3, 41e3, "socket:recv", 1, 1, is_unchanged=True)), "web:ask spends longer in socket:recv, which it calls as often as before (1 in each call), in the same code: look at what it passes, and at another thread or process that it waits for: +37 us of +41 us"),
        (told(Cause.OWN_CODE), "web:menu takes longer in its own lines: +37 us of +41 us"),
        (blame_text(Blame("web:menu", Cause.OWN_CODE, 37e3, 41e3, is_unchanged=True)), "web:menu takes longer in its own lines, in the same code: look at what it is given: +37 us of +41 us"),
        (blame_text(Blame("web:menu", Cause.MORE_CALLS, 37e3, 41e3, "web:make", 0, 1, is_unchanged=True)), "web:make now runs on every call of web:menu (0 -> 1): +37 us of +41 us"),
        (blame_text(Blame("web:menu", Cause.MORE_CALLS, 37e3, 41e3, EXECUTE, 0, 1, is_unchanged=True)), "web:menu now calls sqlite3.Connection.execute on every call (0 -> 1): +37 us of +41 us"),
        (blame_text(Blame("web:menu", Cause.OTHER_CODE, 1e3, 41e3)), "web:menu was changed; its part of the slowdown is not known"),
        (blame_text(Blame("web:menu", Cause.OTHER_CALLS, 37e3, 41e3, "web:cost", 0, 10, "web:price")), "web:menu calls web:cost in place of web:price: +37 us of +41 us"),
        (told(Cause.NEW_AROUND, "web:price", 1, 1), "web:menu is new around web:price: +37 us of +41 us"),
    ],
)  # fmt: skip
def test_each_cause_says_how_and_how_much(text: str, expected: str) -> None:
    assert text == expected


def test_a_part_above_the_whole_says_how_that_can_be() -> None:
    text = blame_text(Blame("web:menu", Cause.OWN_CODE, 76.5e3, 53.7e3))
    expected = "+76.5 us (+53.7 us in all: other code is faster, or the profiles err)"
    assert text == f"web:menu takes longer in its own lines: {expected}"
    assert blame_text(Blame("web:menu", Cause.OWN_CODE, 53.71e3, 53.7e3)).endswith("+53.7 us of +53.7 us")


def test_the_only_function_that_was_changed_is_the_likeliest_cause() -> None:
    menu, tax = (Blame(name, Cause.OTHER_CODE, 1e3, 41e3) for name in ("web:menu", "web:tax"))
    alone, both = list(blame_lines([menu], [])), list(blame_lines([menu, tax], []))
    assert alone[1:] == ["  web:menu was changed; its part of the slowdown is not known; most likely the cause"]
    assert [one.partition("is not known")[2] for one in both[1:]] == ["", ""]
    waits = Blame("web:ask", Cause.SLOWER_LIBRARY, 37e3, 41e3, "queue:get", 1, 1, is_unchanged=True)
    waited = list(blame_lines([waits, menu], []))
    assert waited[1] == alone[1]
    assert "spends longer in queue:get" in waited[2]
    own = replace(waits, is_unchanged=False)
    assert list(blame_lines([own, menu], []))[-1].endswith("its part of the slowdown is not known")


def test_another_version_of_a_library_explains_that_the_same_code_takes_longer() -> None:
    titles = Blame("app:titles", Cause.SLOWER_LIBRARY, 37e3, 41e3, "textkit:normal", 1, 1, is_unchanged=True)
    line, versions = list(blame_lines([titles], [], [VersionChange("textkit", "1.1", "1.2", is_imported=True)]))[1:]
    assert "look at what it passes" not in line
    assert versions.endswith("textkit 1.1 -> 1.2")
    unused = VersionChange("ruff", "1", "2", is_imported=False)
    assert "look at what it passes" in list(blame_lines([titles], [], [unused]))[1]


def test_further_calls_stand_in_one_line_below_the_causes() -> None:
    blamed = [
        Blame("web:menu", Cause.MORE_CALLS, 37e3, 41e3, "web:make", 0, 1),
        Blame("web:tax", Cause.OWN_CODE, 4e3, 41e3),
    ]
    assert list(blame_lines(blamed, [Growth("web:price", 0, 30), Growth("json:dumps", None, 1_200)])) == [
        HEADING,
        "  web:menu now calls web:make on every call (0 -> 1): +37 us of +41 us",
        "  web:tax takes longer in its own lines: +4 us of +41 us",
        "  also called more often: web:price (0 -> 30), json:dumps (few -> 1,200)",
    ]


def test_without_a_known_cause_the_calls_that_grew_have_a_line_each() -> None:
    assert list(blame_lines([], [Growth("web:price", 0, 1)])) == ["Called more often:", "  0 -> 1 call of web:price"]
    assert list(blame_lines([], [])) == []


@pytest.mark.parametrize(
    ("base", "found", "is_told"),
    [
        (GRAPH, {}, True),
        (None, {}, False),  # nothing was profiled on the other side
        (GRAPH, {"blamed": [Blame("web:tax", Cause.OWN_CODE, 4e3, 41e3)]}, False),
        (GRAPH, {"grown": [Growth("web:tax", 1, 30)]}, False),
        (GRAPH, {"installed": [VersionChange("numpy", "1.26", "2.0", is_imported=True)]}, False),
        (GRAPH, {"installed": [VersionChange("numpy", "1.26", "2.0")]}, True),
    ],
)
def test_where_no_function_stands_out_the_text_says_so(
    *, base: CallGraph | None, found: Mapping[str, Any], is_told: bool
) -> None:
    slower = measurement(change(**found), call_graphs=CallGraphs.of(GRAPH, base))
    assert (NO_CULPRIT in failure_text(result_of(slower).findings)) is is_told


def test_a_wait_for_a_child_process_says_so() -> None:
    text = told(Cause.SLOWER_LIBRARY, "subprocess:run", 1, 1)
    assert text == (
        "web:menu waits longer for a child process, in subprocess:run, whose functions are not profiled: +37 us of +41 us"
    )


def test_the_other_versions_that_the_project_imports_stand_below_and_the_rest_is_a_number() -> None:
    imported = [
        VersionChange("numpy", "1.26", "2.0", is_imported=True),
        VersionChange("orjson", "", "3.1", is_imported=True),
    ]
    others = [VersionChange("ujson", "5.1", ""), VersionChange("rich", "13", "14")]
    start = "Imported, and installed in another version than for the baseline: numpy 1.26 -> 2.0, orjson 3.1 (new)"
    assert list(blame_lines([], [], imported)) == [start]
    assert list(blame_lines([], [], [*imported, *others])) == [f"{start}, and 2 more"]
    none = "than for the baseline; the project uses none of these"
    assert list(blame_lines([], [], others)) == [f"Of the installed distributions, 2 have other versions {none}"]
    assert list(blame_lines([], [], others[:1])) == [f"Of the installed distributions, 1 has another version {none}"]


def test_a_name_is_short_as_in_code() -> None:
    assert short_name("built-in method builtins.sorted") == "sorted"
    assert short_name("built-in method time.sleep") == "time.sleep"
    assert short_name("web:Menu.make") == "web:Menu.make"


def test_a_failure_names_a_function_once() -> None:
    """As a cause of the time, not again among the functions that are called more often, nor for the calls."""
    grown = [Growth("web:make", 0, 200), Growth("web:price", 0, 30)]
    time = change(blamed=[Blame("web:menu", Cause.MORE_CALLS, 37e3, 41e3, "web:make", 0, 1)], grown=grown)
    calls = change(metric="calls", unit="calls", before=100, after=500, ratio=5, grown=grown)
    text = failure_text(result_of(measurement(time, calls)).findings)
    assert text.count("web:price (0 -> 30)") == text.count("web:price") == 1
    assert "200" not in text
    beside = replace(time, blamed=[replace(time.blamed[0], also=[("web:price", 0, 30)])])
    assert failure_text(result_of(measurement(beside)).findings).count("web:price") == 1
    assert "Called more often:" not in text
