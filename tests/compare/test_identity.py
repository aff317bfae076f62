"""Two measurements are compared only if they are the same case, the same call and the same name on both sides."""

from __future__ import annotations

import pytest
from programs import FASTER_MS, FEW_RUNS, SEQUENTIAL, shop
from repositories import Repository
from scripting import TWO_WORKERS, Project, times

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


OBJECTS = """
class Codec:
    def __init__(self, ms): self.ms = ms
    def run(self): advance(self.ms)
def run(ms): advance(ms)
def makes(ms): return lambda: advance(ms)
"""
CALLS = "import shop\ndef test_it(perf):\n    for one in {numbers}: perf({call})\n"
OTHER = "def test_other(perf): perf(shop.work, name='other')\n"


@pytest.mark.parametrize("pyproject", ["", SEQUENTIAL], ids=["together", "sequential"])
@pytest.mark.parametrize(
    "call", ["shop.Codec(one).run", "lambda: shop.run(one)", "shop.makes(one)", "shop.run, one"],
    ids=["methods", "lambdas", "closures", "arguments"],
)  # fmt: skip
class TestCallsOfOneName:
    """The calls of a test are `run` and `run#2`, in the order in which the test makes them."""

    def test_calls_that_changed_places_are_not_compared(
        self, repository: Repository, call: str, pyproject: str
    ) -> None:
        repository.commit({"shop.py": shop() + OBJECTS}, tests=CALLS.format(numbers="(1, 9)", call=call) + OTHER)
        tests = CALLS.format(numbers="(9, 1)", call=call) + OTHER
        result = repository.against_base(tests=tests, pyproject=pyproject)
        result.assert_outcomes(passed=1, failed=1)
        found = times(repository)
        assert found.pop("test_other other") == "unchanged"
        assert set(found.values()) == {"unmeasured"}
        result.stdout.fnmatch_lines(["*another call has this name in the test of HEAD: give each call a name (name=)"])

    def test_the_same_calls_are_compared(self, repository: Repository, call: str, pyproject: str) -> None:
        tests = CALLS.format(numbers="(1, 9)", call=call)
        repository.commit({"shop.py": shop() + OBJECTS}, tests=tests)
        repository.file(
            "shop.py",
            (shop() + OBJECTS).replace("advance(ms)", "advance(0.8 * ms)").replace("self.ms)", "0.8 * self.ms)"),
        )
        repository.against_base(pyproject=pyproject).assert_outcomes(passed=1)
        assert set(times(repository).values()) == {"improved"}


def test_objects_that_have_all_changed_are_told_to_have_names(repository: Repository) -> None:
    tests = CALLS.format(numbers="(1, 9)", call="shop.Codec(one).run")
    repository.commit({"shop.py": shop() + OBJECTS}, tests=tests)
    repository.file("shop.py", shop() + OBJECTS.replace("self.ms = ms", "self.ms, self.more = ms, 1"))
    result = repository.against_base()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*nobody knows which call is which: give each call a name (name=)"])
    named = tests.replace("perf(shop.Codec(one).run", "perf(shop.Codec(one).run, name=f'run {one}'")
    repository.commit({"shop.py": shop() + OBJECTS}, tests=named)
    repository.file("shop.py", shop() + OBJECTS.replace("self.ms = ms", "self.ms, self.more = ms, 1"))
    repository.against_base().assert_outcomes(passed=1)


def test_an_object_that_changes_with_each_call_is_the_same_object(repository: Repository) -> None:
    """Its state depends on the number of calls, which differs from process to process."""
    client = (
        "\nclass Client:\n    calls = 0\n    def get(self, page):\n        self.calls += os.getpid()\n        work()\n"
    )
    tests = (
        "import shop\ndef test_it(perf):\n    client = shop.Client()\n    for page in 'ab': perf(client.get, page)\n"
    )
    repository.commit({"shop.py": shop() + client}, tests=tests)
    repository.file("shop.py", shop(FASTER_MS) + client)
    repository.against_base(subprocess=True).assert_outcomes(passed=1)
    assert set(times(repository).values()) == {"improved"}


