"""`--perf-against` fails closed: what both sides have and what could not be compared is red, with a remedy."""

from __future__ import annotations

from typing import ClassVar

import pytest
from programs import FASTER_MS, SEQUENTIAL, shop, shop_tests
from repositories import Repository
from scripting import BENCHMARK, TWO_WORKERS, Project, times

pytestmark = pytest.mark.usefixtures("brief")

BROKEN = shop(at_import='if FRESH: raise RuntimeError("no device")')
"""Code that cannot be imported in a fresh process."""

BODY = shop_tests(call="pass", with_timer=False)
ONLY_BODY = ("-k", "body")


@pytest.mark.parametrize("arguments", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_test_that_could_not_be_compared_fails(repository: Repository, arguments: tuple[str, ...]) -> None:
    repository.commit({"shop.py": BROKEN})
    repository.file("shop.py", shop())
    result = repository.against_base(*ONLY_BODY, *arguments)
    result.assert_outcomes(failed=1)
    assert times(repository) == {"test_body": "unmeasured"}
    result.stdout.fnmatch_lines(
        [
            "unmeasured: *no device*",
            "A test that could not be compared fails. Mend the reason, or allow it: unmeasured = *",
            "What this means: perfbudget guide unmeasured",
        ]
    )


@pytest.mark.parametrize(
    ("mark", "table"),
    [("perf_budget(unmeasured='warn')", ""), ("perf_budget", '[tool.perfbudget]\nunmeasured = "warn"\n')],
    ids=["marker", "table"],
)
def test_it_only_warns_if_the_marker_or_the_table_says_so(repository: Repository, mark: str, table: str) -> None:
    breaks = "if FRESH: raise RuntimeError('no device')\nshop.work()"
    tests = shop_tests(marks=[mark], body=breaks, call="perf(shop.work)", with_timer=False)
    repository.commit(tests=tests)
    repository.file("shop.py", shop(FASTER_MS))
    result = repository.against_base(pyproject=table or "[tool.perfbudget]\n")
    result.assert_outcomes(passed=2)
    assert times(repository) == {"test_body": "unmeasured", "test_call work": "improved"}
    result.stdout.fnmatch_lines(["unmeasured: test_it.py::test_body: *no device*"])


def test_a_session_that_compared_nothing_at_all_fails_in_any_case(repository: Repository) -> None:
    repository.commit({"shop.py": BROKEN}, tests=BODY)
    repository.file("shop.py", shop())
    result = repository.against_base(*ONLY_BODY, pyproject='[tool.perfbudget]\nunmeasured = "warn"\n')
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["nothing compared: no test was compared with HEAD, although *, so the session fails"])


def test_a_session_whose_gate_only_warns_stays_green(repository: Repository) -> None:
    repository.commit({"shop.py": BROKEN}, tests=BODY)
    repository.file("shop.py", shop())
    assert repository.against_base(*ONLY_BODY, "--perf-gate=warn").ret == pytest.ExitCode.OK


class TestTheHeadDecides:
    """The base measures what the head measures, whatever its own configuration and markers say."""

    def test_a_pull_request_that_adds_the_marker_is_compared(self, repository: Repository) -> None:
        repository.commit(tests=shop_tests(marks=[], call="pass", with_timer=False))
        repository.file("shop.py", shop(1.1))
        result = repository.against_base(*ONLY_BODY, tests=BODY)
        result.assert_outcomes(failed=1)
        assert times(repository) == {"test_body": "regressed"}

    def test_a_pull_request_that_adds_an_entry_of_the_table_is_compared(self, repository: Repository) -> None:
        repository.commit(tests=shop_tests(marks=[], call="pass", with_timer=False))
        repository.file("shop.py", shop(FASTER_MS))
        table = '[tool.perfbudget.budgets]\n"*::test_body" = { p95_s = 5 }\n'
        result = repository.against_base(*ONLY_BODY, pyproject=table)
        result.assert_outcomes(passed=1)
        assert times(repository) == {"test_body": "improved"}

    @pytest.mark.parametrize(
        ("mark", "table"),
        [("perf_budget(p59_ms=5)", ""), ("perf_budget", "[tool.perfbudget]\nnonsense = 1\n")],
        ids=["marker", "table"],
    )
    def test_a_mistake_that_the_head_has_mended_does_not_matter(
        self, repository: Repository, mark: str, table: str
    ) -> None:
        tests = shop_tests(marks=[mark], call="pass", with_timer=False)
        repository.commit({"pyproject.toml": table or "[tool.perfbudget]\n"}, tests=tests)
        repository.file("shop.py", shop(FASTER_MS))
        result = repository.against_base(*ONLY_BODY, tests=BODY, pyproject="[tool.perfbudget]\nstrict = true\n")
        result.assert_outcomes(passed=1)
        assert times(repository) == {"test_body": "improved"}

    def test_a_test_that_the_base_does_not_collect_is_new_and_passes(self, repository: Repository) -> None:
        repository.commit(tests="def test_other(): pass\n")
        result = repository.against_base(*ONLY_BODY, tests=BODY)
        result.assert_outcomes(passed=1)
        assert times(repository) == {"test_body": "new"}


