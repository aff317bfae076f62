"""Two measurements are compared only if they are the same case, the same call and the same name on both sides."""

from __future__ import annotations

import pytest
from programs import FASTER_MS, FEW_RUNS, shop
from repositories import Repository
from scripting import Project, times

pytestmark = pytest.mark.usefixtures("brief")

OTHER_CASE = "*unmeasured: HEAD has other parameters under this id: *"


class TestShiftedCases:
    """A new case in front takes the id of another case."""

    CASES = """
import pytest, shop
from datetime import timedelta
from decimal import Decimal
def closure(n):
    def case(): return n
    return case
def default(n):
    def case(n=n): return n
    return case
@pytest.mark.parametrize("case", [{make}(n) for n in {numbers}])
def test_it(case, perf): perf(shop.work, name="step")
"""

    @pytest.mark.parametrize("make", ["Decimal", "timedelta", "closure", "default"])
    def test_values_that_show_no_attributes_are_not_compared_with_other_values(
        self, repository: Repository, make: str
    ) -> None:
        repository.commit(tests=self.CASES.format(make=make, numbers="(1, 2)"))
        result = repository.against_base(tests=self.CASES.format(make=make, numbers="(3, 1, 2)"))
        found = times(repository)
        assert [found[f"test_it[case{number}] step"] for number in range(3)] == ["unmeasured", "unmeasured", "new"]
        result.stdout.fnmatch_lines([OTHER_CASE])

    def test_the_same_values_are_compared(self, repository: Repository) -> None:
        repository.commit(tests=self.CASES.format(make="closure", numbers="(1, 2)"))
        repository.file("shop.py", shop(FASTER_MS))
        repository.against_base().assert_outcomes(passed=2)
        assert set(times(repository).values()) == {"improved"}


NUMBERED = """
import functools, unittest, pytest, shop
def expanded(test, numbers):
    def made(number):
        @functools.wraps(test)
        def case(self): return test(self, number)
        return case
    return [made(number) for number in numbers]
class TestIt(unittest.TestCase):
    @pytest.mark.perf_budget
    def each(self, number): shop.work(number)
for at, case in enumerate(expanded(TestIt.each, {numbers})): setattr(TestIt, f"test_it_{{at}}", case)
"""
"""Tests as packages make them that number the cases of unittest."""

CLASSES = """
import pytest, shop
class Base:
    number = 0
    @pytest.mark.perf_budget
    def test_it(self): shop.work(self.number)
for at, number in enumerate({numbers}):
    globals()[f"TestIt_{{at}}"] = type(f"TestIt_{{at}}", (Base,), {{"number": number, "__module__": __name__}})
del Base
"""


@pytest.mark.parametrize("tests", [NUMBERED, CLASSES], ids=["functions", "classes"])
class TestNumberedTests:
    """Tests and classes that are made in a loop have no parameters that pytest knows."""

    PROGRAM = "from scripted import advance\ndef work(ms): advance({factor} * ms)\n"

    def test_a_case_under_the_number_of_another_is_not_compared_with_that(
        self, repository: Repository, tests: str
    ) -> None:
        repository.commit({"shop.py": self.PROGRAM.format(factor=1)}, tests=tests.format(numbers="(1, 9)"))
        result = repository.against_base(tests=tests.format(numbers="(9, 1)"))
        result.assert_outcomes(failed=2)
        assert set(times(repository).values()) == {"unmeasured"}
        result.stdout.fnmatch_lines([OTHER_CASE])

    def test_the_same_cases_are_compared(self, repository: Repository, tests: str) -> None:
        repository.commit({"shop.py": self.PROGRAM.format(factor=1)}, tests=tests.format(numbers="(1, 9)"))
        repository.file("shop.py", self.PROGRAM.format(factor=FASTER_MS))
        repository.against_base().assert_outcomes(passed=2)
        assert set(times(repository).values()) == {"improved"}

    def test_the_baseline_knows_the_cases(self, lean: Project, tests: str) -> None:
        lean.file("shop.py", self.PROGRAM.format(factor=1))
        lean.run(tests.format(numbers="(1, 9)"), "--perf-update-baseline", pyproject=FEW_RUNS)
        lean.run(tests.format(numbers="(1, 9)")).assert_outcomes(passed=2)
        assert set(times(lean).values()) == {"unchanged"}
        lean.run(tests.format(numbers="(9,)")).assert_outcomes(passed=1)
        assert set(times(lean).values()) == {"unmeasured"}


OWN = "import pytest, shop\n@pytest.fixture\ndef {name}(): return shop.work\ndef test_it({name}): {name}()\n"


@pytest.mark.parametrize("name", ["perf", "perf_load"])
def test_a_fixture_of_the_projects_own_is_not_missed(repository: Repository, name: str) -> None:
    repository.commit(tests=OWN.format(name=name))
    repository.file("test_other.py", "import shop\ndef test_other(perf): perf(shop.work)\n")
    repository.commit()
    repository.file("shop.py", shop(FASTER_MS))
    result = repository.against_base()
    result.assert_outcomes(passed=2)
    assert times(repository) == {"test_other work": "improved"}
    assert repository.report["missing"] == []
