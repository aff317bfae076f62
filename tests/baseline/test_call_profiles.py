from __future__ import annotations

from pathlib import Path

import pytest

from pytest_perfbudget.baseline.call_profiles import MOST_FUNCTIONS, Calls, calls_file, change_calls, read_calls
from pytest_perfbudget.baseline.schema import Key

KEY = Key("tests/test_a.py::t", "parse", "m")
PLACE = (KEY.test, KEY.name, "CPython 3.11")


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    return tmp_path / "perf-baseline.json"


def test_profiles_stand_in_a_file_beside_the_baseline_a_line_each(baseline: Path) -> None:
    change_calls(
        baseline, {PLACE: Calls({"json:loads": 3, "len": 2}), ("b", "", "CPython 3.12"): Calls({"x:y": 1})}, ()
    )
    assert calls_file(baseline).name == "perf-baseline.calls.json"
    assert read_calls(baseline, KEY, "CPython 3.11") == Calls({"json:loads": 3, "len": 2})
    assert read_calls(baseline, KEY, "CPython 3.12") is None
    assert sum("json:loads" in row for row in calls_file(baseline).read_text("utf-8").splitlines()) == 1


def test_a_change_keeps_the_others_and_removes_what_is_gone(baseline: Path) -> None:
    change_calls(baseline, {PLACE: Calls({"a:a": 1})}, ())
    change_calls(baseline, {("b", "", "CPython 3.11"): Calls({"x:y": 1})}, ())
    assert read_calls(baseline, KEY, "CPython 3.11") == Calls({"a:a": 1})
    change_calls(baseline, {}, [(KEY.test, KEY.name)])
    assert read_calls(baseline, KEY, "CPython 3.11") is None
    assert read_calls(baseline, Key("b", "", "m"), "CPython 3.11") is not None


def test_of_many_functions_the_most_called_are_kept_and_what_the_others_may_have_had() -> None:
    calls = Calls.from_functions({f"m:f{number}": number for number in range(1, MOST_FUNCTIONS + 51)})
    assert len(calls.functions) == MOST_FUNCTIONS
    assert min(calls.functions.values()) == 51
    assert calls.unknown == 51
    assert Calls.from_functions({"a:a": 1}).unknown == 0


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": "perfbudget-calls/9", "profiles": []}', '{"schema": "perfbudget-calls/1", "profiles": [1]}', '{"schema": "perfbudget-calls/1", "profiles": [{"test": "a", "python": "p", "calls": {"f": "x"}}]}'])  # fmt: skip
def test_a_file_that_cannot_be_understood_explains_nothing_and_harms_nothing(baseline: Path, content: str) -> None:
    calls_file(baseline).write_text(content, "utf-8")
    assert read_calls(baseline, KEY, "CPython 3.11") is None