NAMED = """
import pathlib, shop
FOLDER = pathlib.Path(__file__).parent
class Codec: pass
CODECS = Codec(), Codec()
def test_it(perf):
    {call}
"""
TIMER = "for _ in range(60):\n        with perf.timer(f'in {FOLDER}', max_regression='20 %'): shop.work()"
ADDRESS = "[perf(shop.work, name=f'work {one}') for one in CODECS]"


@pytest.mark.parametrize("pyproject", ["", SEQUENTIAL], ids=["together", "sequential"])
@pytest.mark.parametrize(
    "call", ["perf(shop.work, name=f'in {FOLDER}')", "perf(shop.work, name=f'in {FOLDER.resolve()}', p95_ms=9)", TIMER],
    ids=["path", "resolved", "timer"],
)  # fmt: skip
def test_a_name_with_a_path_into_the_project_is_the_same_name(
    repository: Repository, call: str, pyproject: str
) -> None:
    repository.commit(tests=NAMED.format(call=call))
    repository.file("shop.py", shop(FASTER_MS))
    repository.against_base(pyproject=pyproject).assert_outcomes(passed=1)
    assert times(repository) == {f"test_it in {repository.pytester.path}": "improved"}
    assert repository.report["missing"] == []


def test_a_name_with_an_address_is_unmeasured_and_never_new(repository: Repository) -> None:
    repository.commit(tests=NAMED.format(call=ADDRESS))
    result = repository.against_base()
    result.assert_outcomes(failed=1)
    assert set(times(repository).values()) == {"unmeasured"}
    result.stdout.fnmatch_lines(["*unmeasured: its name holds an address, * give a stable name=*"])
    assert repository.report["missing"] == []


def test_a_name_with_an_address_never_gets_into_a_baseline(lean: Project) -> None:
    lean.file("shop.py", "from scripted import advance\ndef work(): advance(1)\n")
    tests = NAMED.format(call=ADDRESS)
    result = lean.run(tests + "def test_other(perf): perf(shop.work)\n", "--perf-update-baseline", pyproject=FEW_RUNS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["not updated: test_it.py::test_it: work <* its name holds an address, *"])
    lean.run(tests)
    assert set(times(lean).values()) == {"unmeasured"}


FILES = """
import pathlib, pytest, shop
DATA = pathlib.Path(__file__).parent / "data"
{more}
@pytest.mark.parametrize("{argument}", sorted({cases}), ids=str)
def test_it({argument}, perf): perf(shop.work, name="step")
"""


@pytest.mark.parametrize("pyproject", ["", SEQUENTIAL], ids=["together", "sequential"])
@pytest.mark.parametrize(
    ("argument", "cases"),
    [("name", "one.name for one in DATA.iterdir()"), ("path", "DATA.iterdir()")],
    ids=["name", "path"],
)
class TestDataFiles:
    """A test has a case for each file of a folder."""

    def commit(self, repository: Repository, argument: str, cases: str, ignored: str) -> None:
        before = (repository.pytester.path / ".gitignore").read_text("utf-8")
        tests = FILES.format(argument=argument, cases=cases, more="")
        repository.commit({".gitignore": f"{before}{ignored}\n", "data/small.txt": "s"}, tests=tests)
        repository.file("data/big.txt", "b")
        repository.file("shop.py", shop(FASTER_MS))

    def verdicts(self, repository: Repository) -> dict[str, str]:
        return {name.rpartition("/")[2].rpartition("[")[2]: one for name, one in times(repository).items()}

    def test_a_case_whose_file_git_ignores_is_not_new(
        self, repository: Repository, argument: str, cases: str, pyproject: str
    ) -> None:
        self.commit(repository, argument, cases, ignored="big.txt")
        result = repository.against_base(pyproject=pyproject)
        result.assert_outcomes(passed=1, failed=1)
        assert self.verdicts(repository) == {"small.txt] step": "improved", "big.txt] step": "unmeasured"}
        result.stdout.fnmatch_lines(["*git ignores big.txt, so HEAD does not have the test, new or not*"])

    def test_a_case_whose_file_is_new_is_new(
        self, repository: Repository, argument: str, cases: str, pyproject: str
    ) -> None:
        self.commit(repository, argument, cases, ignored="other.txt")
        repository.against_base(pyproject=pyproject).assert_outcomes(passed=2)
        assert self.verdicts(repository) == {"small.txt] step": "improved", "big.txt] step": "new"}


