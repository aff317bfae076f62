"""The JSON report is the session's result, and is read back as it was."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from html_session import many
from results import budget, change, measurement

from pytest_perfbudget.core.call_graph import CallEdge, CallGraph, CallGraphs
from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import Growth
from pytest_perfbudget.core.round_times import MOST_KEPT, RoundTimes
from pytest_perfbudget.core.run_result import SCHEMA, ComparedWith, RunResult, SessionFacts
from pytest_perfbudget.core.versions import VersionChange
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.report.culprits import blame_lines
from pytest_perfbudget.report.findings import worded
from pytest_perfbudget.report.formats.json import parse, render

ONE = measurement(budget(), change(), name="parse", file="tests/test_api.py", line=12, component="web")
RESULT = RunResult(
    SessionFacts(started_at="2026-11-26T10:00:00+00:00", duration_s=1.5, exit_status=1, commit="3f2a91c", branch="x"),
    ComparedWith("the baseline", "", [("a.py::other", "")]),
    [ONE],
    worded(find([ONE], Policy()), alpha=0.01),
)


def test_a_report_is_read_back_as_it_was() -> None:
    again = parse(render(RESULT), "report.json")
    assert again.to_dict() == RESULT.to_dict()
    assert render(again) == render(RESULT)


def test_what_an_attempt_before_a_rerun_exceeded_is_read_back() -> None:
    rerun = replace(RESULT, measurements=[ONE, replace(ONE, name="rerun", exceeded_before=["p95"])])
    first, second = parse(render(rerun), "report.json").measurements
    assert (first.exceeded_before, second.exceeded_before) == ((), ["p95"])


def test_each_measurement_has_a_line_of_its_own() -> None:
    text = render(replace(RESULT, measurements=[ONE, replace(ONE, name="other")]))
    lines = [line.rstrip(",") for line in text.splitlines() if '"nodeid"' in line]
    assert [json.loads(line)["name"] for line in lines] == ["parse", "other"]


def test_an_indented_report_is_read_as_well() -> None:
    indented = json.dumps(json.loads(render(RESULT)), indent=2)
    assert parse(indented, "report.json").to_dict() == RESULT.to_dict()


def test_a_thousand_tests_with_all_that_a_report_keeps_take_less_than_five_megabytes() -> None:
    """500 rounds of each side, 40 blocks and three comparisons a test."""
    result = many(1_000)
    text = render(result)
    assert len(text.encode()) < 5_000_000
    again, first = (one.measurements[7] for one in (parse(text, "report.json"), result))
    assert again.to_dict() == first.to_dict()
    assert again.times is not None
    assert len(again.times.times_ns()) == MOST_KEPT


def test_a_report_leaves_out_what_is_nearly_always_empty() -> None:
    grown = change(grown=[Growth("shop:load", 1, 9)], is_test_changed=True)
    plain, rare = (
        json.loads(render(replace(RESULT, measurements=[replace(ONE, changes=[one])])))["measurements"][0]["changes"][0]
        for one in (change(blamed=(), grown=()), grown)
    )
    assert {"grown", "is_test_changed", "blamed", "installed"}.isdisjoint(plain)
    assert rare["grown"] == [{"function": "shop:load", "before": 1, "after": 9}]
    assert rare["is_test_changed"] is True


def test_an_older_report_which_leaves_out_nothing_is_read() -> None:
    older = json.dumps(RESULT.to_dict())
    assert '"installed": []' in older
    assert parse(older, "report.json").to_dict() == RESULT.to_dict()


def test_an_older_report_does_not_say_which_distributions_the_project_imports() -> None:
    slower = measurement(change(installed=[VersionChange("numpy", "1.26", "2.0")]))
    document = json.loads(render(replace(RESULT, measurements=[slower])))
    del document["measurements"][0]["changes"][0]["installed"][0]["is_imported"]
    (read,) = parse(json.dumps(document), "report.json").measurements
    assert list(blame_lines((), (), read.changes[0].installed)) == [
        "Installed in other versions than for the baseline: numpy 1.26 -> 2.0"
    ]


def test_an_older_report_with_graphs_by_costs_is_read_without_them() -> None:
    graphs = CallGraphs(CallGraph([CallEdge("", "shop:work", 1, 5.0)]))
    document = json.loads(render(replace(RESULT, measurements=[replace(ONE, call_graphs=graphs)])))
    kept = document["measurements"][0]["call_graphs"]
    kept["by_costs"] = {"head": kept["head"], "base": kept["head"]}
    assert parse(json.dumps(document), "report.json").measurements[0].call_graphs == graphs


def test_a_report_says_everything_in_the_fields_words() -> None:
    document = json.loads(render(RESULT))
    assert document["schema"] == SCHEMA == "perfbudget-report/1"
    assert document["summary"]["budgets"] == {"exceeded": 1, "undecided": 0, "unmeasured": 0, "within": 0}
    assert document["summary"]["changes"]["regressed"] == 1
    (found,) = document["measurements"]
    assert (found["id"], found["file"], found["line"]) == (
        "tests/test_api.py::test_login parse",
        "tests/test_api.py",
        12,
    )
    assert found["budgets"][0]["used"] == pytest.approx(1.226)
    assert {"p_value", "alpha", "verdict"} <= found["changes"][0].keys()
    assert not {"log_std_error", "components", "reason"} & found["changes"][0].keys()  # these are empty
    first, second = document["findings"]
    assert (first["kind"], first["severity"], first["headline"]) == (
        "exceeded",
        "failure",
        "p95 61.3 ms exceeds its budget of 50 ms (123%)",
    )
    assert (second["kind"], second["file"], second["line"]) == ("regressed", "tests/test_api.py", 12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "report.json:1: is cut off; a session writes a report with --perf-output"),
        ("", "report.json:1: is empty; a session writes a report with --perf-output"),
        ("[tool.perfbudget]\nstrict = true\n", "report.json:1: is no JSON: Expecting value at column 2; a session"),
        ('{"a" 1}', "report.json:1: is no JSON: Expecting ':' delimiter at column 6; a session writes"),
        ("[]", "report.json: is no report of this version of pytest-perfbudget: "),
        (
            '{"schema": "perfbudget-report/9"}',
            "the key schema must be 'perfbudget-report/1', found 'perfbudget-report/9'",
        ),
        ('{"schema": NaN}', "report.json: is no report of this version of pytest-perfbudget: NaN is no number in JSON"),
        ("[" * 100_000, "report.json: is no report of pytest-perfbudget: it is nested too deeply"),
        (render(RESULT)[:900], "is cut off"),
        (
            render(replace(RESULT, measurements=[replace(ONE, times=RoundTimes("!!"))])),
            "report.json: is no report of this version of pytest-perfbudget: tests/test_api.py::test_login parse: the rounds",
        ),
        ('{"schema": "perfbudget-report/1"}', "report.json: is no report of this version of pytest-perfbudget: "),
    ],
)
def test_a_text_that_is_no_report_is_one_line(text: str, message: str) -> None:
    with pytest.raises(ReportError) as error:
        parse(text, "report.json")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