class TestIdentity:
    """Tests are found again in other processes, or named."""

    ADDRESS = """
import shop

class Codec: pass

@pytest.mark.parametrize("codec", [Codec(), Codec()], ids=repr)
def test_it(codec, perf): perf(shop.work)
"""

    def test_an_id_with_an_address_is_unmeasured_and_never_new(self, repository: Repository) -> None:
        repository.commit(tests=self.ADDRESS)
        result = repository.against_base()
        result.assert_outcomes(failed=2)
        assert set(times(repository).values()) == {"unmeasured"}
        result.stdout.fnmatch_lines(["*unmeasured: *an id that differs from process to process*needs ids=*"])
        assert "missing" not in result.stdout.str()

    def test_arguments_in_a_file_hold_for_both_sides(self, repository: Repository) -> None:
        repository.file("arguments.txt", "test_it.py\n-k\nbody\n")  # the base does not have this file
        repository.file("shop.py", shop(FASTER_MS))
        result = repository.against_base("@arguments.txt")
        result.assert_outcomes(passed=1)
        assert times(repository) == {"test_body": "improved"}

    def test_tests_outside_the_root_folder_are_a_usage_error(self, repository: Repository) -> None:
        load = "from scripted import advance\ndef test_load(perf): perf(advance, 1)\n"
        repository.commit(
            {"config/pytest.ini": "[pytest]\npythonpath = ..\n", "tests/test_a.py": load, "tests/test_b.py": load}
        )
        result = repository.against_base("-c", "config/pytest.ini", "tests")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: *test_load* lies outside the root folder *: add --rootdir *"])

    def test_budgets_alone_do_not_need_a_file_in_the_id(self, lean: Project) -> None:
        lean.file("config/pytest.ini", "[pytest]\npythonpath = ..\n")
        lean.file("tests/test_a.py", "from scripted import advance\ndef test_load(perf): perf(advance, 1, p95_ms=5)\n")
        lean.pytester.runpytest_inprocess("-c", "config/pytest.ini", "tests").assert_outcomes(passed=1)


class TestGeneratedModules:
    """Modules that git ignores are missing in a checkout."""

    FILES: ClassVar = {
        ".gitignore": "__pycache__\nreport.json\n_version.py\n",
        "goods/__init__.py": "from goods._version import V\n",
    }
    TESTS = "import goods, shop\ndef test_work(perf): perf(shop.work)\n"

    @pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
    def test_they_are_taken_from_the_working_tree_with_a_note(
        self, repository: Repository, workers: tuple[str, ...]
    ) -> None:
        repository.commit(self.FILES, tests=self.TESTS)
        repository.file("goods/_version.py", "V = 1\n")
        repository.file("shop.py", shop(FASTER_MS))
        result = repository.against_base(*workers, subprocess=True)
        result.assert_outcomes(passed=1)
        assert times(repository) == {"test_work work": "improved"}
        result.stdout.fnmatch_lines(["*taken from the working tree for both commits: goods/_version.py."])

    def test_a_new_module_of_the_head_is_not_carried_into_the_base(self, repository: Repository) -> None:
        repository.commit(
            {"goods/__init__.py": "try:\n    import goods.extra\nexcept ImportError: pass\n"}, tests=self.TESTS
        )
        repository.file("goods/extra.py", "V = 1\n")
        result = repository.against_base(subprocess=True)
        result.assert_outcomes(passed=1)
        assert "taken from the working tree" not in result.stdout.str()


