"""The file with the verdict, which a workflow with the right to write reads, whoever wrote the file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from full_result import HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.finding import LOOSENED, Finding, Severity
from pytest_perfbudget.core.outcome import GateVerdict, Outcome
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.gate.verdict_file import LARGEST, parse_verdict, verdict_text

VERDICT = GateVerdict(Outcome.REGRESSED, "2 regressed.", loosened=1)


def failure(test: str, headline: str) -> Finding:
    return Finding("regressed", Severity.FAILURE, test, headline=headline)


def test_what_was_written_is_read() -> None:
    loosened = Finding(LOOSENED, Severity.WARNING, "", metric="max_regression", headline="max_regression 5 % -> 100 %")
    result = RunResult(findings=[loosened, failure("a.py::test", "10 % slower")])
    found = parse_verdict(verdict_text(VERDICT, result, 12.34).encode())
    assert (found.verdict, found.seconds, found.more) == (VERDICT, 12.3, 0)
    assert found.failures == [("a.py::test", "10 % slower")]
    assert found.loosened == ["this pull request loosens: max_regression 5 % -> 100 %"]
    assert parse_verdict(verdict_text(VERDICT, None, 1).encode()).failures == []


def test_accepted_removals_are_read_and_another_key_is_refused() -> None:
    green = GateVerdict(Outcome.PASSED, "Nothing fails.", left_out=3)
    text = verdict_text(green, None, 1)
    assert parse_verdict(text.encode()).verdict == green
    with pytest.raises(ReportError, match="the keys must be"):
        parse_verdict(text.replace("left_out_tests", "other").encode())


def test_a_limit_that_fails_the_session_is_told_once() -> None:
    result = RunResult(findings=[Finding(LOOSENED, Severity.FAILURE, "a.py::test", headline="removed")])
    found = parse_verdict(verdict_text(VERDICT, result, 1).encode())
    assert (found.failures, len(found.loosened), found.more) == ([], 1, 0)


def test_a_large_session_is_cut_and_the_rest_is_counted() -> None:
    result = RunResult(findings=[failure("☃" * 3000, "☃" * 3000)] * 2000)
    text = verdict_text(VERDICT, result, 1).encode()
    assert len(text) <= LARGEST
    assert (len(parse_verdict(text).failures), parse_verdict(text).more) == (5, 1995)


def test_a_file_that_is_too_large_is_not_even_parsed() -> None:
    with pytest.raises(ReportError, match=r"^verdict\.json has 64,001 bytes, and at most 64,000 are read$"):
        parse_verdict(b" " * (LARGEST + 1))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", "perfbudget-verdict/2"), ("outcome", "fine"), ("outcome", 1), ("outcome", []), ("reason", None),
        ("reason", "x" * 401), ("seconds", True), ("seconds", -1), ("seconds", 1e9), ("seconds", "1"), ("more", 1.5),
        ("failures", "ab"), ("failures", [["a"]]), ("failures", [["a", 1]]), ("failures", ["ab"]), ("loosened", {}),
        ("failures", [["a", "b"]] * 21), ("further", 1), ("loosened_limits", "2"),
    ],
)  # fmt: skip
def test_a_value_against_the_schema_is_refused(key: str, value: Any) -> None:
    data = json.loads(verdict_text(VERDICT, None, 1))
    with pytest.raises(ReportError, match=r"^verdict\.json violates the schema perfbudget-verdict/1: "):
        parse_verdict(json.dumps({**data, key: value}).encode())


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"[" * 60_000, b"NaN", b"null", b"9" * 5000])
def test_a_file_of_another_kind_is_refused(content: bytes) -> None:
    with pytest.raises(ReportError):
        parse_verdict(content)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_nothing_but_an_error_of_reports_is_raised(content: bytes) -> None:
    with pytest.raises(ReportError):
        parse_verdict(content)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_survives_as_data(name: str) -> None:
    text = verdict_text(VERDICT, RunResult(findings=[failure(name, name)]), 1)
    assert parse_verdict(text.encode()).failures[0][1] == name
