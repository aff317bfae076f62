"""The baseline's file of instructions by function and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.baseline.instruction_profiles import (
    MOST_BYTES,
    _functions,
    _row,
    change_instructions,
    check_instructions,
    instructions_file,
    read_instructions,
)
from pytest_perfbudget.baseline.schema import Key
from pytest_perfbudget.core.instructions import FunctionInstructions, LineRuns
from pytest_perfbudget.errors import BaselineError

KEY = Key("tests/test_a.py::t", "parse", "m")
PYTHON = "CPython 3.11"
PLACE = (KEY.test, KEY.name, PYTHON)
UNIQUE = FunctionInstructions("words:unique", 900, (LineRuns(6, "3a1f0", 101, 400), LineRuns(7, "9c2d7", 100, 500)))


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    return tmp_path / "perf-baseline.json"


def test_functions_stand_in_a_file_beside_the_baseline_with_the_runs_of_their_lines(baseline: Path) -> None:
    change_instructions(baseline, {PLACE: [UNIQUE]}, ())
    assert instructions_file(baseline).name == "perf-baseline.instructions.json"
    assert '"words:unique": [900, "3a1f0:101 9c2d7:100"]' in instructions_file(baseline).read_text("utf-8")
    found = read_instructions(baseline, KEY, PYTHON)
    assert found is not None
    (one,) = found.functions
    assert (one.function, one.count, found.unknown) == ("words:unique", 900, 0)
    assert [(line.digest, line.runs) for line in one.lines] == [("3a1f0", 101), ("9c2d7", 100)]
    assert read_instructions(baseline, KEY, "CPython 3.12") is None


def test_a_change_keeps_the_others_and_removes_what_is_gone_or_counted_no_more(baseline: Path) -> None:
    other = ("b", "", PYTHON)
    change_instructions(baseline, {PLACE: [UNIQUE], other: [UNIQUE]}, ())
    change_instructions(baseline, {}, [(KEY.test, KEY.name)])
    assert read_instructions(baseline, KEY, PYTHON) is None
    assert read_instructions(baseline, Key("b", "", "m"), PYTHON) is not None
    change_instructions(baseline, {other: []}, ())
    assert read_instructions(baseline, Key("b", "", "m"), PYTHON) is None


def test_without_instructions_there_is_no_file(baseline: Path) -> None:
    change_instructions(baseline, {PLACE: []}, ())
    assert not instructions_file(baseline).exists()


LINES = st.builds(
    LineRuns, st.integers(1, 999), st.from_regex(r"[0-9a-f]{5}", fullmatch=True), st.integers(1), st.just(0)
)
FUNCTIONS = st.builds(
    FunctionInstructions,
    st.text("abcdef.:_é", min_size=1, max_size=80),
    st.integers(1, 10**7),
    st.lists(LINES, max_size=30),
)


@given(st.lists(FUNCTIONS, max_size=40, unique_by=lambda one: one.function))
def test_a_profile_takes_at_most_a_kilobyte_and_keeps_the_functions_with_the_most(
    functions: list[FunctionInstructions],
) -> None:
    row = json.loads(json.dumps(_row(functions)))
    assert len(json.dumps(row.get("functions", {}), ensure_ascii=False).encode()) <= MOST_BYTES
    found = _functions(row or {"functions": {}})
    counts = sorted((one.count for one in functions), reverse=True)
    assert [one.count for one in found.functions] == counts[: len(found.functions)]
    assert found.unknown == (counts[len(found.functions)] if len(found.functions) < len(counts) else 0)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": "perfbudget-instructions/9", "profiles": []}', '{"schema": "perfbudget-instructions/1", "profiles": [1]}'])  # fmt: skip
def test_a_file_that_cannot_be_understood_explains_nothing_and_is_not_overwritten(baseline: Path, content: str) -> None:
    instructions_file(baseline).write_text(content, "utf-8")
    assert read_instructions(baseline, KEY, PYTHON) is None
    with pytest.raises(BaselineError, match=r"perf-baseline.instructions.json: cannot be understood: restore it"):
        check_instructions(baseline)
    assert instructions_file(baseline).read_text("utf-8") == content


@pytest.mark.parametrize("functions", [{"f": "x"}, {"f": []}, {"f": [1, "abc"]}, [1]])
def test_a_profile_that_cannot_be_understood_explains_nothing(baseline: Path, functions: object) -> None:
    row = {"test": KEY.test, "name": KEY.name, "python": PYTHON, "functions": functions}
    document = {"schema": "perfbudget-instructions/1", "profiles": [row]}
    instructions_file(baseline).write_text(json.dumps(document), "utf-8")
    assert read_instructions(baseline, KEY, PYTHON) is None
