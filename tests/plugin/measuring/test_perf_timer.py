"""perf.timer: blocks of a test, a round each."""

from __future__ import annotations

from scripting import Project


def test_a_timer_takes_a_round_per_block(project: Project) -> None:
    result = project.run("""
def test_loop(perf):
    for _ in range(59):
        with perf.timer("render", p95_ms=50, cpu_p95_ms=5):
            advance(ms=10, cpu_ms=1)

def test_once(perf):
    with perf.timer("render", p95_ms=50):
        advance(ms=10)

def test_slow(perf):
    for _ in range(2):
        with perf.timer("render", p95_ms=50):
            advance(ms=60)
""")
    result.assert_outcomes(passed=2, failed=1)
    assert project.verdicts() == {
        "test_loop render p95": "within",
        "test_loop render cpu_p95": "within",
        "test_once render p95": "undecided",
        "test_slow render p95": "exceeded",
    }
    result.stdout.fnmatch_lines(["undecided: test_it.py::test_once render: p95 needs 59 rounds, had 1: loop the timer"])


def test_a_block_that_raises_is_no_round_and_collection_comes_back(project: Project) -> None:
    project.run("""
import gc
def test_it(perf):
    for number in range(70):
        try:
            with perf.timer("render", p95_ms=50):
                assert not gc.isenabled()
                advance(ms=500 if number % 2 else 1)
                if number % 2:
                    raise KeyError
        except KeyError:
            assert gc.isenabled()
    assert gc.isenabled()
""").assert_outcomes(passed=1)
    (one,) = project.report["measurements"]
    assert (one["rounds"], one["statistics"]["max"]) == (35, 1e6)


def test_a_budget_of_a_class_that_a_timer_cannot_measure_is_unmeasured(project: Project) -> None:
    project.run("""
@pytest.mark.perf_budget(peak_mb=5, p95_ms=50)
class TestIt:
    def test_it(self, perf):
        for _ in range(59):
            with perf.timer("render"): pass
""").assert_outcomes(passed=1)
    assert project.verdicts() == {
        "TestIt::test_it render peak": "unmeasured",
        "TestIt::test_it render p95": "within",
    }


def test_a_general_limit_that_a_timer_cannot_hold_is_left_out_with_a_note(project: Project) -> None:
    result = project.run(
        """
def test_it(perf):
    for _ in range(59):
        with perf.timer("render", p95_ms=50): pass

@pytest.mark.perf_budget(p95_ms=50)
def test_benchmark(benchmark): benchmark.pedantic(advance, args=(1,), rounds=59)
""",
        "--perf-strict",
        pyproject='[tool.perfbudget.components.shop]\nmatch = ["test_it.py"]\npeak_mb = 500\n',
    )
    result.assert_outcomes(passed=2)
    assert project.verdicts() == {"test_it render p95": "within", "test_benchmark p95": "within"}
    result.stdout.fnmatch_lines(
        [
            'note: *::test_it render: peak_mb of pyproject.toml [[]tool.perfbudget.components."shop"] is left out: a *',
            "note: *::test_benchmark: peak_mb of * is left out: pytest-benchmark records wall-clock time only*",
        ]
    )


def test_limits_of_a_timer_hold_together(project: Project) -> None:
    project.run("""
def test_it(perf):
    for _ in range(60):
        with perf.timer("parse", p95_ms=50): advance(ms=60)
    with perf.timer("parse", cpu_p95_s=5): advance(ms=60)
""").assert_outcomes(failed=1)
    assert project.verdicts()["test_it parse p95"] == "exceeded"


def test_a_timer_that_is_never_left_does_not_keep_collection_off(project: Project) -> None:
    project.run("""
import gc

def test_it(perf):
    perf.timer("open").__enter__()
    assert not gc.isenabled()

def test_after(): assert gc.isenabled()
""").assert_outcomes(passed=2)
