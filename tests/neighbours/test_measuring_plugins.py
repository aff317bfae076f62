"""Plugins that time, trace or multiply tests: their tests are executed as without this plugin, and are not measured."""

from __future__ import annotations

import pytest
from repositories import Repository
from scripting import TWO_WORKERS, Neighbour, Project

CALLS = """
import pathlib
def call(): pathlib.Path("calls").open("a").write("x")
"""


def calls(project: Project) -> int:
    return len((project.pytester.path / "calls").read_text("utf-8"))


@pytest.mark.parametrize("arguments", [(), ("--memray",)], ids=["without --memray", "with --memray"])
@pytest.mark.parametrize("marker", ["limit_memory('1 MB')", "limit_leaks('1 MB')"])
def test_a_limit_of_memray_holds_for_one_execution(
    lean: Project, with_neighbour: Neighbour, marker: str, arguments: tuple[str, ...]
) -> None:
    with_neighbour("pytest_memray")
    tests = f"{CALLS}\n@pytest.mark.{marker}\n@pytest.mark.perf_budget(p95_ms=5)\ndef test_it(): call()\n"
    result = lean.run(tests, "-p", "pytest_memray.plugin", *arguments, subprocess=True)
    result.assert_outcomes(passed=1)
    assert lean.verdicts() == {"test_it p95": "unmeasured"}
    assert calls(lean) == 1
    result.stdout.fnmatch_lines(["unmeasured: *pytest-memray checks its limit_*: budget another test"])


@pytest.mark.parametrize(
    ("arguments", "verdict"), [((), "within"), (("--memray",), "unmeasured")], ids=["quiet", "with --memray"]
)
def test_memray_slows_all_tests_so_none_is_judged(
    lean: Project, with_neighbour: Neighbour, arguments: tuple[str, ...], verdict: str
) -> None:
    with_neighbour("pytest_memray")
    tests = "@pytest.mark.perf_budget(p95_ms=5)\ndef test_it(): advance(1)\n"
    lean.run(tests, "-p", "pytest_memray.plugin", *arguments, subprocess=True).assert_outcomes(passed=1)
    assert lean.verdicts() == {"test_it p95": verdict}


@pytest.mark.parametrize(
    ("marker", "arguments", "executions"),
    [
        ("", ("--parallel-threads=2",), 2),
        ("force_parallel_threads(2)", (), 2),
        ("iterations(3)", (), 3),
        ("", ("--iterations=3",), 3),
    ],
)
def test_a_test_in_threads_or_iterations_is_executed_as_asked_and_not_measured(
    lean: Project, with_neighbour: Neighbour, marker: str, arguments: tuple[str, ...], executions: int
) -> None:
    with_neighbour("pytest_run_parallel")
    mark = f"@pytest.mark.{marker}\n" if marker else ""
    tests = f"{CALLS}\n{mark}@pytest.mark.perf_budget(p95_ms=5)\ndef test_it(): call()\n"
    result = lean.run(tests, "-p", "pytest_run_parallel.plugin", *arguments, subprocess=True)
    result.assert_outcomes(passed=1)
    assert lean.verdicts() == {"test_it p95": "unmeasured"}
    assert calls(lean) == executions
    result.stdout.fnmatch_lines(["unmeasured: *pytest-run-parallel * this test*"])


@pytest.mark.parametrize("marker", ["thread_unsafe", "parallel_threads(1)", "parallel_threads_limit(1)"])
def test_a_test_in_one_thread_is_measured(lean: Project, with_neighbour: Neighbour, marker: str) -> None:
    with_neighbour("pytest_run_parallel")
    tests = f"@pytest.mark.{marker}\n@pytest.mark.perf_budget(p95_ms=5)\ndef test_it(): advance(1)\n"
    arguments = ("-p", "pytest_run_parallel.plugin", "--parallel-threads=2")
    lean.run(tests, *arguments, subprocess=True).assert_outcomes(passed=1)
    assert lean.verdicts() == {"test_it p95": "within"}


def test_perf_only_calls_its_function_in_threads(lean: Project, with_neighbour: Neighbour) -> None:
    with_neighbour("pytest_run_parallel")
    tests = f"{CALLS}\ndef test_it(perf): perf(call)\n"
    arguments = ("-p", "pytest_run_parallel.plugin", "--parallel-threads=2")
    lean.run(tests, *arguments, subprocess=True).assert_outcomes(passed=1)
    assert calls(lean) == 2


@pytest.mark.parametrize(("ms", "verdict"), [(1, "within"), (10, "exceeded")])
def test_a_test_that_run_parallel_finds_unsafe_later_is_measured(
    lean: Project, with_neighbour: Neighbour, ms: float, verdict: str
) -> None:
    """After the collection, run-parallel takes tests with some fixtures out of its threads."""
    with_neighbour("pytest_run_parallel")
    tests = f"@pytest.mark.perf_budget(p95_ms=5)\ndef test_it(capsys): advance({ms})\n"
    result = lean.run(tests, "-p", "pytest_run_parallel.plugin", "--parallel-threads=2", subprocess=True)
    result.assert_outcomes(passed=int(verdict == "within"), failed=int(verdict == "exceeded"))
    assert lean.verdicts() == {"test_it p95": verdict}


