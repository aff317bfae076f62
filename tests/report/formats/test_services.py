"""What GitHub and GitLab show at the lines of tests, and what JUnit files say of a test."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from full_result import FULL, result_of
from results import MS, budget, change, measurement

from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Severity
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import BudgetVerdict, Growth, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.findings import worded
from pytest_perfbudget.report.formats import codequality, github, junit


def failed(number: int, **changed: Any) -> list[Measurement]:
    return [
        measurement(budget(), nodeid=f"a.py::test_{at}", file="a.py", line=at + 1, **changed) for at in range(number)
    ]


class TestAnnotations:
    """Workflow commands of GitHub."""

    def test_a_failure_stands_at_the_line_of_its_test_in_the_repository(self) -> None:
        (command,) = github.commands(result_of(*failed(1)))
        assert command.startswith(
            "::error file=services/web/a.py,line=1,title=exceeded%3A a.py%3A%3Atest_0::p95 61.3 ms exceeds"
        )
        assert command.endswith("if the cost is intended.")

    def test_ten_are_shown_and_of_more_nine_and_the_number_of_the_others(self) -> None:
        assert len(github.commands(result_of(*failed(10)))) == 10
        commands = github.commands(result_of(*failed(40)))
        assert len(commands) == 10
        assert commands[-1] == "::error title=performance::31 more, see the log"

    def test_what_is_known_to_be_wrong_comes_before_what_could_not_be_judged(self) -> None:
        new = [measurement(change(RegressionVerdict.NEW), nodeid=f"a.py::test_{at}") for at in range(12)]
        whole = result_of(*new, *failed(1))
        strict = replace(whole, findings=worded(find(whole.measurements, Policy(strict=True)), alpha=0.01))
        assert ["exceeded" in one for one in github.commands(strict)] == [True, *[False] * 9]

    def test_a_regression_has_its_numbers_without_bars_and_functions_are_told_once(self) -> None:
        grown = [Growth("shop:load", 1, 100)]
        slower = change(RegressionVerdict.REGRESSED, grown=grown)
        calls = change(
            RegressionVerdict.REGRESSED, metric="calls", unit="calls", before=10, after=109, ratio=10.9, grown=grown
        )
        of_time, of_calls = github.commands(result_of(measurement(slower, calls)))
        assert "1.84 ms, baseline 1.64 ms" in of_time
        assert "109, baseline 10" in of_calls
        assert not {"█", "░"} & set(of_time + of_calls)
        assert ["shop:load" in one for one in (of_time, of_calls)] == [True, False]

    def test_what_would_fail_is_a_warning_and_comes_last(self) -> None:
        gated = result_of(*failed(2))
        first, second = gated.findings
        mixed = replace(gated, findings=[replace(first, severity=Severity.WARNING), second])
        assert [one.partition(" ")[0] for one in github.commands(mixed)] == ["::error", "::warning"]

    def test_no_other_finding_is_shown(self) -> None:
        assert github.commands(result_of(measurement(budget(BudgetVerdict.UNDECIDED)))) == []

    def test_no_name_makes_a_command_of_its_own(self) -> None:
        for command in github.commands(FULL):
            assert "\n" not in command
            assert "\r" not in command
            properties = command.removeprefix("::error ").removeprefix("::warning ").partition("::")[0]
            assert all(part.partition("=")[0] in {"file", "line", "title"} for part in properties.split(","))


class TestCodeQuality:
    """GitLab's report."""

    def test_a_finding_has_its_place_and_severity(self) -> None:
        (entry,) = json.loads(codequality.render(result_of(*failed(1))))
        assert entry["location"] == {"path": "services/web/a.py", "lines": {"begin": 1}}
        assert (entry["severity"], entry["check_name"]) == ("major", "perfbudget/exceeded")
        assert entry["description"].startswith("a.py::test_0: p95 61.3 ms exceeds")

    def test_fingerprints_differ_from_each_other_and_not_from_run_to_run(self) -> None:
        def fingerprints(result: RunResult) -> list[str]:
            return [one["fingerprint"] for one in json.loads(codequality.render(result))]

        first = fingerprints(FULL)
        assert len(set(first)) == len(first)
        slower = measurement(budget(estimate=99 * MS), nodeid="a.py::test_0", line=40)
        assert fingerprints(result_of(slower)) == fingerprints(result_of(*failed(1)))

    @pytest.mark.parametrize("file", ["", "a.py"])
    def test_an_unknown_place_is_the_start_of_the_tests_file(self, file: str) -> None:
        (entry,) = json.loads(codequality.render(result_of(replace(failed(1)[0], line=None, file=file))))
        assert entry["location"] == {"path": "services/web/a.py", "lines": {"begin": 1}}

    def test_a_finding_of_the_session_has_a_file_nevertheless(self) -> None:
        (finding,) = result_of(*failed(1)).findings
        entries = json.loads(codequality.render(RunResult(findings=[replace(finding, test="", file="", line=None)])))
        assert entries[0]["location"]["path"] == "pyproject.toml"


def test_the_properties_of_a_test_name_each_budget_and_change() -> None:
    found = dict(junit.properties([measurement(budget(), name="parse"), measurement(change())]))
    assert found == {
        "perfbudget.parse.p95": "exceeded: 61.3 ms (123%); limit 50 ms from perf_budget marker of a.py::test",
        "perfbudget.time.change": "regressed: +12.4 % (95 % interval +9.8 % .. +15.1 %); limit 5 % from the default",
    }