LOST = "import pytest, shop\n{more}\ndef test_lost(perf): perf(shop.work)\n"
KEPT = "import shop\ndef test_kept(perf): perf(shop.work)\n"


@pytest.mark.parametrize(
    ("arguments", "pyproject"), [((), ""), (TWO_WORKERS, ""), ((), SEQUENTIAL)], ids=["plain", "n2", "sequential"]
)
class TestLostPerfTests:
    """A perf test of the base leaves the gate while its file stays."""

    @pytest.mark.parametrize(
        "change",
        [
            (LOST, LOST.replace("(perf): perf(shop.work)", "(): shop.work()"), "is no perf test any more: *"),
            (LOST.replace("def test_lost(perf): perf", "@pytest.mark.perf_budget\ndef test_lost(): ").replace(
                "(shop.work)", "shop.work()"), LOST.replace("(perf): perf(shop.work)", "(): shop.work()"),
             "is no perf test any more: *"),
            (LOST, LOST.replace("{more}", "pytest.skip('no printer', allow_module_level=True)"), "*file * was skipped"),
        ],
        ids=["fixture", "marker", "skipped file"],
    )  # fmt: skip
    def test_it_is_named(
        self, repository: Repository, change: tuple[str, str, str], arguments: tuple[str, ...], pyproject: str
    ) -> None:
        before, after, why = change
        repository.commit({"test_lost.py": before.format(more="")}, tests=KEPT)
        repository.file("test_lost.py", after.format(more=""))
        repository.file("shop.py", shop(FASTER_MS))
        result = repository.against_base(*arguments, pyproject=pyproject)
        assert result.ret == pytest.ExitCode.OK
        assert times(repository) == {"test_kept work": "improved"}
        result.stdout.fnmatch_lines([f"missing: test_lost.py::test_lost: *{why}"])

    def test_a_test_file_that_changed_and_measures_nothing_on_either_side_is_not_missed(
        self, repository: Repository, arguments: tuple[str, ...], pyproject: str
    ) -> None:
        repository.commit({"test_plain.py": "def test_plain(): 'perf'\n"}, tests=KEPT)
        repository.file("test_plain.py", "def test_plain(): 'perf', 1\n")
        repository.file("shop.py", shop(FASTER_MS))
        repository.against_base(*arguments, pyproject=pyproject).assert_outcomes(passed=2)
        assert repository.report["missing"] == []


RATIO = "import shop\ndef test_ratio(perf): perf.ratio(shop.work, shop.work, max_ratio=2)\n"


def test_a_session_of_measurements_that_are_never_compared_fails_unless_that_is_allowed(
    repository: Repository,
) -> None:
    repository.commit(tests=RATIO)
    result = repository.against_base()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["nothing compared: *only what is never compared with HEAD*: measure a call *, or *"])
    allowed = repository.against_base(pyproject='[tool.perfbudget]\nunmeasured = "warn"\n')
    assert allowed.ret == pytest.ExitCode.OK
    allowed.stdout.fnmatch_lines(["nothing compared: *only what is never compared with HEAD*"])


def test_a_ratio_beside_a_compared_test_passes(repository: Repository) -> None:
    repository.commit(tests=RATIO + KEPT.partition("\n")[2])
    repository.file("shop.py", shop(FASTER_MS))
    assert repository.against_base().ret == pytest.ExitCode.OK
