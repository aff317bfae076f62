"""The command line."""

from __future__ import annotations

import pytest
from scripting import Project


def counting(calls: str) -> str:
    """Return tests, of which the last says how often the others have called what they measure."""
    return f"""
calls = []

def test_plain(): pass

@pytest.mark.perf_budget(p95_ms=50)
def test_slow():
    calls.append(1)
    advance(ms=60)

def test_perf(perf):
    assert perf(lambda: calls.append(1) or 7, p95_ms=50) == 7
    with perf.timer("block", p95_ms=50): pass
    assert perf.ratio(len, len, max_ratio=3) if False else True

def test_after(): assert len(calls) {calls}
"""


def test_perf_only_and_perf_skip_select_perf_tests_or_all_others(each_way: Project) -> None:
    # Controllers of xdist do not learn what their workers deselect.
    left_out = 0 if "2" in each_way.arguments else 2
    only = each_way.run(counting("== 0"), "--perf-only")
    only.assert_outcomes(failed=1, passed=1, deselected=left_out)
    others = each_way.run(counting("== 0"), "--perf-skip")
    others.assert_outcomes(passed=2, deselected=left_out)


def test_perf_only_without_perf_tests_is_pytests_exit_code_5(project: Project) -> None:
    assert project.run("def test_plain(): pass", "--perf-only").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_gate_warn_reports_and_fails_nothing(each_way: Project) -> None:
    result = each_way.run(counting(">= 0"), "--perf-gate=warn")
    result.assert_outcomes(passed=4)
    assert each_way.verdicts()["test_slow p95"] == "exceeded"
    result.stdout.fnmatch_lines(
        [
            "*: p95 60* ms exceeds its budget of 50 ms (120%)",
            "  limit p95_ms=50 from perf_budget marker in test_it.py:*",
            "*1 exceeded*(nothing fails: --perf-gate=warn)",
        ]
    )


def test_gate_off_runs_each_body_once(project: Project) -> None:
    result = project.run(counting("== 2"), "--perf-gate=off")
    result.assert_outcomes(passed=4)
    assert project.report["measurements"] == []
    result.stdout.fnmatch_lines(["performance budgets: off, 2 perf tests ran once, untimed"])


def test_gate_off_with_coroutines_ratios_and_benchmarks(project: Project) -> None:
    project.run(
        """
calls = []
def count(): calls.append(1)

@pytest.mark.asyncio
async def test_it(perf):
    async def work(): count()
    await perf.aio(work, p95_ms=5)
    assert perf.ratio(count, count, max_ratio=0.1) == 1.0

@pytest.mark.perf_budget(p95_ms=50)
def test_benchmark(benchmark): benchmark.pedantic(count, rounds=3)

def test_after(): assert len(calls) == 4
""",
        "--perf-gate=off",
    ).assert_outcomes(passed=3)


@pytest.mark.parametrize("way", ["option", "table"])
def test_strict_turns_what_was_not_judged_red(project: Project, way: str) -> None:
    tests = """
def test_undecided(perf):
    with perf.timer("block", p95_ms=50): pass

@pytest.mark.perf_budget(p95_ms=50, unmeasured="warn")
def test_unmeasured(perf): pass

@pytest.mark.perf_budget(p95_ms=50)
def test_within(): advance(ms=1)
"""
    project.run(tests).assert_outcomes(passed=3)
    arguments = ["--perf-strict"] if way == "option" else []
    table = "[tool.perfbudget]\nstrict = true\n" if way == "table" else "[tool.perfbudget]\n"
    result = project.run(tests, *arguments, pyproject=table)
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "block: undecided: p95 needs 59 rounds, had 1: loop the timer",
            "  p95 0 ns, budget 50 ms (0%)",
            "unmeasured: p95: the test asks for the perf fixture but never called it",
            "  its budget is 50 ms",
            "For this test and 1 above: A budget that is not judged fails because of --perf-strict (or strict = true).",
        ]
    )


def test_strict_and_off_contradict_each_other(project: Project) -> None:
    result = project.run(counting(">= 0"), "--perf-strict", "--perf-gate=off")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --perf-gate=off fails nothing, which --perf-strict forbids: drop one*"])


def test_off_on_the_command_line_is_stronger_than_strict_in_the_table(project: Project) -> None:
    table = "[tool.perfbudget]\nstrict = true\n"
    project.run(counting("== 2"), "--perf-gate=off", pyproject=table).assert_outcomes(passed=4)


def test_max_time_overrides_marker_and_table(project: Project) -> None:
    tests = """
import itertools
MS = itertools.cycle([9, 11])

@pytest.mark.perf_budget(median_ms=10, max_time="2s")
def test_it(): advance(ms=next(MS))
"""
    table = '[tool.perfbudget]\nmax_time = "4s"\n'
    rounds = []
    for arguments in ([], ["--perf-max-time=500ms"]):
        project.run(tests, *arguments, pyproject=table)
        rounds.append(project.report["measurements"][0]["rounds"])
    assert 100 < rounds[0] <= 200
    assert 30 < rounds[1] <= 50


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "--perf-output=report.xml",
            "*the suffix or FORMAT: picks the format, one of json, md, csv, rounds, prom, *: found 'report.xml'",
        ),
        ("--perf-output=codequalty:out.json", "*one of json, md, *codequality, *: found 'codequalty:out.json'"),
        ("--perf-gate=maybe", "*--perf-gate: invalid choice: 'maybe'*"),
        (
            "--perf-max-time=2",
            "*--perf-max-time: expected a duration above zero in s, ms, us or ns, such as '1s' or '250ms', found '2'",
        ),
    ],
)
def test_a_wrong_option_is_a_usage_error(each_way: Project, argument: str, message: str) -> None:
    result = each_way.run(counting(">= 0"), argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