LAZY = """
import importlib.util, sys
spec = importlib.util.find_spec("heavy")
spec.loader = importlib.util.LazyLoader(spec.loader)
sys.modules["heavy"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
del module  # pytest looks at all names of a conftest
"""


def test_a_lazy_module_is_never_woken(repository: Repository) -> None:
    conftest = (repository.pytester.path / "conftest.py").read_text("utf-8")
    repository.commit({"heavy.py": "open('woken', 'w').close()\n", "conftest.py": conftest + LAZY}, tests=BODY)
    result = repository.against_base(*ONLY_BODY, subprocess=True)
    result.assert_outcomes(passed=1)
    assert times(repository) == {"test_body": "unchanged"}
    assert not (repository.pytester.path / "woken").exists()


DATABASE = """
import os, shop

PATH = os.path.join(os.path.dirname(__file__), "database")

@pytest.fixture(scope="session")
def database(request):
    path = PATH + getattr(request.config, "workerinput", {}).get("workerid", "")
    if os.path.exists(path):
        os.remove(path)
    open(path, "w").close()
    yield path
    os.remove(path)

def test_a(database, perf): perf(shop.work)

def test_b(database): assert os.path.exists(database)
"""


@pytest.mark.parametrize("arguments", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_fresh_processes_have_worker_ids_of_their_own(repository: Repository, arguments: tuple[str, ...]) -> None:
    repository.commit({".gitignore": "database*\nreport.json\n__pycache__\n"}, tests=DATABASE)
    repository.file("shop.py", shop(FASTER_MS))
    result = repository.against_base(*arguments, subprocess=True)
    result.assert_outcomes(passed=2)
    assert times(repository) == {"test_a work": "improved"}


class TestShiftedCases:
    """Without ids, a new case in front shifts the numbers of the others."""

    CASES = """
import shop

class Case:
    def __init__(self, times): self.times = times

@pytest.mark.parametrize("case", [{cases}])
def test_it(case, perf): perf(lambda: [shop.work() for _ in range(case.times)], name="step")
"""

    def test_two_cases_of_one_id_are_not_compared_with_each_other(self, repository: Repository) -> None:
        repository.commit(tests=self.CASES.format(cases="Case(1), Case(40)"))
        result = repository.against_base(tests=self.CASES.format(cases="Case(30), Case(1), Case(40)"))
        assert times(repository) == {
            "test_it[case0] step": "unmeasured",
            "test_it[case1] step": "unmeasured",
            "test_it[case2] step": "new",
        }
        result.assert_outcomes(failed=2, passed=1)
        result.stdout.fnmatch_lines(["step: unmeasured: HEAD has other parameters under this id: give the cases ids *"])

    def test_a_function_with_other_cases_only_is_not_new(self, repository: Repository) -> None:
        """As if the data of the cases lay in a folder that git does not have."""
        tests = "import shop\n@pytest.mark.parametrize('n', [{n}])\ndef test_it(n, perf): perf(shop.work)\n"
        repository.commit(tests=tests.format(n=""))
        repository.file("shop.py", shop(1.1))
        result = repository.against_base(tests=tests.format(n="1, 2"))
        result.assert_outcomes(failed=2)
        assert set(times(repository).values()) == {"unmeasured"}
        result.stdout.fnmatch_lines(["work: unmeasured: *its function has other cases only: give parametrize ids= *"])

    def test_the_same_cases_are_compared(self, repository: Repository) -> None:
        repository.commit(tests=self.CASES.format(cases="Case(1), Case(2)"))
        repository.file("shop.py", shop(FASTER_MS))
        repository.against_base().assert_outcomes(passed=2)
        assert set(times(repository).values()) == {"improved"}

    @pytest.mark.parametrize(
        "change",
        [
            ("self.times = times", "self.times, self.id = times, os.getpid()"),
            ("self.times = times", "self.times = 1 * times; self.more = 1"),
        ],
        ids=["random", "edited"],
    )
    def test_a_case_that_stands_under_no_other_id_is_the_same_case(
        self, repository: Repository, change: tuple[str, str]
    ) -> None:
        tests = "import os\n" + self.CASES.format(cases="Case(1)")
        repository.commit(tests=tests)
        repository.file("shop.py", shop(FASTER_MS))
        repository.against_base(tests=tests.replace(*change), subprocess=True).assert_outcomes(passed=1)
        assert set(times(repository).values()) == {"improved"}

    def test_a_case_that_was_removed_shifts_the_others(self, repository: Repository) -> None:
        repository.commit(tests=self.CASES.format(cases="Case(1), Case(40)"))
        result = repository.against_base(tests=self.CASES.format(cases="Case(40)"))
        result.assert_outcomes(failed=1)
        assert set(times(repository).values()) == {"unmeasured"}

    def test_the_baseline_knows_the_parameters_of_a_case(self, lean: Project) -> None:
        cases = self.CASES.replace("import shop", "").replace("shop.work()", "advance(0.1)")
        lean.run(
            cases.format(cases="Case(1)"), "--perf-update-baseline", pyproject="[tool.perfbudget]\nbaseline_runs = 2\n"
        )
        lean.run(cases.format(cases="Case(1)")).assert_outcomes(passed=1)
        assert times(lean) == {"test_it[case0] step": "unchanged"}
        result = lean.run(cases.format(cases="Case(40), Case(1)"))
        assert times(lean)["test_it[case0] step"] == "unmeasured"
        result.stdout.fnmatch_lines(["unmeasured: *the baseline has other parameters under this id*"])
        refused = lean.run(cases.format(cases="Case(40), Case(1)"), "--perf-update-baseline")
        assert refused.ret == pytest.ExitCode.TESTS_FAILED  # a slower case needs a reason, like any slower line
        lean.run(cases.format(cases="Case(40), Case(1)"), "--perf-update-baseline", "--perf-reason", "another case")
        lean.run(cases.format(cases="Case(40), Case(1)")).assert_outcomes(passed=2)
        assert set(times(lean).values()) == {"unchanged"}


SKIPPED = "@pytest.mark.skip(reason='no printer')\n"


class TestLost:
    """What the base's test measures and the head's no longer does is named."""

    TWO = "import shop\ndef test_it(perf):\n    perf(shop.work, name='one')\n    perf(shop.work, name='two')\n"

    def test_a_measurement_that_was_removed_or_renamed_is_missing(self, repository: Repository) -> None:
        repository.commit(tests=self.TWO)
        result = repository.against_base(tests=self.TWO.replace("two", "three"))
        result.assert_outcomes(passed=1)
        assert times(repository) == {"test_it one": "unchanged", "test_it three": "new"}
        result.stdout.fnmatch_lines(["missing: test_it.py::test_it two: the test no longer makes this measurement"])

    @pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
    def test_a_session_whose_only_measurement_has_another_name_fails(
        self, repository: Repository, workers: tuple[str, ...]
    ) -> None:
        """A decorator without functools.wraps renames the function, and the test is unchanged."""
        repository.commit(tests="import shop\ndef test_it(perf): perf(shop.work)\n")
        renamed = "\nfast = work\ndef wrapper(): return fast()\nwork = wrapper\n"
        repository.file("shop.py", shop(3) + renamed)
        result = repository.against_base(*workers)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["nothing compared: no test was compared with HEAD*"])

    @pytest.mark.parametrize(
        ("arguments", "pyproject"),
        [((), ""), (TWO_WORKERS, ""), ((), SEQUENTIAL)],
        ids=["plain", "n2", "sequential"],
    )
    def test_a_measurement_whose_function_has_another_name_fails_until_the_test_names_it(
        self, repository: Repository, arguments: tuple[str, ...], pyproject: str
    ) -> None:
        """Another test is compared, so the session as a whole has compared something."""
        calls = "import shop\ndef test_it(perf): perf(shop.work)\ndef test_other(perf): perf(shop.work, name='work')\n"
        repository.commit(tests=calls)
        wrapped = "\nfast = work\ndef wrapper(): return fast()\nwork = wrapper\n"
        repository.file("shop.py", shop(FASTER_MS) + wrapped)
        result = repository.against_base(*arguments, pyproject=pyproject)
        result.assert_outcomes(passed=1, failed=1)
        assert times(repository) == {"test_it wrapper": "unmeasured", "test_other work": "improved"}
        result.stdout.fnmatch_lines(
            ["wrapper: unmeasured: HEAD has 'work' in this test instead: name='work' compares with*"]
        )
        named = calls.replace("perf(shop.work)", "perf(shop.work, name='{}')")
        repository.against_base(*arguments, tests=named.format("work")).assert_outcomes(passed=2)
        assert times(repository)["test_it work"] == "improved"
        repository.against_base(*arguments, tests=named.format("wrapper")).assert_outcomes(passed=2)
        assert times(repository)["test_it wrapper"] == "new"

    @pytest.mark.parametrize(
        ("arguments", "pyproject", "base_calls", "head_calls"),
        [((), "", (3, 1), (1,)), (TWO_WORKERS, "", (1,), (1, 3)), ((), SEQUENTIAL, (1,), (1, 3))],
        ids=["fewer", "more, n2", "more, sequential"],
    )
    def test_calls_of_a_function_that_another_number_of_calls_made_ambiguous_fail_until_they_have_names(
        self,
        repository: Repository,
        arguments: tuple[str, ...],
        pyproject: str,
        base_calls: tuple[int, ...],
        head_calls: tuple[int, ...],
    ) -> None:
        """`work` and `work#2` are numbered in their order, so `work` need not be the same call on both sides."""

        def tests(calls: tuple[int, ...], name: str = "") -> str:
            lines = "".join(f"    perf(shop.run, {ms}{name.format(ms)})\n" for ms in calls)
            return f"import shop\ndef test_it(perf):\n{lines}def test_other(perf): perf(shop.work)\n"

        program = shop() + "\ndef run(ms): advance(ms)\n"
        repository.commit({"shop.py": program}, tests=tests(base_calls))
        result = repository.against_base(*arguments, tests=tests(head_calls), pyproject=pyproject)
        result.assert_outcomes(passed=1, failed=1)
        assert times(repository)["test_it run"] == "unmeasured"
        result.stdout.fnmatch_lines(["*: measured * in this test, and * in that of HEAD, so nobody knows which call *"])
        named = ", name='run {}'"
        repository.commit(tests=tests(base_calls, named))
        repository.against_base(*arguments, tests=tests(head_calls, named)).assert_outcomes(passed=2)
        assert times(repository)["test_it run 1"] == "unchanged"

    def test_calls_of_a_function_are_ambiguous_beside_the_baseline_too(self, lean: Project) -> None:
        calls = "def test_it(perf):\n    perf(advance, 3)\n    perf(advance, 1)\n"
        pyproject = "[tool.perfbudget]\nbaseline_runs = 2\n"
        lean.run(calls, "--perf-update-baseline", pyproject=pyproject)
        lean.run(calls).assert_outcomes(passed=1)
        assert times(lean) == {"test_it advance": "unchanged", "test_it advance#2": "unchanged"}
        lean.run("def test_it(perf): perf(advance, 1)\n")
        assert times(lean) == {"test_it advance": "unmeasured"}
        lean.run(calls + "    perf(advance, 2)\n")
        assert set(times(lean).values()) == {"unmeasured"}

    @pytest.mark.parametrize(
        ("arguments", "pyproject", "has_parts"),
        [((), "", False), (TWO_WORKERS, "", True), ((), SEQUENTIAL, True)],
        ids=["parts to body", "body to parts, n2", "body to parts, sequential"],
    )
    def test_a_test_that_was_measured_by_parts_and_now_as_a_whole_fails(
        self, repository: Repository, arguments: tuple[str, ...], pyproject: str, *, has_parts: bool
    ) -> None:
        parts = "import pytest, shop\ndef test_it(perf): perf(shop.work)\n"
        whole = "import pytest, shop\n@pytest.mark.perf_budget\ndef test_it(): shop.work()\n"
        other = "def test_other(perf): perf(shop.work)\n"
        before, after = (whole, parts) if has_parts else (parts, whole)
        repository.commit(tests=before + other)
        repository.file("shop.py", shop(FASTER_MS))
        result = repository.against_base(*arguments, tests=after + other, pyproject=pyproject)
        result.assert_outcomes(passed=1, failed=1)
        assert times(repository)["test_it work" if has_parts else "test_it"] == "unmeasured"

    def test_a_body_and_a_benchmark_are_two_things(self, repository: Repository) -> None:
        mark = "@pytest.mark.perf_budget\n"
        other = f"{mark}def test_other(benchmark): benchmark(shop.work)\n"
        whole = "import pytest, shop\n@pytest.mark.perf_budget\ndef test_it(): shop.work()\n"
        repository.commit(tests=whole + other)
        part = f"import pytest, shop\n{mark}def test_it(benchmark): benchmark(shop.work)\n"
        repository.against_base(*BENCHMARK, tests=part + other).assert_outcomes(passed=1, failed=1)
        assert times(repository) == {"test_it": "unmeasured", "test_other": "unchanged"}

    def test_a_part_that_the_test_names_is_new_although_the_base_measures_the_whole(
        self, repository: Repository
    ) -> None:
        other = "def test_other(perf): perf(shop.work)\n"
        whole = "import pytest, shop\n@pytest.mark.perf_budget\ndef test_it(): shop.work()\n"
        repository.commit(tests=whole + other)
        result = repository.against_base(tests=f"import shop\ndef test_it(perf): perf(shop.work, name='x')\n{other}")
        result.assert_outcomes(passed=2)
        assert times(repository)["test_it x"] == "new"

    def test_a_test_behind_a_link_out_of_the_repository_fails(self, repository: Repository) -> None:
        """The link leads nowhere in the checkout, and the base has the test all the same."""
        tests = "import shop\ndef test_{}(perf): perf(shop.work)\n"
        outside = repository.pytester.path.parent / "outside.py"
        outside.write_text(tests.format("far"), "utf-8")
        (repository.pytester.path / "test_far.py").symlink_to("../outside.py")
        repository.commit(tests=tests.format("it"))
        result = repository.against_base("test_far.py", "test_it.py")
        result.assert_outcomes(passed=1, failed=1)
        assert times(repository) == {"test_far work": "unmeasured", "test_it work": "unchanged"}
        result.stdout.fnmatch_lines(["*: test_far.py is a symbolic link that leads out of the checkout*"])

    @pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
    def test_the_head_says_what_a_test_is_called(self, repository: Repository, workers: tuple[str, ...]) -> None:
        tests = "import shop\ndef bench_it(perf): perf(shop.work)\nclass Bench:\n    def bench_that(self, perf): perf(shop.work)\n"
        path = repository.pytester.path / "pytest.ini"
        before = path.read_text("utf-8")
        repository.commit({"bench_shop.py": tests}, tests="def test_nothing(): pass\n")
        names = "python_files = bench_*.py\npython_functions = bench_*\npython_classes = Bench\n"
        path.write_text(f"{before}\n{names}", "utf-8")
        repository.file("shop.py", shop(3))
        repository.against_base(*workers).assert_outcomes(failed=2)
        assert set(times(repository).values()) == {"regressed"}

    def test_the_tests_of_a_project_that_only_the_head_has_are_new(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The base lacks the folder in which the session runs."""
        service = repository.pytester.path / "service"
        service.mkdir()
        for name in ("pytest.ini", "conftest.py", "scripted.py", "shop.py"):
            if (repository.pytester.path / name).exists():
                (service / name).write_bytes((repository.pytester.path / name).read_bytes())
        (service / "test_it.py").write_text("import shop\ndef test_it(perf): perf(shop.work)\n", "utf-8")
        monkeypatch.chdir(service)
        result = repository.against_base(subprocess=True)
        result.assert_outcomes(passed=1)
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["against HEAD (*): nothing was compared (1 new)"])

    def test_a_session_whose_only_perf_test_is_expected_to_fail_passes(self, repository: Repository) -> None:
        tests = "import pytest, shop\n@pytest.mark.xfail\ndef test_it(perf):\n    perf(shop.work)\n    assert False\n"
        repository.commit(tests=tests)
        result = repository.against_base()
        result.assert_outcomes(xfailed=1)
        assert result.ret == pytest.ExitCode.OK

    def test_a_test_that_measures_nothing_any_more_is_named_and_a_session_of_it_fails(
        self, repository: Repository
    ) -> None:
        repository.commit(tests=self.TWO)
        result = repository.against_base(tests="import shop\ndef test_it(perf): shop.work()\n")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["unmeasured: *the test asks for the perf fixture but *", "nothing compared: *"])

    @pytest.mark.parametrize("mark", ["", "@pytest.mark.perf_budget(p95_ms=5)\n"], ids=["no budget", "budget"])
    def test_a_test_that_measures_nothing_on_either_side_fails_beside_a_compared_test(
        self, repository: Repository, mark: str
    ) -> None:
        tests = f"{self.TWO}\n{mark}def test_nothing(perf): shop.work()\n"
        repository.commit(tests=tests)
        repository.file("shop.py", shop(FASTER_MS))
        repository.against_base().assert_outcomes(passed=1, failed=1)
        assert times(repository)["test_nothing"] == "unmeasured"

    def test_a_test_that_measures_nothing_and_that_only_the_head_has_is_new(self, repository: Repository) -> None:
        repository.commit(tests=self.TWO)
        repository.file("shop.py", shop(FASTER_MS))
        repository.against_base(tests=f"{self.TWO}\ndef test_nothing(perf): pass\n").assert_outcomes(passed=2)
        assert times(repository)["test_nothing"] == "new"

    def test_a_test_that_measures_nothing_fails_if_the_base_could_not_collect_its_file(
        self, repository: Repository
    ) -> None:
        """The base may have the test, so the test is not new."""
        nothing = "import gone\ndef test_nothing(perf): pass\n"
        repository.commit({"test_more.py": nothing}, tests=self.TWO)
        repository.file("shop.py", shop(FASTER_MS))
        repository.file("test_more.py", nothing.replace("import gone\n", ""))
        repository.against_base().assert_outcomes(passed=1, failed=1)
        assert times(repository)["test_nothing"] == "unmeasured"

    @pytest.mark.parametrize(
        ("arguments", "pyproject"),
        [((), ""), (TWO_WORKERS, ""), ((), SEQUENTIAL)],
        ids=["plain", "n2", "sequential"],
    )
    def test_a_session_whose_perf_tests_are_all_skipped_compares_nothing_and_fails(
        self, repository: Repository, arguments: tuple[str, ...], pyproject: str
    ) -> None:
        repository.commit(tests=self.TWO)
        skipped = self.TWO.replace("def test_it", SKIPPED + "def test_it")
        result = repository.against_base(*arguments, tests=skipped, pyproject=pyproject)
        result.assert_outcomes(skipped=1)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(
            [
                "nothing compared: no test was compared with HEAD, *",
                "missing: test_it.py::test_it: the test was skipped: no printer",
            ]
        )

    def test_a_skipped_test_that_only_the_head_has_fails_nothing(self, repository: Repository) -> None:
        result = repository.against_base(tests=f"import shop\n{SKIPPED}def test_new(perf): perf(shop.work)\n")
        result.assert_outcomes(skipped=1)
        assert result.ret == pytest.ExitCode.OK

    def test_a_skipped_test_beside_a_compared_test_is_named(self, repository: Repository) -> None:
        repository.commit(tests=self.TWO)
        repository.file("shop.py", shop(FASTER_MS))
        more = f"\n{SKIPPED}def test_skipped(perf): perf(shop.work)\n"
        result = repository.against_base(tests=self.TWO + more)
        result.assert_outcomes(passed=1, skipped=1)
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["missing: test_it.py::test_skipped: the test was skipped: no printer"])


WORKER_INPUT = """
@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node): node.workerinput["database"] = "db"

