"""A budget on bytecode instructions, from marker to failure text."""

from __future__ import annotations

from scripting import TWO_WORKERS, Project

TESTS = """
def words(number):
    found = []
    for word in range(number):
        found = found + [word]
    return found

@pytest.mark.perf_budget(max_instructions={limit})
def test_words():
    words(1_000)
    advance(0.1)
"""


def test_a_budget_that_is_exceeded_names_the_line_that_runs_most(lean: Project) -> None:
    result = lean.run(TESTS.format(limit=2_000))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "instructions *,??? exceeds its budget of 2,000 (*x)",
            "  as observed; 10 untimed passes",
            "  limit max_instructions=2000 from perf_budget marker in test_it.py:*",
            "  Where the instructions go, in one execution, without the functions that each calls:",
            "    100%  test_it:words, line 7 runs 1,000 times",
        ]
    )
    assert lean.verdicts()["test_words instructions"] == "exceeded"


def test_a_budget_that_holds_is_within_with_the_same_number_each_time(lean: Project) -> None:
    numbers = set()
    for arguments in ((), TWO_WORKERS):
        lean.run(TESTS.format(limit=20_000), *arguments).assert_outcomes(passed=1)
        assert lean.verdicts()["test_words instructions"] == "within"
        (one,) = lean.report["measurements"]
        numbers.add(one["statistics"]["instructions"])
    assert len(numbers) == 1


def test_a_timer_has_no_instructions(lean: Project) -> None:
    tests = """
def test_timer(perf):
    with perf.timer("loop", max_instructions=10):
        advance(0.1)
"""
    result = lean.run(tests)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*max_instructions is never judged here: a timer's block cannot be run again for it*"])