@pytest.mark.parametrize("mark", ["", "@pytest.mark.limit_memory('1 GB')\n"], ids=["--memray", "limit_memory"])
def test_a_test_that_another_plugin_measures_fails_against_a_commit(
    repository: Repository, with_neighbour: Neighbour, mark: str
) -> None:
    """Nothing was compared, so nothing is green."""
    with_neighbour("pytest_memray")
    repository.commit(tests=f"import shop\n{mark}@pytest.mark.perf_budget(p95_ms=5)\ndef test_it(): shop.work()\n")
    result = repository.against_base("-p", "pytest_memray.plugin", *(() if mark else ("--memray",)), subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["unmeasured: pytest-memray *", "nothing compared: *"])


CODSPEED = ("-p", "pytest_benchmark.plugin", "-p", "pytest_codspeed.plugin")
CODSPEED_TESTS = f"""
{CALLS}
@pytest.mark.benchmark(min_time=1e-6)
@pytest.mark.perf_budget(p95_ms=5)
def test_body(): call()

def test_call(perf, codspeed_benchmark):
    perf(advance, 1)
    codspeed_benchmark(lambda: None)
"""


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "2")], ids=["plain", "n2"])
def test_codspeed_measures_alone(lean: Project, with_neighbour: Neighbour, workers: tuple[str, ...]) -> None:
    """CodSpeed executes a body as often as its own options say, and no repetition of ours is in its time."""
    with_neighbour("pytest_codspeed")
    options = ("--codspeed", "--codspeed-warmup-time=0", "--codspeed-max-rounds=2", "--codspeed-max-time=0.001")
    result = lean.run(CODSPEED_TESTS, *CODSPEED, *options, *workers, subprocess=True)
    result.assert_outcomes(passed=2)
    assert lean.report["measurements"] == []
    assert calls(lean) < 59  # fewer executions than p95 needs
    result.stdout.fnmatch_lines(
        ["performance budgets: off, because pytest-codspeed measures this session: 2 perf tests untimed"]
    )


def test_without_codspeed_the_body_is_measured(lean: Project, with_neighbour: Neighbour) -> None:
    with_neighbour("pytest_codspeed")
    result = lean.run(CODSPEED_TESTS, *CODSPEED, subprocess=True)
    result.assert_outcomes(passed=2)
    assert lean.verdicts() == {"test_body p95": "within"}
    assert calls(lean) >= 59
    result.stdout.fnmatch_lines(["unmeasured: *test_call*: pytest-codspeed measures this test: ask for benchmark *"])


@pytest.mark.parametrize("option", ["--perf-strict", "--perf-update-baseline", "--perf-against=HEAD"])
def test_codspeed_and_an_option_that_measures_contradict_each_other(
    lean: Project, with_neighbour: Neighbour, option: str
) -> None:
    with_neighbour("pytest_codspeed")
    result = lean.run(CODSPEED_TESTS, *CODSPEED, "--codspeed", option, subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    name = option.partition("=")[0]
    result.stderr.fnmatch_lines([f"ERROR: {name} measures, and so does pytest-codspeed, *a session of its own"])


CODSPEED_STYLE = f"""
{CALLS}
@pytest.mark.benchmark(max_rounds=20)
def test_body(): call()

@pytest.mark.codspeed_benchmark
def test_other(): advance(1)

def test_fixture(benchmark): benchmark(lambda: None)
"""


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "0"), TWO_WORKERS], ids=["plain", "n0", "n2"])
def test_the_bodies_of_codspeeds_tests_are_measured_if_asked(
    lean: Project, with_neighbour: Neighbour, workers: tuple[str, ...]
) -> None:
    with_neighbour("pytest_codspeed")
    pyproject = "[tool.perfbudget]\ncodspeed = true\np50_ms = 5\n"
    result = lean.run(CODSPEED_STYLE, *CODSPEED, *workers, pyproject=pyproject, subprocess=True)
    result.assert_outcomes(passed=3)
    assert lean.verdicts() == {"test_body median": "within", "test_other median": "within"}
    assert calls(lean) > 20


def test_codspeeds_tests_are_left_to_codspeed_with_its_option(lean: Project, with_neighbour: Neighbour) -> None:
    with_neighbour("pytest_codspeed")
    options = ("--codspeed", "--codspeed-warmup-time=0", "--codspeed-max-rounds=2", "--codspeed-max-time=0.01")
    pyproject = "[tool.perfbudget]\ncodspeed = true\n"
    plugin = ("-p", "pytest_codspeed.plugin")  # it would not let pytest-benchmark load by itself
    lean.run(CODSPEED_STYLE, *plugin, *options, pyproject=pyproject, subprocess=True).assert_outcomes(passed=3)
    assert lean.report["measurements"] == []
