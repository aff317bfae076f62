"""A damaged report is one line that names the place; a whole report has nothing to complain about."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from html_session import small_measurements
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from results import budget, change, measurement

from pytest_perfbudget.cli import main
from pytest_perfbudget.core.baseline_update import BaselineUpdate, UpdateAction, UpdatedNumber, UpdateSummary
from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Missing
from pytest_perfbudget.core.kept_blocks import KeptBlocks
from pytest_perfbudget.core.loosening import Loosening
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import BudgetVerdict, Growth, Repeat
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.run_result import ComparedWith, RunResult, SessionFacts
from pytest_perfbudget.core.spans.changes import ComponentChange, SpanComparison
from pytest_perfbudget.core.versions import VersionChange
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.report.findings import worded
from pytest_perfbudget.report.formats import FORMATS, render
from pytest_perfbudget.report.formats.json import parse

THREAD: Final = ("cpu", "queue", "others", "rest")
TOTAL: Final = ComponentChange("", 1e6, 2e6, 0.9e6, 1.1e6)


def complete() -> RunResult:
    """Return a session in which each key of a report has a value."""
    everything = measurement(
        budget(reason="corrected", effective=40.0),
        budget(BudgetVerdict.WITHIN, metric="count", keyword="max_count", unit="spans", limit=3.0, estimate=2.0,
               span="query", repeats=[Repeat("SELECT 1", 2, "shop.py:3")]),
        change(blamed=[Blame("shop:show", Cause.MORE_CALLS, 1e6, 2e6, "shop:load", 1, 9)], grown=[Growth("shop:load", 1, 9)], installed=[VersionChange("scipy", "1.11", "1.12")], log_std_error=0.01,
               components=SpanComparison(TOTAL, [replace(TOTAL, name="query", cpu_ns=1.0)], 6, thread=[replace(TOTAL, name=one) for one in THREAD])),
        nodeid="tests/test_shop.py::test_all", max_regression=0.05, line=3,
        loosened=[Loosening("p95_ms=2", "p95_ms=9", "pyproject.toml")],
        times=RoundTimes.of([1.8e6, 1.9e6, 2.1e6]),
        blocks=KeptBlocks.of([BlockTime(1.8e6, (10.0, 9.0), (11.0, 9.0))] * 3),
    )  # fmt: skip
    *_, slow, traced, _, loaded = small_measurements()[:19]
    facts = SessionFacts(
        started_at="2026-11-26T10:00:00+00:00", exit_status=1, perf_tests=4, not_run=0, cpus=2, other_failures=1,
        other_failed=["tests/test_shop.py::test_other"], versions={"pytest": "9.1.0"}, notes=["a note"],
    )  # fmt: skip
    numbers = [UpdatedNumber("time", 1e6, 2e6, 2.0)]
    update = UpdateSummary(
        "b.json", [BaselineUpdate("a", "", UpdateAction.NEW, numbers)], {"b": "x"}, left_out={"c": "y"}
    )
    compared = ComparedWith("the baseline", "", [("tests/test_other.py::test_other", "")], 4)
    found: list[Measurement] = [everything, slow, traced, loaded]
    return RunResult(
        facts, compared, found, worded(find(found, Policy()), alpha=0.01), [Missing("d", "", "gone")], update
    )


COMPLETE: Final = complete()
TEXT: Final = render(COMPLETE, "json")
DOCUMENT: Final[dict[str, Any]] = json.loads(TEXT)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each value of a document."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


PLACES: Final = list(places(DOCUMENT))
GONE: Final = object()
OTHERS: Final = st.sampled_from(
    [GONE, None, True, -1, 0, 3, 1.5, 1e308, 10**400, "x", "", "\ud800", [], {}, [1], {"a": 1}]
)


def damaged(path: tuple[Any, ...], value: object) -> str:
    """Return the document with another value at a place, or without the value there."""
    document = copy.deepcopy(DOCUMENT)
    node = document
    for key in path[:-1]:
        node = node[key]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return json.dumps(document)


def test_a_complete_report_is_read() -> None:
    """The twin of the damaged reports below; a key without a value would not be damaged there."""
    assert parse(TEXT, "all.json").to_dict() == COMPLETE.to_dict()
    absent = [key for key, value in DOCUMENT["measurements"][0].items() if value is None]
    assert absent == []
    keys = {key for one in DOCUMENT["measurements"] for key in one}
    assert {"times", "blocks", "side_times", "call_graphs", "load", "spans", "loosened"} <= keys


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("schema",), GONE, "the key schema must be 'perfbudget-report/1', found no such key"),
        (("session", "gate"), "of", "session.gate must be one of fail, warn, off, found 'of'"),
        (("session", "notes"), GONE, "session lacks the key 'notes'"),
        (("session", "alpa"), 0.1, "session has the unknown key 'alpa' (did you mean 'alpha'?): a later version"),
        (("session", "versions", "pytest"), 9, "session.versions['pytest'] must be a text, found 9"),
        (("compared_with", "others", 0), ["a"], "compared_with.others[0] must be a list of 2, found ['a']"),
        (("measurements", 0, "rounds"), 1.5, "measurements[0].rounds must be a whole number, found 1.5"),
        (("measurements", 0, "rounds"), True, "measurements[0].rounds must be a whole number, found True"),
        (("measurements", 0, "kind"), "dance", "measurements[0].kind must be one of body, call, timer"),
        (("measurements", 0, "budgets", 0, "limit"), None, "measurements[0].budgets[0].limit must be a number, found null"),
        (("measurements", 0, "budgets", 0, "limit"), 1e308, "measurements[0].budgets[0].limit must be a number of at most 1e+30"),
        (("measurements", 1, "call_graphs", "head", "edges", 0, 1), 99, "measurements[1].call_graphs.head.edges[0] must be an edge between"),
        (("measurements", 1, "call_graphs", "head", "files", "orders/queries.py", 0), 99, "files['orders/queries.py'] must be the places of functions among"),
        (("measurements", 1, "side_times", "base", "packed"), "eJw=", "tests/orders/test_queries.py::test_lists_open_orders[10000]: the rounds cannot be unpacked"),
        (("measurements", 2, "spans", "nodes", 0, "path"), [], "spans.nodes[0].path must be a list of at least one name, found []"),
        (("measurements", 2, "spans", "nodes", 0, "causes"), {"idle_ns": "5"}, "spans.nodes[0].causes.idle_ns must be a number, found '5'"),
        (("findings", 0), "x", "findings[0] must be an object, found 'x'"),
    ],
)  # fmt: skip
def test_the_first_wrong_value_is_named_with_its_place(path: tuple[Any, ...], value: object, message: str) -> None:
    with pytest.raises(ReportError) as error:
        parse(damaged(path, value), "all.json")
    text = str(error.value)
    assert text.startswith("all.json: is no report of this version of pytest-perfbudget: ")
    assert message in text
    assert "\n" not in text


@given(st.sampled_from(PLACES), OTHERS)
@example(("measurements", 0, "changes", 0, "blamed", 0, "of_ns"), 0)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_damaged_no_command_shows_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[Any, ...], value: object
) -> None:
    text = damaged(path, value)
    try:
        result = parse(text, "all.json")
    except ReportError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most damages are errors, and some leave a report
        return
    for name in FORMATS:
        assert isinstance(render(result, name), str)
    folder = tmp_path_factory.mktemp("damaged")
    file, whole = folder / "damaged.json", folder / "whole.json"
    file.write_text(text, "utf-8")
    whole.write_text(TEXT, "utf-8")
    for words in (["report", str(file)], ["compare", str(whole), str(file)], ["merge", str(file)]):
        assert main(words) in (0, 1, 2)


@given(st.integers(1, len(TEXT) - 3))
@settings(max_examples=50, deadline=None)
def test_a_cut_report_is_one_line(length: int) -> None:
    with pytest.raises(ReportError, match=r"^all\.json:\d+: is cut off; [^\n]+$"):
        parse(TEXT[:length], "all.json")


@pytest.mark.parametrize("command", ["report", "compare", "merge", "init"])
def test_each_command_refuses_a_damaged_report(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "bad.json"
    file.write_text(damaged(("measurements", 0, "statistics"), 3), "utf-8")
    words = {"compare": [str(file), str(file)], "init": ["--suggest", str(file)]}.get(command, [str(file)])
    assert main([command, *words]) == 2
    found = capsys.readouterr()
    assert (
        "bad.json: is no report of this version of pytest-perfbudget: measurements[0].statistics must be an"
        in found.err
    )
    assert (found.err.count("\n"), found.out) == (1, "")
