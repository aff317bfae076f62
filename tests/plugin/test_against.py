"""`--perf-against`: head and base measured in turns, in a real repository, by real processes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from importlib.machinery import EXTENSION_SUFFIXES

import pytest
from repositories import commit, git
from scripting import IMPATIENT, Project, add_to_conftest, times

SHOP = "from scripted import advance\n\ndef work():\n    advance(1)\n"
SLOWER = SHOP.replace("advance(1)", "advance(1.1)")
TESTS = """
import shop

@pytest.mark.perf_budget
def test_body():
    shop.work()

def test_call(perf):
    perf(shop.work, name="step")

def test_timer(perf):
    for _ in range(60):
        with perf.timer("loop"):
            shop.work()
"""
AGAINST = ("--perf-against", "HEAD")
XDIST = ("-p", "xdist.plugin", "-n", "2")


@pytest.fixture
def repository(lean: Project) -> Project:
    """A project whose code and tests are committed."""
    project = lean
    project.file("shop.py", SHOP)
    project.file("test_it.py", "import pytest\nfrom scripted import advance\n" + TESTS)
    commit(project.pytester.path, {".gitignore": "report.json\n__pycache__\nrunpytest-*\nstdout\nstderr\n"})
    return project


class TestGate:
    def test_code_that_is_as_fast_as_the_bases_passes(self, repository: Project) -> None:
        result = repository.run(TESTS, *AGAINST, subprocess=True)
        result.assert_outcomes(passed=3)
        assert times(repository) == dict.fromkeys(("test_body", "test_call step", "test_timer loop"), "unchanged")
        result.stdout.fnmatch_lines(
            [
                "against HEAD (?????????): * unchanged",
                "HEAD is what is checked out here, and nothing is changed: a commit was compared with itself.",
            ]
        )

    @pytest.mark.parametrize(("arguments", "failed"), [((), 3), ((*XDIST, "-k", "body"), 1)], ids=["plain", "n2"])
    def test_slower_code_fails_the_tests_that_run_it(
        self, repository: Project, arguments: tuple[str, ...], failed: int
    ) -> None:
        repository.file("shop.py", SLOWER)
        result = repository.run(TESTS, *AGAINST, *arguments, subprocess=True)
        result.assert_outcomes(failed=failed)
        assert set(times(repository).values()) == {"regressed"}
        result.stdout.fnmatch_lines(
            [
                "10.0 % slower than HEAD (95 % interval *",
                "  1.10 ms, HEAD 1 ms (commit ?????????); 3 fresh pairs of processes",
                "  limit 5 % from the default",
                "Make it faster, or allow more: max_regression",
            ]
        )

    @pytest.mark.parametrize(("slow", "failed"), [(1, 0), (1.2, 0), (4, 3)])
    def test_a_slowdown_of_every_second_call_does_not_hide_behind_the_others(
        self, repository: Project, slow: float, failed: int
    ) -> None:
        """The typical call is as fast as it was; a mean that is 10 % slower is too little to hold against noise."""
        shop = (
            "from scripted import advance\nimport itertools\n\nSTEPS = itertools.cycle([1, {}])\n\n"
            "def work():\n    advance(next(STEPS))\n"
        )
        commit(repository.pytester.path, {"shop.py": shop.format(1)})
        repository.file("shop.py", shop.format(slow))
        result = repository.run(TESTS, *AGAINST, subprocess=True)
        result.assert_outcomes(passed=3 - failed, failed=failed)
        if failed:
            result.stdout.fnmatch_lines(["2.[345] times slower than HEAD*"])

    def test_a_slowdown_that_is_allowed_passes(self, repository: Project) -> None:
        repository.file("shop.py", SLOWER)
        pyproject = '[tool.perfbudget]\nmax_regression = "20%"\n'
        result = repository.run(TESTS, *AGAINST, "-k", "body", pyproject=pyproject, subprocess=True)
        result.assert_outcomes(passed=1)

    def test_more_calls_than_the_bases_fail_and_are_named(self, repository: Project) -> None:
        loop = "def price(at):\n    return at\n\ndef work():\n    advance(1)\n    sum(map(price, range({})))\n"
        commit(repository.pytester.path, {"shop.py": "from scripted import advance\n" + loop.format(10)})
        repository.file("shop.py", "from scripted import advance\n" + loop.format(100))
        result = repository.run(TESTS, *AGAINST, "-k", "call", subprocess=True)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["step: * times the function calls of HEAD", "  10 -> 100 calls of shop:price"])

    def test_the_functions_that_a_slowdown_is_in_are_named(self, repository: Project) -> None:
        shop = "from scripted import advance\n\ndef price():\n    {}\n\ndef work():\n    advance(1)\n    price()\n"
        commit(repository.pytester.path, {"shop.py": shop.format("sum(range(10))")})
        repository.file("shop.py", shop.format("advance(0.1); sum(range(200_000))"))
        repository.run(TESTS, *AGAINST, "-k", "call", subprocess=True).stdout.fnmatch_lines(
            ["Slower, in one profiled call of each:", "  shop:price  1 call, +* ms of +* ms"]
        )

    def test_budgets_hold_in_the_same_run(self, repository: Project) -> None:
        tests = TESTS.replace("perf_budget\n", "perf_budget(p50_ms=0.5)\n")
        repository.run(tests, *AGAINST, subprocess=True).assert_outcomes(passed=2, failed=1)


class TestAccounts:
    def test_a_benchmark_test_is_compared_too(self, repository: Project) -> None:
        tests = (
            "import shop\n@pytest.mark.perf_budget\n"
            "def test_old(benchmark):\n    benchmark.pedantic(shop.work, rounds=3)\n"
        )
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        commit(repository.pytester.path, {})
        repository.file("shop.py", SLOWER)
        repository.run(tests, *AGAINST, subprocess=True).assert_outcomes(failed=1)

    def test_what_turns_out_to_be_a_perf_test_at_run_time_only_is_unmeasured(self, repository: Project) -> None:
        late = TESTS + "\ndef test_late(request): request.getfixturevalue('perf')(shop.work)\n"
        result = repository.run(late, *AGAINST, "-k", "call or late", subprocess=True)
        result.stdout.fnmatch_lines(["unmeasured: test_it.py::test_late work: it was known * at run time only: *"])

    def test_a_test_that_the_base_does_not_have_is_new(self, repository: Project) -> None:
        more = TESTS + "\ndef test_more(perf): perf(shop.work)\n"
        result = repository.run(more, *AGAINST, subprocess=True)
        result.assert_outcomes(passed=4)
        assert times(repository)["test_more work"] == "new"
        result.stdout.fnmatch_lines(["new: test_it.py::test_more work: HEAD does not have it"])
        # It always will be, so it is no failure.
        assert repository.run(more, *AGAINST, "--perf-strict", "-k", "more", subprocess=True).ret == 0

    def test_so_is_one_of_a_file_that_the_base_does_not_have(self, repository: Project) -> None:
        repository.file("test_new.py", "import shop\ndef test_more(perf): perf(shop.work)\n")
        repository.run(TESTS, *AGAINST, "test_new.py", subprocess=True).assert_outcomes(passed=1)
        assert set(times(repository).values()) == {"new"}

    def test_a_base_that_does_not_import_leaves_its_tests_unmeasured(self, repository: Project) -> None:
        commit(repository.pytester.path, {"shop.py": "import nothing_of_the_kind\n"})
        repository.file("shop.py", SHOP)
        result = repository.run(TESTS, *AGAINST, subprocess=True)
        result.assert_outcomes(passed=3)
        assert set(times(repository).values()) == {"unmeasured"}
        result.stdout.fnmatch_lines(["unmeasured: *: the process of HEAD *: *No module named 'nothing_of_the_kind'"])


CHANGED = TESTS.replace('name="step")', 'name="step")\n    assert True')


class TestChangedTests:
    """A test of the same name that is another one."""

    def test_it_is_compared_all_the_same_and_said(self, repository: Project) -> None:
        repository.file("shop.py", SLOWER)
        result = repository.run(CHANGED, *AGAINST, "-k", "call", subprocess=True)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                "  the test, or a fixture of it, is not the one of HEAD: perhaps it does more",
                '  tests_from = "head" in [[]tool.perfbudget.duet[]] runs the head\'s on both',
                "changed: test_it.py::test_call step: *, or a fixture of it, is not the one of HEAD, compared all the same; *",
            ]
        )

    @pytest.mark.parametrize(
        ("change", "is_changed"),
        [
            (("range(2)", "range(3)"), True),
            (("FEW = 2", "FEW = 3"), True),
            (("return 5", "return 6"), True),
            (("PRICE = 7", "PRICE = 8"), True),
            (("OTHER = 1", "OTHER = 2"), False),
            (("# many", "# some"), False),
            (("'A kind'", "'Another'"), False),
            (("def client(): return 1", "def client(): return 2"), False),
        ],
        ids=[
            "a fixture",
            "a value that it names",
            "a function that it calls",
            "of its class",
            "another value",
            "a comment",
            "a docstring",
            "a fixture of the product",
        ],
    )
    def test_so_is_one_whose_fixture_is_another(
        self, repository: Project, change: tuple[str, str], is_changed: bool
    ) -> None:
        """Or a test that does more would look like slower code."""
        own = (repository.pytester.path / "conftest.py").read_text("utf-8")
        files = {
            "conftest.py": f"{own}\nfrom product import client\nFEW = 2\nOTHER = 1\n"
            "def number():\n    return 5  # many\nclass Kind:\n    'A kind'\n"
            "@pytest.fixture\ndef some(client):\n    return [*range(2), FEW, number(), Kind()]\n",
            "product.py": "import pytest\n@pytest.fixture\ndef client(): return 1\n",
            "test_it.py": "import pytest\nfrom scripted import advance\nimport shop\nclass TestIt:\n    PRICE = 7\n"
            "    def test_call(self, perf, some): perf(shop.work)\n",
        }
        commit(repository.pytester.path, files)
        for name, text in files.items():
            repository.file(name, text.replace(*change))
        tests = files["test_it.py"].partition("advance\n")[2].replace(*change)
        result = repository.run(tests, *AGAINST, subprocess=True)
        result.assert_outcomes(passed=1)
        assert ("changed: " in result.stdout.str()) is is_changed

    def test_it_can_be_left_out_of_the_gate(self, repository: Project) -> None:
        repository.file("shop.py", SLOWER)
        pyproject = '[tool.perfbudget.duet]\nchanged_tests = "skip"\n'
        result = repository.run(CHANGED, *AGAINST, "--perf-strict", pyproject=pyproject, subprocess=True)
        result.assert_outcomes(passed=1, failed=2)
        assert times(repository)["test_call step"] == "changed"
        result.stdout.fnmatch_lines(["changed: test_it.py::test_call step: *, not gated; +*"])

    def test_a_comment_or_another_limit_changes_nothing(self, repository: Project) -> None:
        tests = TESTS.replace("shop.work()\n", "shop.work()  # once\n").replace(
            "perf_budget\n", "perf_budget(p95_ms=9)\n"
        )
        result = repository.run(tests, *AGAINST, "-k", "body", subprocess=True)
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("changed: *")

    def test_the_heads_tests_can_run_on_both(self, repository: Project) -> None:
        """A test that the base does not have is compared then."""
        repository.file("shop.py", SLOWER)
        more = TESTS + "\ndef test_more(perf): perf(shop.work)\n"
        pyproject = '[tool.perfbudget.duet]\ntests_from = "head"\n'
        result = repository.run(more, *AGAINST, "-k", "more", pyproject=pyproject, subprocess=True)
        result.assert_outcomes(failed=1)
        assert times(repository) == {"test_more work": "regressed"}


class TestMissing:
    def test_what_only_the_base_has_is_missing(self, repository: Project) -> None:
        """A test that was removed from its file, and one whose file was."""
        gone = "import shop\n\ndef test_gone(perf):\n    perf(shop.work)\n\ndef test_plain(): pass\n"
        commit(repository.pytester.path, {"test_more.py": gone})
        (repository.pytester.path / "test_more.py").unlink()
        fewer = TESTS.partition("def test_timer")[0]
        result = repository.run(fewer, *AGAINST, "--perf-strict", subprocess=True)
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(
            ["missing: *test_it.py::test_timer*: HEAD has it, and it is not collected here", "against HEAD *2 missing*"]
        )
        result.stdout.fnmatch_lines(["missing: *test_more.py::test_gone*"])
        assert result.ret == 0

    def test_so_is_what_only_the_configuration_calls_a_perf_test(self, repository: Project) -> None:
        plain = "\ndef test_plain():\n    shop.work()\n"
        repository.file("test_it.py", "import pytest\nimport shop\n" + TESTS + plain)
        entry = '[tool.perfbudget.budgets]\n"test_it.py::test_plain" = { p95_ms = 50 }\n'
        commit(repository.pytester.path, {"pyproject.toml": entry})
        result = repository.run(TESTS, *AGAINST, "-k", "call", pyproject="[tool.perfbudget]\n", subprocess=True)
        result.stdout.fnmatch_lines(["missing: test_it.py::test_plain: HEAD has it, and it is not collected here"])

    def test_what_was_not_asked_for_is_not(self, repository: Project) -> None:
        result = repository.run(TESTS, *AGAINST, "-k", "body", subprocess=True)
        result.stdout.no_fnmatch_line("*missing*")


TURNS = '[tool.perfbudget.duet]\nmode = "sequential"\n'


class TestTurns:
    """One process after the other, before any fixture is set up."""

    FIXTURE = """
