"""`--perf-against`: head and base measured in turns, in a real repository, by real processes."""

from __future__ import annotations

import os
import sys

import pytest
from repositories import commit, git
from scripting import Project, times

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


@pytest.fixture
def repository(project: Project) -> Project:
    """A project whose code and tests are committed."""
    project.file("shop.py", SHOP)
    project.file("test_it.py", "import pytest\nfrom scripted import advance\n" + TESTS)
    commit(project.pytester.path, {".gitignore": "report.json\n__pycache__\nrunpytest-*\nstdout\nstderr\n"})
    return project


class TestGate:
    def test_code_that_is_as_fast_as_the_bases_passes(self, repository: Project) -> None:
        result = repository.run(TESTS, *AGAINST, subprocess=True)
        result.assert_outcomes(passed=3)
        assert times(repository) == dict.fromkeys(("test_body", "test_call step", "test_timer loop"), "unchanged")
        result.stdout.fnmatch_lines(["against HEAD (?????????): * unchanged"])

    @pytest.mark.parametrize(("arguments", "failed"), [((), 3), (("-n", "2", "-k", "body"), 1)], ids=["plain", "n2"])
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
        assert repository.run(more, *AGAINST, "--perf-strict", subprocess=True).ret == 1

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
        result.stdout.fnmatch_lines(["unmeasured: *: *No module named 'nothing_of_the_kind' (HEAD)"])


class TestSides:
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
        result.stdout.fnmatch_lines(["unmeasured: test_it.py::test_a work: a fresh process ended with exit code 9*"])
        assert [value for key, value in times(repository).items() if key != "test_a work"] == ["unchanged"] * 3

    def test_an_installed_copy_that_both_sides_would_import_is_noticed(
        self, repository: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Comparing the head with itself would always pass."""
        installed = repository.pytester.path.parent / "site-packages"
        installed.mkdir()
        (installed / "shop.py").write_text(SLOWER, "utf-8")
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
        result.stdout.fnmatch_lines(["unmeasured: *imports 'shop' from *site-packages*install it editable*"])

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
        result.stderr.fnmatch_lines(["ERROR: *is no *"])
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
        result.stderr.fnmatch_lines(["ERROR: *is in no git repository that could be compared with HEAD: *"])

    @pytest.mark.parametrize("other", ["--perf-update-baseline", "--perf-gate=off"])
    def test_it_goes_with_no_option_that_compares_nothing(self, repository: Project, other: str) -> None:
        result = repository.run(TESTS, *AGAINST, other, subprocess=True)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: --perf-against compares with a commit, {other} with nothing: *"])