@pytest.fixture(scope="session")
def database(request):
    given = getattr(request.config, "workerinput", None)
    if os.environ.get("PERFBUDGET_FRESH"):
        assert given["workerid"] == os.environ["PYTEST_XDIST_WORKER"]
    return given["database"] if given else "main"
"""


@pytest.mark.parametrize("arguments", [("-p", "xdist.plugin"), TWO_WORKERS], ids=["plain", "n2"])
def test_fresh_processes_know_what_the_suite_tells_its_workers(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    conftest = (repository.pytester.path / "conftest.py").read_text("utf-8")
    tests = "import shop\ndef test_it(database, perf): perf(shop.work)\n"
    repository.commit({"conftest.py": "import os\n" + conftest + WORKER_INPUT}, tests=tests)
    repository.file("shop.py", shop(FASTER_MS))
    repository.against_base(*arguments, subprocess=True).assert_outcomes(passed=1)
    assert times(repository) == {"test_it work": "improved"}


TELLING_PLUGIN = """
import pytest

@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node): node.workerinput["shard"] = "s"
"""


def test_fresh_processes_know_what_another_plugin_tells_the_workers(repository: Repository) -> None:
    """A plugin, unlike a conftest, is not asked again: it expects a real worker."""
    tests = "import shop\ndef test_it(request, perf):\n    assert request.config.workerinput['shard'] == 's'\n    perf(shop.work)\n"
    repository.commit({"telling.py": TELLING_PLUGIN}, tests=tests)
    repository.file("shop.py", shop(FASTER_MS))
    repository.against_base("-p", "telling", *TWO_WORKERS, subprocess=True).assert_outcomes(passed=1)
    assert times(repository) == {"test_it work": "improved"}


class TestNothingToCompare:
    """A benchmark suite without a marker or an entry has no perf test."""

    BENCHMARK = "import shop\ndef test_it(benchmark): benchmark(shop.work)\ndef test_plain(): pass\n"
    PLUGIN = ("-p", "pytest_benchmark.plugin")

    @pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "0"), TWO_WORKERS], ids=["plain", "n0", "n2"])
    def test_a_session_without_perf_tests_fails(self, repository: Repository, workers: tuple[str, ...]) -> None:
        repository.commit(tests=self.BENCHMARK)
        repository.file("shop.py", shop(3))
        result = repository.against_base(*self.PLUGIN, *workers)
        result.assert_outcomes(passed=2)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        said = "nothing compared: no perf test was collected, so nothing was compared with HEAD: *"
        result.stdout.fnmatch_lines([said])

    def test_an_entry_has_the_suite_compared(self, repository: Repository) -> None:
        repository.commit(tests=self.BENCHMARK)
        repository.file("shop.py", shop(3))
        result = repository.against_base(*self.PLUGIN, pyproject='[tool.perfbudget.budgets]\n"*::test_it" = {}\n')
        result.assert_outcomes(passed=1, failed=1)

    def test_perf_tests_that_were_deselected_fail_nothing(self, repository: Repository) -> None:
        """A shard of the tests may have no perf test."""
        repository.commit(tests=f"{self.BENCHMARK}def test_perf(perf): perf(shop.work)\n")
        result = repository.against_base(*self.PLUGIN, "-k", "test_plain")
        result.assert_outcomes(passed=1, deselected=2)
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(
            ["nothing compared: the only perf test is deselected, so nothing was compared with HEAD"]
        )
        strict = repository.against_base(*self.PLUGIN, "-k", "test_plain", "--perf-strict")
        assert strict.ret == pytest.ExitCode.TESTS_FAILED

    @pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
    def test_perf_tests_that_addopts_deselects_fail_the_session(
        self, repository: Repository, workers: tuple[str, ...]
    ) -> None:
        marked = "import pytest, shop\n@pytest.mark.perf_budget\ndef test_it(): shop.work()\ndef test_other(): pass\n"
        pyproject = "[tool.pytest.ini_options]\naddopts = \"-m 'not perf_budget'\"\n"
        (repository.pytester.path / "pytest.ini").unlink(missing_ok=True)
        repository.commit(tests=marked)
        repository.file("shop.py", shop(3))
        result = repository.against_base(*workers, pyproject=pyproject)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["nothing compared: the only perf test is deselected*by -m of addopts: give *"])
        assert repository.against_base("-m", "", *workers).ret == pytest.ExitCode.TESTS_FAILED
        assert times(repository) == {"test_it": "regressed"}

    @pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
    def test_perf_tests_that_addopts_skips_are_compared(self, repository: Repository, workers: tuple[str, ...]) -> None:
        pyproject = '[tool.pytest.ini_options]\naddopts = "--perf-skip"\n'
        (repository.pytester.path / "pytest.ini").unlink(missing_ok=True)
        repository.commit(tests="import shop\ndef test_it(perf): perf(shop.work)\n")
        repository.file("shop.py", shop(3))
        repository.against_base(*workers, pyproject=pyproject).assert_outcomes(failed=1)
        assert times(repository) == {"test_it work": "regressed"}

    def test_perf_skip_beside_perf_against_is_refused(self, repository: Repository) -> None:
        repository.commit(tests="import shop\ndef test_it(perf): perf(shop.work)\n")
        result = repository.against_base("--perf-skip")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            ["ERROR: --perf-against runs perf tests, and --perf-skip leaves them out: drop one of them"]
        )