import os
import shop

@pytest.fixture(scope="session")
def port():
    place = os.path.join(os.environ["PORTS"], "taken")
    os.mkdir(place)
    yield
    os.rmdir(place)

def test_server(port, perf):
    perf(shop.work)
"""

    @pytest.fixture
    def exclusive(self, repository: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
        """A test whose fixture can live once at a time."""
        ports = repository.pytester.path.parent / "ports"
        ports.mkdir(exist_ok=True)
        monkeypatch.setenv("PORTS", str(ports))
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + self.FIXTURE)
        commit(repository.pytester.path, {})
        return repository

    def test_fixtures_that_cannot_live_twice_make_a_test_unmeasured(self, exclusive: Project) -> None:
        result = exclusive.run(self.FIXTURE, *AGAINST, subprocess=True)
        result.assert_outcomes(passed=1)
        assert set(times(exclusive).values()) == {"unmeasured"}
        result.stdout.fnmatch_lines(
            ['unmeasured: *in the session it passes: what cannot be there twice needs mode = "sequential" in *']
        )

    def test_in_turns_it_is_measured(self, exclusive: Project) -> None:
        result = exclusive.run(self.FIXTURE, *AGAINST, pyproject=TURNS, subprocess=True)
        result.assert_outcomes(passed=1)
        assert times(exclusive) == {"test_server work": "unchanged"}

    def test_and_slower_code_fails(self, exclusive: Project) -> None:
        exclusive.file("shop.py", SLOWER)
        result = exclusive.run(self.FIXTURE, *AGAINST, pyproject=TURNS, subprocess=True)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["work: 10.0 % slower than HEAD (95 % interval *", "* 8 fresh pairs of processes"])

    def test_a_test_that_ends_its_process_is_unmeasured_and_the_others_are_not(self, repository: Project) -> None:
        """Of a crash, in the base only: it is left out from then on."""
        crash = "import os, sys\n" + SHOP + "\ndef crash():\n    if 'bootstrap' in sys.argv[0]: os._exit(9)\n"
        tests = TESTS.replace("def test_call(perf):\n", "def test_call(perf):\n    shop.crash()\n")
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        commit(repository.pytester.path, {"shop.py": crash})
        repository.file("shop.py", SLOWER + "\ndef crash(): pass\n")
        result = repository.run(tests, *AGAINST, "-k", "body or call", pyproject=TURNS, subprocess=True)
        assert times(repository) == {"test_body": "regressed", "test_call step": "unmeasured"}
        result.stdout.fnmatch_lines(["unmeasured: *test_call step: the process of HEAD ended with exit code 9*"])

    def test_a_base_that_answers_nothing_makes_all_unmeasured(self, repository: Project) -> None:
        ends = "import os, sys\nif 'bootstrap' in sys.argv[0]: os._exit(9)\n"
        commit(repository.pytester.path, {"shop.py": ends + SHOP})
        repository.file("shop.py", SHOP)
        result = repository.run(TESTS, *AGAINST, pyproject=TURNS, subprocess=True)
        assert set(times(repository).values()) == {"unmeasured"}
        result.stdout.fnmatch_lines(["unmeasured: *test_timer loop: the process of HEAD ended with exit code 9*"])

    def test_what_only_the_base_has_is_missing(self, repository: Project) -> None:
        fewer = TESTS.partition("def test_timer")[0]
        result = repository.run(fewer, *AGAINST, pyproject=TURNS, subprocess=True)
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["missing: *test_it.py::test_timer*: HEAD has it, and it is not collected here"])

    def test_not_under_xdist(self, repository: Project) -> None:
        result = repository.run(TESTS, *AGAINST, *XDIST, pyproject=TURNS, subprocess=True)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stdout.fnmatch_lines(
            ["ERROR: mode = 'sequential' of * measures in one process after the other: add -n 0"]
        )


class TestMisled:
    """A base that does not run its own code: its test says itself where that is, in the working tree."""

    TEST = "import sys\nsys.path.insert(0, {!r})\nfrom goods import work\ndef test_call(perf): perf(work)\n"

    @pytest.mark.parametrize("mode", ["", TURNS], ids=["side by side", "in turns"])
    @pytest.mark.parametrize("gate", ["fail", "warn"])
    def test_its_tests_fail_and_say_why(self, repository: Project, mode: str, gate: str) -> None:
        library = repository.pytester.path / "lib"
        test = self.TEST.format(str(library))
        repository.file("test_it.py", test)
        commit(repository.pytester.path, {"lib/goods.py": SHOP})
        result = repository.run(test, *AGAINST, f"--perf-gate={gate}", pyproject=mode, subprocess=True)
        result.assert_outcomes(failed=int(gate == "fail"), passed=int(gate == "warn"))
        assert times(repository) == {"test_call work": "wrong_code"}
        result.stdout.fnmatch_lines(
            [
                f"*work: wrong_code: the process of HEAD would not measure its own code: it imports 'goods' from {library}*, "
                "which is the working tree: name that folder from the file on that adds it to sys.path*",
                "against HEAD (*): 1 wrong_code",
            ]
        )


class TestSetup:
    """Parts of the project that have to be built before they can be imported."""

    BUILD = "import os\nopen('_fast.py', 'w').write('STEP = 1')\nopen(os.environ['RUNS'], 'a').write('run ')\n"
    SETUP = '[tool.perfbudget.duet]\nsetup = "{python} build.py"\n'

    @pytest.fixture
    def built(self, repository: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
        monkeypatch.setenv("RUNS", str(repository.pytester.path.parent / "runs"))
        repository.file("_fast.py", "STEP = 1\n")
        shop = "from scripted import advance\nimport _fast\n\ndef work():\n    advance(_fast.STEP)\n"
        ignored = (repository.pytester.path / ".gitignore").read_text("utf-8") + "_fast.py\n.pytest_cache\n"
        commit(repository.pytester.path, {"shop.py": shop, "build.py": self.BUILD, ".gitignore": ignored})
        return repository

    def test_without_them_the_base_cannot_be_measured(self, built: Project) -> None:
        built.run(TESTS, *AGAINST, "-k", "call", subprocess=True)
        assert times(built) == {"test_call step": "unmeasured"}

    def test_a_command_builds_them_once_for_a_commit(self, built: Project) -> None:
        for _ in range(2):
            built.run(TESTS, *AGAINST, "-k", "call", pyproject=self.SETUP, subprocess=True)
            assert times(built) == {"test_call step": "unchanged"}
        assert (built.pytester.path.parent / "runs").read_text("utf-8") == "run "

    def test_an_extension_that_only_the_working_tree_has_is_noticed_when_it_is_imported_late(
        self, repository: Project
    ) -> None:
        """The base would run what stands in for it in Python."""
        spec = importlib.util.find_spec("_heapq")
        if spec is None or not spec.origin or not spec.origin.endswith(tuple(EXTENSION_SUFFIXES)):
            pytest.skip("this Python has no such file")
        tests = (
            "import shop\ndef test_a(perf): perf(shop.work)\n"
            "def test_b(perf):\n    try: from fast import _heapq\n    except ImportError: pass\n    perf(shop.work)\n"
            "def test_c(perf): perf(shop.work)\n"
        )
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        commit(repository.pytester.path, {"fast/__init__.py": ""})
        shutil.copy(spec.origin, repository.pytester.path / "fast")
        repository.run(tests, *AGAINST, subprocess=True).assert_outcomes(passed=2, failed=1)
        assert times(repository) == {
            "test_a work": "unchanged",
            "test_b work": "wrong_code",
            "test_c work": "unchanged",
        }

    def test_one_that_fails_is_a_usage_error(self, built: Project) -> None:
        setup = self.SETUP.replace("build.py", "absent.py")
        result = built.run(TESTS, *AGAINST, pyproject=setup, subprocess=True)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: setup of *absent.py*) ended with 2: *No such file*"])


class TestPinning:
    def test_what_uses_several_cpus_is_measured_on_all_of_them(self, repository: Project) -> None:
        repository.file("shop.py", SHOP.replace("advance(1)", "advance(1, cpu_ms=2)"))
        result = repository.run(TESTS, *AGAINST, "-k", "call or timer", subprocess=True)
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(
            [
                "note: test_it.py::test_call step: measured on all CPUs: it uses 2.0 of them",
                "note: test_it.py::test_timer loop: measured on all CPUs: it uses 2.0 of them",
            ]
        )

    def test_so_is_what_is_not_to_be_pinned(self, repository: Project) -> None:
        pyproject = "[tool.perfbudget]\npin = false\n"
        result = repository.run(TESTS, *AGAINST, "-k", "call", pyproject=pyproject, subprocess=True)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["note: test_it.py::test_call step: measured on all CPUs: pin = false"])


class TestSides:
    def test_fixtures_of_both_are_torn_down(self, repository: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """Those of a session, too, which hold databases and servers."""
        folders = repository.pytester.path.parent / "folders"
        folders.mkdir()
        monkeypatch.setenv("FOLDERS", str(folders))
        tests = (
            "import os, tempfile\nimport shop\n\n@pytest.fixture(scope='session')\ndef place():\n"
            "    folder = tempfile.mkdtemp(dir=os.environ['FOLDERS'])\n    yield folder\n    os.rmdir(folder)\n\n"
            "def test_call(place, perf): perf(shop.work)\n"
        )
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        commit(repository.pytester.path, {})
        repository.file("shop.py", SLOWER)
        repository.run(tests, *AGAINST, subprocess=True).assert_outcomes(failed=1)
        assert list(folders.iterdir()) == []

    def test_child_processes_of_the_base_import_the_bases_code(self, repository: Project) -> None:
        tests = (
            "import subprocess, sys\nimport shop\n\ndef test_child(perf):\n"
            "    out = subprocess.run([sys.executable, '-c', 'import kind; print(kind.NAME)'], capture_output=True)\n"
            "    perf(shop.work, name=out.stdout.decode().strip() or 'nothing')\n"
        )
        repository.file("pytest.ini", "[pytest]\npythonpath = . lib\n")
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        commit(repository.pytester.path, {"lib/kind.py": "NAME = 'base'"})
        repository.file("lib/kind.py", "NAME = 'head'")
        repository.pytester.path.joinpath("conftest.py").write_text(
            repository.pytester.path.joinpath("conftest.py").read_text("utf-8")
            + "\nimport os\nfrom pathlib import Path\nif os.environ.get('PERFBUDGET_FRESH') is None:\n"
            "    os.environ['PYTHONPATH'] = str(Path(__file__).parent / 'lib')\n",
            "utf-8",
        )
        repository.run(tests, *AGAINST, subprocess=True)
        assert times(repository) == {"test_child head": "new"}  # for the base's is called "base"

    def test_child_processes_find_their_modules_compiled_on_both_sides_or_on_neither(
        self, repository: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where nothing is to be compiled into the working tree, it may have been before; a checkout never was."""
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        monkeypatch.setenv("FOUND", str(repository.pytester.path.parent / "found"))
        child = "import kind, os; print(kind.__cached__, os.path.exists(kind.__cached__), file=open(os.environ['FOUND'], 'a'))"
        tests = (
            f"import subprocess, sys\nimport shop\nCHILD = {child!r}\n\ndef test_child(perf):\n"
            "    for _ in range(2): subprocess.run([sys.executable, '-c', CHILD], check=True)\n    perf(shop.work)\n"
        )
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        commit(repository.pytester.path, {"kind.py": "NAME = 1"})
        repository.run(tests, *AGAINST, subprocess=True).assert_outcomes(passed=1)
        lines = (repository.pytester.path.parent / "found").read_text("utf-8").splitlines()
        assert [line.rpartition(" ")[2] for line in lines] == ["False"] * 2 + ["True"] * 4  # session, head, base
        assert all("perfbudget-compiled-" in line for line in lines[2:])

    def test_a_parameter_that_is_a_path_into_the_working_tree_is_the_same_test(self, repository: Project) -> None:
        tests = (
            "from pathlib import Path\nimport shop\n"
            "@pytest.mark.parametrize('path', [Path(__file__).parent / 'shop.py'], ids=str)\n"
            "def test_path(perf, path): perf(shop.work)\n"
        )
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        commit(repository.pytester.path, {})
        for mode in ("", TURNS):
            repository.file("shop.py", SLOWER)
            result = repository.run(tests, *AGAINST, pyproject=mode, subprocess=True)
            result.assert_outcomes(failed=1)
            assert set(times(repository).values()) == {"regressed"}

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems do not pin")
    def test_both_have_one_hash_seed_and_take_their_turns_on_one_cpu(self, repository: Project) -> None:
        shop = """
import os, sys
from scripted import advance

def work():
    advance(1)
    if 'bootstrap' in sys.argv[0]:
        with open(os.environ['NOTES'], 'a') as file:
            print(os.environ['PYTHONHASHSEED'], sorted(os.sched_getaffinity(0)), file=file)
"""
        commit(repository.pytester.path, {"shop.py": shop})
        notes = repository.pytester.path.parent / "notes"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NOTES", str(notes))
            repository.run(TESTS, *AGAINST, "-k", "call", subprocess=True).assert_outcomes(passed=1, deselected=2)
        found = [line.split(" ", 1) for line in notes.read_text("utf-8").splitlines()]
        assert len({seed for seed, _ in found}) == 1
        assert any(cpus.count(",") == 0 for _, cpus in found)
        pinned = {cpus for _, cpus in found if cpus.count(",") == 0}
        assert len(pinned) == 1

    def test_one_that_dies_leaves_its_test_unmeasured_and_the_next_gets_another(self, repository: Project) -> None:
        """Of a crash, or by a hand that ends it."""
        dies = (
            "import os, sys\ndef test_a(perf):\n    if 'bootstrap' in sys.argv[0]: os._exit(9)\n    perf(shop.work)\n"
        )
        result = repository.run(TESTS.replace("@pytest", dies + "@pytest", 1), *AGAINST, subprocess=True)
        result.assert_outcomes(passed=4)
        commit(repository.pytester.path, {})
        result = repository.run(TESTS.replace("@pytest", dies + "@pytest", 1), *AGAINST, subprocess=True)
        result.stdout.fnmatch_lines(
            ["unmeasured: test_it.py::test_a work: a fresh process of the head ended with exit code 9*"]
        )
        assert [value for key, value in times(repository).items() if key != "test_a work"] == ["unchanged"] * 3

    def test_one_that_is_ended_from_outside_is_started_once_more(self, repository: Project) -> None:
        """Or a slowdown would stay green whenever the system has no memory for the base."""
        ended = repository.pytester.path.parent / "ended"
        once = (
            f"import os, signal, sys\nfrom pathlib import Path\n{SHOP}\ndef end_once():\n"
            f"    if 'bootstrap' in sys.argv[0] and not Path({str(ended)!r}).exists():\n"
            f"        Path({str(ended)!r}).touch()\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        )
        tests = TESTS.replace("def test_body():\n", "def test_body():\n    shop.end_once()\n")
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        commit(repository.pytester.path, {"shop.py": once})
        repository.file("shop.py", SLOWER + "\ndef end_once(): pass\n")
        repository.run(tests, *AGAINST, "-k", "body", subprocess=True).assert_outcomes(failed=1, deselected=2)
        assert ended.exists()

    def test_so_does_one_that_hangs(self, repository: Project) -> None:
        """In the base only; it is ended when its time is up."""
        add_to_conftest(repository, IMPATIENT)
        waits = "import signal, sys\n" + SHOP + "\ndef wait():\n    if 'bootstrap' in sys.argv[0]: signal.pause()\n"
        tests = TESTS.replace("def test_body():\n", "def test_body():\n    shop.wait()\n")
        repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
        commit(repository.pytester.path, {"shop.py": waits})
        repository.file("shop.py", SLOWER + "\ndef wait(): pass\n")
        result = repository.run(tests, *AGAINST, "-k", "body or call", subprocess=True)
        assert times(repository) == {"test_body": "unmeasured", "test_call step": "regressed"}
        result.stdout.fnmatch_lines(["unmeasured: *test_body: the process of HEAD said nothing for 3 s and was ended*"])

    def test_an_installed_copy_that_both_sides_would_import_is_noticed(
        self, repository: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Comparing the head with itself would always pass."""
        installed = repository.pytester.path.parent / "site-packages"
        installed.mkdir()
        (installed / "shop.py").write_text(SHOP, "utf-8")
        monkeypatch.setenv("PYTHONPATH", str(installed), prepend=os.pathsep)
        repository.file("pytest.ini", "[pytest]\n")
        repository.file("conftest.py", "")
        (repository.pytester.path / "shop.py").unlink()
        tests = "import shop\ndef test_call(perf): perf(len, 'x')\n"
        commit(
            repository.pytester.path,
            {"tests/test_installed.py": tests, "src/shop.py": SHOP, "scripted.py": "advance = print"},
        )
        result = repository.run("", *AGAINST, "tests/test_installed.py", subprocess=True)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["wrong_code: *imports 'shop' from *site-packages*install it editable*"])

    def test_a_module_that_the_base_skips_is_not_a_new_one(self, repository: Project) -> None:
        skipping = "import pytest\nimport shop\npytest.importorskip('not_there')\n"
        repository.file("test_skip.py", skipping + "def test_call(perf): perf(shop.work)\n")
        commit(repository.pytester.path, {})
        repository.file("test_skip.py", "import shop\ndef test_call(perf): perf(shop.work)\n")
        result = repository.run(TESTS, *AGAINST, "test_skip.py", subprocess=True)
        assert times(repository) == {"test_call work": "unmeasured"}
        result.stdout.fnmatch_lines(["unmeasured: *: the process of HEAD does not collect it: it is skipped"])

    def test_nothing_is_left_behind(
        self, repository: Project, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        temporary = tmp_path_factory.mktemp("temporary")
        monkeypatch.setenv("TMPDIR", str(temporary))
        repository.run(TESTS, *AGAINST, subprocess=True).assert_outcomes(passed=3)
        assert not list(temporary.glob("perfbudget-*"))
        assert len(git(repository.pytester.path, "worktree", "list").splitlines()) == 1
        assert git(repository.pytester.path, "status", "--porcelain") == ""


class TestBadInput:
    @pytest.mark.parametrize("ref", ["nowhere", "--upload-pack=touch pwned", ""])
    def test_what_is_no_commit_is_an_error(self, repository: Project, ref: str) -> None:
        result = repository.run(TESTS, f"--perf-against={ref}", subprocess=True)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: --perf-against: *is no *"])
        assert not (repository.pytester.path / "pwned").exists()

    def test_a_base_that_git_cannot_check_out_is_an_error(self, repository: Project) -> None:
        """A session that compared nothing would be green."""
        tree = git(repository.pytester.path, "rev-parse", "HEAD^{tree}")
        (repository.pytester.path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
        result = repository.run(TESTS, *AGAINST, subprocess=True)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: HEAD cannot be checked out: git worktree: *"])

    def test_outside_a_repository_there_is_nothing_to_compare_with(self, project: Project) -> None:
        result = project.run(TESTS, *AGAINST, subprocess=True)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            ["ERROR: --perf-against: *is in no git repository that could be compared with HEAD: *"]
        )

    @pytest.mark.parametrize("other", ["--perf-update-baseline", "--perf-gate=off"])
    def test_it_goes_with_no_option_that_compares_nothing(self, repository: Project, other: str) -> None:
        result = repository.run(TESTS, *AGAINST, other, subprocess=True)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: --perf-against compares with a commit, {other} with nothing: *"])
