"""Which functions have more instructions, and which of their lines run more often."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.instruction_growth import grown_instructions
from pytest_perfbudget.core.instructions import (
    ExecutedFunctions,
    FunctionInstructions,
    InstructionGrowth,
    LineGrowth,
    LineRuns,
    costliest,
    total_of,
)


def function(name: str, *lines: tuple[str, int], first: int = 1) -> FunctionInstructions:
    """Return a function whose lines have a text and a number of runs, each run with ten instructions."""
    found = tuple(LineRuns(first + at, text, runs, 10 * runs) for at, (text, runs) in enumerate(lines))
    return FunctionInstructions(name, 10 * sum(runs for _, runs in lines), found)


def grown(before: list[FunctionInstructions], after: list[FunctionInstructions], *own: str) -> list[InstructionGrowth]:
    return grown_instructions(ExecutedFunctions(before), after, own)


LOOP = function("words:unique", ("found = []", 1), ("for word in words:", 101), ("found.append(word)", 100))


def test_the_lines_that_run_more_often_are_named() -> None:
    longer = function("words:unique", ("found = []", 1), ("for word in words:", 201), ("found.append(word)", 200))
    (found,) = grown([LOOP], [longer])
    assert (found.function, found.before, found.after, found.of) == ("words:unique", 2_020, 4_020, 2_000)
    assert found.lines == [LineGrowth(2, 101, 201), LineGrowth(3, 100, 200)]


def test_nothing_is_named_where_nothing_grew() -> None:
    assert grown([LOOP], [LOOP]) == []


def test_a_line_is_the_same_line_at_another_place() -> None:
    moved = function(
        "words:unique", ("check(words)", 1), ("found = []", 1), ("for word in words:", 201), ("found.append(word)", 100)
    )
    (found,) = grown([LOOP], [moved])
    assert found.lines == [LineGrowth(3, 101, 201), LineGrowth(1, None, 1)]


def test_a_changed_line_in_the_place_of_another_is_this_line() -> None:
    changed = function("words:unique", ("found = []", 1), ("for word in words * 2:", 201), ("found.append(word)", 200))
    (found,) = grown([LOOP], [changed])
    assert found.lines[0] == LineGrowth(2, 101, 201)


def test_a_new_function_has_no_instructions_before_if_all_functions_are_known() -> None:
    new = function("words:check", ("return True", 50))
    (found,) = grown([LOOP], [LOOP, new])
    assert (found.function, found.before) == ("words:check", 0)
    (found,) = grown_instructions(ExecutedFunctions([LOOP], unknown=100), [LOOP, new])
    assert (found.function, found.before) == ("words:check", None)
    assert grown_instructions(ExecutedFunctions([LOOP], unknown=500), [LOOP, new]) == []


def test_a_function_that_moved_to_another_module_is_not_new() -> None:
    moved = function("texts:unique", *((line.digest, line.runs) for line in LOOP.lines))
    assert grown([LOOP], [moved]) == []


def test_the_projects_own_functions_come_before_those_that_they_call() -> None:
    before = [function("shop:total", ("sum(prices)", 1)), function("decimal:add", ("add", 100))]
    after = [function("decimal:add", ("add", 1_000)), function("shop:total", ("sum(prices)", 40))]
    assert [one.function for one in grown(before, after, "shop")] == ["shop:total", "decimal:add"]
    assert [one.function for one in grown(before, after)] == ["decimal:add"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 1_000)), max_size=12), st.integers(2, 9))
def test_of_any_function_that_runs_more_often_no_line_is_new_and_none_runs_less_often(
    lines: list[tuple[str, int]], factor: int
) -> None:
    before = function("m:f", *lines)
    after = function("m:f", *((text, runs * factor) for text, runs in lines), first=7)
    for one in grown([before], [after]):
        assert all(line.before is not None and line.after == line.before * factor for line in one.lines)
        assert one.of == total_of([after]) - total_of([before])


def test_the_costliest_functions_have_their_busiest_line() -> None:
    (row,) = costliest([LOOP, function("words:rare", ("x", 1))], 2_030)
    assert (row.function, row.line, row.runs) == ("words:unique", 2, 101)


def test_a_growth_survives_json() -> None:
    one = InstructionGrowth("words:unique", None, 12, 9, (LineGrowth(7, None, 3),))
    assert InstructionGrowth.from_dict(one.to_dict()) == one
