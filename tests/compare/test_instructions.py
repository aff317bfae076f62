"""Bytecode instructions are compared where a setting or a limit asks for them, also on another machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from baselines import edit_baseline, machine_key
from programs import FEW_RUNS, SEQUENTIAL, shop
from repositories import Repository
from scripting import TWO_WORKERS, Project, regression_verdicts, times

LOOP = "for number in range({}):\n    total = number\nadvance(1)"
COUNTED = f"{FEW_RUNS}count_instructions = true\n"

TESTS = """
def add_up(numbers):
    total = 0
    for number in range(numbers):
        total += number
    return total

@pytest.mark.perf_budget{limits}
def test_sum():
    add_up({numbers})
    advance(0.1)
"""
FURTHER_WAYS = [
    pytest.param(arguments, marks=pytest.mark.slow, id=name)
    for name, arguments in {"n0": ("-p", "xdist.plugin", "-n", "0"), "n2": TWO_WORKERS}.items()
]
FILE = "perf-baseline.instructions.json"
_BASELINE: dict[str, str] = {}
"""The files of the baseline, which is made once: on the scripted clock it is always the same."""


def program(numbers: int, limits: str = "") -> str:
    return TESTS.format(numbers=numbers, limits=limits)


@pytest.fixture
def counted(lean: Project) -> Project:
    """A project with a baseline that has instructions, made on another machine: its times are foreign."""
    lean.file("pyproject.toml", COUNTED)
    if not _BASELINE:
        lean.run(program(1_000), "--perf-update-baseline")
        edit_baseline(lean, machine_key(lean), "elsewhere")
        for name in ("perf-baseline.json", FILE):
            _BASELINE[name] = (lean.pytester.path / name).read_text("utf-8")
    for name, text in _BASELINE.items():
        lean.file(name, text)
    return lean


class TestBaseline:
    """The comparison with the baseline of another machine."""

    @pytest.mark.parametrize("arguments", [pytest.param((), id="plain"), *FURTHER_WAYS])
    def test_a_longer_loop_that_calls_nothing_fails_where_times_are_foreign(
        self, counted: Project, arguments: tuple[str, ...]
    ) -> None:
        result = counted.run(program(2_000), *arguments)
        result.assert_outcomes(failed=1)
        assert regression_verdicts(counted)["test_sum instructions"] == "regressed"
        assert regression_verdicts(counted)["test_sum calls"] == "unchanged"
        assert times(counted) == {"test_sum": "foreign"}
        result.stdout.fnmatch_lines(
            [
                "99 % more bytecode instructions than the baseline",
                "  1?,0??, baseline ?,0?? (*); the best count here and in fresh processes",
                "  More instructions, without those of the functions that each calls:",
                "    test_it:add_up +?,000 of +?,000 instructions: line 7 runs 2,000 times instead of 1,000, line 6 runs 2,001 times*",
            ]
        )

    def test_the_same_loop_is_unchanged(self, counted: Project) -> None:
        counted.run(program(1_000)).assert_outcomes(passed=1)
        assert regression_verdicts(counted)["test_sum instructions"] == "unchanged"

    def test_the_instructions_of_another_version_of_python_are_foreign(self, counted: Project) -> None:
        edit_baseline(counted, '"python": "CPython ', '"python": "CPython 0')
        result = counted.run(program(2_000))
        result.assert_outcomes(passed=1)
        assert regression_verdicts(counted)["test_sum instructions"] == "foreign"
        result.stdout.fnmatch_lines(
            ["*foreign: *test_sum: the baseline's bytecode instructions are of CPython 0*, and this is CPython 3.*"]
        )
        counted.run(program(2_000), "--perf-strict").assert_outcomes(failed=1)

    def test_nothing_counts_them_where_nothing_asks(self, counted: Project) -> None:
        counted.run(program(2_000), pyproject=FEW_RUNS).assert_outcomes(passed=1)
        assert "test_sum instructions" not in regression_verdicts(counted)

    @pytest.mark.slow
    def test_a_baseline_without_them_says_so(self, lean: Project) -> None:
        lean.run(program(1_000), "--perf-update-baseline", pyproject=FEW_RUNS)
        assert not (lean.pytester.path / FILE).exists()
        result = lean.run(program(1_000), pyproject=COUNTED)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            ["*its bytecode instructions are not compared: the baseline has no number of them*"]
        )

    @pytest.mark.slow
    def test_a_limit_has_them_compared_as_well(self, lean: Project) -> None:
        limited = "(max_instructions=100_000)"
        lean.run(program(1_000, limited), "--perf-update-baseline", pyproject=FEW_RUNS)
        lean.run(program(2_000, limited)).assert_outcomes(failed=1)
        assert regression_verdicts(lean)["test_sum instructions"] == "regressed"

    @pytest.mark.slow
    def test_code_whose_number_is_random_is_not_called_grown(self, lean: Project) -> None:
        random = program(1_000).replace("add_up(1000)", "add_up(__import__('random').choice([1000, 1050]))")
        lean.run(random, "--perf-update-baseline", pyproject=COUNTED)
        for _ in range(3):
            lean.run(random).assert_outcomes(passed=1)


@pytest.mark.usefixtures("brief")
class TestCommit:
    """The comparison with another commit."""

    @pytest.fixture
    def longer(self, repository: Repository) -> Callable[[int], Repository]:
        def make(numbers: int) -> Repository:
            repository.commit({"shop.py": shop(work=LOOP.format(1_000))}, tests="import shop\n" + SHOP_TESTS)
            repository.file("pyproject.toml", "[tool.perfbudget]\ncount_instructions = true\n")
            repository.file("shop.py", shop(work=LOOP.format(numbers)))
            return repository

        return make

    def test_a_longer_loop_fails_and_is_named(self, longer: Callable[[int], Repository]) -> None:
        head = longer(2_000)
        result = head.against_base(subprocess=True)
        result.assert_outcomes(failed=1)
        assert regression_verdicts(head)["test_body instructions"] == "regressed"
        assert times(head) == {"test_body": "unchanged"}
        result.stdout.fnmatch_lines(
            [
                "* more bytecode instructions than HEAD",
                "    shop:work +?,000 of +?,000 instructions: line * runs 2,00? times instead of 1,00?*",
            ]
        )

    def test_a_loop_of_the_same_length_passes(self, longer: Callable[[int], Repository]) -> None:
        head = longer(1_000)
        head.against_base(subprocess=True).assert_outcomes(passed=1)
        assert regression_verdicts(head)["test_body instructions"] == "unchanged"

    @pytest.mark.parametrize("policy", ["base", "head"])
    def test_a_pull_request_that_stops_counting_is_compared_by_the_policy_of_the_base(
        self, longer: Callable[[int], Repository], policy: str
    ) -> None:
        head = longer(1_000)
        head.commit()
        head.file("shop.py", shop(work=LOOP.format(2_000)))
        head.file("pyproject.toml", "[tool.perfbudget]\n")
        result = head.against_base(f"--perf-policy={policy}", subprocess=True)
        is_held = policy == "base"
        result.assert_outcomes(failed=is_held, passed=not is_held)
        assert (regression_verdicts(head).get("test_body instructions") == "regressed") is is_held
        effect = "the base's value holds" if is_held else "accepted"
        result.stdout.fnmatch_lines([f"*count_instructions = true -> false: {effect}*"])

    @pytest.mark.slow
    def test_processes_one_after_the_other_do_not_count_for_the_base_so_the_session_fails(
        self, longer: Callable[[int], Repository]
    ) -> None:
        head = longer(1_000)
        head.file("pyproject.toml", f"{COUNTED}{SEQUENTIAL}")
        head.commit()
        assert head.against_base("--perf-policy=base", pyproject=f"{COUNTED}{SEQUENTIAL}# one\n").ret == 0
        result = head.against_base("--perf-policy=base", pyproject=SEQUENTIAL)
        assert result.ret == 1
        result.stdout.fnmatch_lines(["*count_instructions = true -> false: the session fails, because processes*"])


SHOP_TESTS = """
@pytest.mark.perf_budget
def test_body():
    shop.work()
"""
