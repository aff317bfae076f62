"""Bytecode instructions are counted, by function and line, and tools that trace the code keep their state."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.gate import judge_counts
from pytest_perfbudget.core.instructions import FunctionInstructions, LineRuns
from pytest_perfbudget.core.recording import Counted
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict
from pytest_perfbudget.measure import probes
from pytest_perfbudget.measure.counting import count_executions
from pytest_perfbudget.measure.instruction_counter import TraceCounter, instruction_counter
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import AsyncSubject, PlainSubject

MONITORING = getattr(sys, "monitoring", None)
with_monitoring = pytest.mark.skipif(MONITORING is None, reason="sys.monitoring exists since Python 3.12")
with_tracing = pytest.mark.skipif(MONITORING is not None, reason="since Python 3.12 sys.monitoring counts")


def count(function: Callable[[], Any]) -> Counted:
    return run_plain(count_executions(PlainSubject(function), {"instructions": lambda _: False}))


def instructions(function: Callable[[], Any]) -> int:
    return count(function).counts["instructions"]


def judge(function: Callable[[], Any], limit: int) -> BudgetResult:
    budgets = parse_budgets({"max_instructions": limit}, "here")
    wanted = {"instructions": lambda number: number > limit}
    (found,) = judge_counts(budgets, run_plain(count_executions(PlainSubject(function), wanted)))
    return found


def add_up(numbers: int) -> int:
    total = 0
    for number in range(numbers):
        total += number
    return total


def named(found: Counted, name: str) -> FunctionInstructions:
    (one,) = [one for one in found.instructions if one.function.replace(":", ".").endswith(f".{name}")]
    return one


class TestCount:
    """What is counted."""

    def test_each_run_of_a_loop_adds_the_same_number(self) -> None:
        ten, twenty, thirty = (instructions(partial(add_up, numbers)) for numbers in (10, 20, 30))
        assert twenty - ten == thirty - twenty > 0

    def test_functions_that_are_called_count_and_those_in_c_do_not(self) -> None:
        numbers = list(range(5_000))
        assert instructions(lambda: add_up(100)) > 300
        assert instructions(lambda: sum(numbers)) < 30

    @pytest.mark.parametrize("warm", [0, 100], ids=["at-once", "specialised"])
    def test_the_number_is_the_same_in_each_execution(self, warm: int) -> None:
        def work() -> object:
            values = sorted(str(number) for number in range(50))
            try:
                add_up(len(values) // 0)
            except ZeroDivisionError:
                values.pop()
            return {value: [int(value) for _ in range(3)] for value in values}

        for _ in range(warm):
            work()
        assert len({instructions(work) for _ in range(3)}) == 1

    def test_the_lines_of_a_function_have_their_runs(self) -> None:
        found = named(count(lambda: add_up(1_000)), "add_up")
        first = add_up.__code__.co_firstlineno
        assert {line.line - first: line.runs for line in found.lines if line.line > first} == {
            1: 1,
            2: 1_001,
            3: 1_000,
            4: 1,
        }
        assert found.count == sum(line.instructions for line in found.lines)

    def test_a_closure_that_is_made_again_is_the_same_function(self) -> None:
        def makes() -> None:
            for _ in range(5):

                def inner() -> None:
                    return None

                inner()

        *_, line = named(count(makes), "inner").lines
        assert line.runs == 5

    def test_threads_that_the_code_starts_count(self) -> None:
        def starts(numbers: int) -> None:
            thread = threading.Thread(target=add_up, args=(numbers,))
            thread.start()
            thread.join()

        assert named(count(lambda: starts(1_000)), "add_up").count > 3_000

    def test_threads_that_run_already_do_not_count(self) -> None:
        wanted, done, end = threading.Event(), threading.Event(), threading.Event()

        def serve() -> None:
            while not end.is_set():
                wanted.wait()
                wanted.clear()
                add_up(1_000)
                done.set()

        thread = threading.Thread(target=serve)
        thread.start()

        def asks() -> None:
            wanted.set()
            done.wait()

        try:
            found = count(asks)
        finally:
            end.set()
            wanted.set()
            thread.join()
        assert not [one for one in found.instructions if one.function.endswith("add_up")]
        assert named(found, "asks").count > 0

    def test_a_coroutine_counts_with_the_functions_that_it_awaits(self) -> None:
        async def inner() -> int:
            await asyncio.sleep(0)
            return add_up(100)

        async def outer() -> Counted:
            return await count_executions(AsyncSubject(inner), {"instructions": lambda _: False})

        found = asyncio.run(outer())
        assert named(found, "add_up").count > 300
        assert not [one for one in found.instructions if one.function.startswith("pytest_perfbudget.")]


class TestBudget:
    """What a limit on instructions says."""

    def test_a_limit_holds_or_is_exceeded_exactly(self) -> None:
        number = instructions(lambda: add_up(100))
        assert judge(lambda: add_up(100), number).verdict is BudgetVerdict.WITHIN
        found = judge(lambda: add_up(100), number - 1)
        assert (found.verdict, found.estimate) == (BudgetVerdict.EXCEEDED, number)

    def test_the_function_and_the_line_that_run_most_are_named(self) -> None:
        row, *_ = judge(lambda: add_up(1_000), 100).instructions
        assert row.function.endswith(":add_up")
        assert row.line - add_up.__code__.co_firstlineno in (2, 3)
        assert row.runs >= 1_000
        assert row.share > 0.9

    def test_counting_stops_where_it_would_take_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        most = 2_000
        monkeypatch.setattr(probes, "MOST_COUNTED", most)
        monkeypatch.setattr("pytest_perfbudget.core.gate.MOST_COUNTED", most)
        calls = []
        found = judge(lambda: calls.append(add_up(10_000)), 1_000)
        assert (found.verdict, found.estimate) == (BudgetVerdict.EXCEEDED, most + 1)
        assert found.reason == "counting stopped at 2,000: the execution has more"
        assert calls == [add_up(10_000)] * 2, "the execution itself goes on"
        assert sys.gettrace() is None

    def test_a_limit_that_could_not_be_counted_is_refused(self) -> None:
        with pytest.raises(Exception, match="max_instructions must be at most 1e\\+07, found 20000000"):
            parse_budgets({"max_instructions": 20_000_000}, "here")


def used_tools() -> list[str | None]:
    return [MONITORING.get_tool(tool) for tool in range(6)] if MONITORING is not None else []


class TestOtherTools:
    """Debuggers, coverage and profilers have their state afterwards."""

    def test_a_call_that_fails_leaves_nothing_behind(self) -> None:
        before = used_tools()
        with pytest.raises(ZeroDivisionError):
            count(lambda: 1 // 0)
        assert (sys.gettrace(), threading.gettrace(), used_tools()) == (None, None, before)

    def test_a_trace_function_is_put_back_and_does_not_change_the_number(self) -> None:
        def trace(*_: object) -> None:
            return None

        number = instructions(lambda: add_up(100))
        sys.settrace(trace)
        threading.settrace(trace)
        try:
            assert instructions(lambda: add_up(100)) == number
            assert sys.gettrace() is trace
            assert threading.gettrace() is trace
        finally:
            sys.settrace(None)
            threading.settrace(None)

    @with_tracing
    def test_code_that_sets_a_trace_function_cannot_be_counted(self) -> None:
        found = count(lambda: sys.settrace(None))
        assert found.problems == {"instructions": "the measured code set a trace function itself"}
        assert judge(lambda: sys.settrace(None), 10).verdict is BudgetVerdict.UNMEASURED

    @with_monitoring
    def test_tools_of_sys_monitoring_keep_their_ids_and_events(self) -> None:
        assert MONITORING is not None
        MONITORING.use_tool_id(4, "another")
        MONITORING.set_events(4, MONITORING.events.CALL)
        try:
            assert instructions(lambda: add_up(100)) > 300
            assert MONITORING.get_tool(4) == "another"
            assert MONITORING.get_events(4) == MONITORING.events.CALL
        finally:
            MONITORING.set_events(4, 0)
            MONITORING.free_tool_id(4)

    @with_monitoring
    def test_without_a_free_tool_nothing_is_counted(self) -> None:
        assert MONITORING is not None
        free = [tool for tool in range(6) if MONITORING.get_tool(tool) is None]
        for tool in free:
            MONITORING.use_tool_id(tool, "another")
        try:
            found = count(lambda: add_up(100))
        finally:
            for tool in free:
                MONITORING.free_tool_id(tool)
        assert "all tools of sys.monitoring are in use" in found.problems["instructions"]

    @pytest.mark.parametrize("core", ["ctrace", "pytrace", pytest.param("sysmon", marks=with_monitoring)])
    def test_coverage_goes_on_and_loses_no_line(self, tmp_path: Path, core: str) -> None:
        file = tmp_path / "covered.py"
        file.write_text("def first():\n    return 1\n\ndef second():\n    return 2\n", "utf-8")
        script = tmp_path / "script.py"
        script.write_text(
            f"""
import coverage, sys
cov = coverage.Coverage(data_file=None, include=[{str(file)!r}])
cov.start()
sys.path.insert(0, {str(tmp_path)!r})
import covered
from pytest_perfbudget.measure.counting import count_executions
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import PlainSubject
covered.first()
found = run_plain(count_executions(PlainSubject(covered.first), {{"instructions": lambda _: False}}))
covered.second()
cov.stop()
print(found.counts["instructions"] > 0, sorted(cov.get_data().lines({str(file)!r})))
""",
            "utf-8",
        )
        result = subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, "COVERAGE_CORE": core},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.strip() == "True [1, 2, 4, 5]"


def test_before_python_3_12_and_later_the_fitting_counter_is_used() -> None:
    assert isinstance(instruction_counter(1), TraceCounter) is (MONITORING is None)


def test_lines_and_functions_survive_json() -> None:
    one = FunctionInstructions("words:unique", 12_000, (LineRuns(7, "3a1f0", 1_000, 4_000),))
    assert FunctionInstructions.from_dict(one.to_dict()) == one
