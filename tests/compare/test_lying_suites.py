"""Suites that would make the gate lie: what is not the same on both sides, or was not compared, is never green."""

from __future__ import annotations

import pytest
from programs import SEQUENTIAL, shop
from repositories import Repository
from scripting import BENCHMARK, TWO_WORKERS, Project, add_to_conftest, times

pytestmark = pytest.mark.usefixtures("brief")

OTHER = "import shop\ndef test_other(perf): perf(shop.work, name='other')\n"
WAYS = pytest.mark.parametrize("pyproject", ["", SEQUENTIAL], ids=["side by side", "sequential"])

CODECS = """
class One:
    class Codec: ms = 3
class Two:
    class Codec: ms = 9
class Three:
    class Codec: ms = 1
CODECS = {codecs}
def work(ms): advance(ms)
"""
CASES = """
import pytest, shop
@pytest.mark.parametrize("codec", shop.CODECS)
def test_codec(codec, perf): perf(shop.work, codec.ms)
"""


@WAYS
def test_a_case_whose_class_shares_its_name_with_another_is_not_compared_with_that(
    repository: Repository, pyproject: str
) -> None:
    """pytest calls the cases Codec0 and Codec1, and a new class in front shifts the numbers."""
    program = shop() + CODECS
    repository.commit({"shop.py": program.format(codecs="[One.Codec, Two.Codec]")}, tests=CASES + OTHER)
    repository.file("shop.py", program.format(codecs="[Three.Codec, One.Codec, Two.Codec]"))
    repository.against_base(pyproject=pyproject)
    found = times(repository)
    assert found["test_codec[Codec0] work"] == found["test_codec[Codec1] work"] == "unmeasured"


def test_the_same_classes_in_the_same_places_are_compared(repository: Repository) -> None:
    program = (shop() + CODECS).format(codecs="[One.Codec, Two.Codec]")
    repository.commit({"shop.py": program}, tests=CASES)
    repository.file("shop.py", program.replace("advance(ms)", "advance(2 * ms)"))
    repository.against_base().assert_outcomes(failed=2)
    assert set(times(repository).values()) == {"regressed"}


@WAYS
def test_functions_that_changed_places_are_not_compared(repository: Repository, pyproject: str) -> None:
    """Both are called `run`, so they are `run` and `run#2` on both sides."""
    classes = "\nclass A:\n    def run(self): advance(1)\nclass B:\n    def run(self): advance(3)\nALL = [{}]\n"
    tests = "import shop\ndef test_it(perf):\n    for one in shop.ALL: perf(one.run)\n"
    repository.commit({"shop.py": shop() + classes.format("A(), B()")}, tests=tests + OTHER.partition("\n")[2])
    repository.file("shop.py", shop() + classes.format("B(), A()"))
    result = repository.against_base(pyproject=pyproject)
    result.assert_outcomes(passed=1, failed=1)
    found = times(repository)
    assert found["test_it run"] == found["test_it run#2"] == "unmeasured"
    result.stdout.fnmatch_lines(["*another function has this name in the test of HEAD: give each call a name*"])


@pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
@pytest.mark.parametrize(
    "change",
    ["os.environ['SHOP_MS'] = '3'", "sys.path.append(os.path.join(os.path.dirname(__file__), 'slow'))"],
    ids=["environment", "search path"],
)
def test_the_base_does_not_inherit_what_the_heads_conftest_has_set(
    repository: Repository, change: str, workers: tuple[str, ...]
) -> None:
    engine = "import os\nMS = int(os.environ.get('SHOP_MS', {}))\n"
    program = shop() + "\ndef run():\n    import engine\n    advance(engine.MS)\n"
    files = {"shop.py": program, "quick/engine.py": engine.format(1), "slow/engine.py": engine.format(3)}
    conftest = (repository.pytester.path / "conftest.py").read_text("utf-8")
    quick = "\nimport os, sys\n{}sys.path.append(os.path.join(os.path.dirname(__file__), 'quick'))\n"
    repository.commit(
        {**files, "conftest.py": conftest + quick.format("")}, tests="import shop\ndef test_it(perf): perf(shop.run)\n"
    )
    repository.file("conftest.py", conftest + quick.format(f"{change}\n"))
    repository.against_base(*workers, subprocess=True).assert_outcomes(failed=1)
    assert times(repository) == {"test_it run": "regressed"}


MARK = "@pytest.mark.perf_budget\n"


def body_and_benchmark(*, is_benchmark: bool) -> str:
    body = f"import pytest, shop\n{MARK}def test_it(): shop.work(); shop.work()\n"
    benchmark = f"import pytest, shop\n{MARK}def test_it(benchmark): benchmark(shop.work)\n"
    return benchmark if is_benchmark else body


def test_a_body_is_not_compared_with_a_benchmark_one_process_after_the_other(repository: Repository) -> None:
    other = f"{MARK}def test_other(benchmark): benchmark(shop.work)\n"
    repository.commit(tests=body_and_benchmark(is_benchmark=False) + other)
    tests = body_and_benchmark(is_benchmark=True) + other
    repository.against_base(*BENCHMARK, tests=tests, pyproject=SEQUENTIAL).assert_outcomes(passed=1, failed=1)
    assert times(repository)["test_it"] == "unmeasured"


def test_a_body_is_not_compared_with_a_benchmark_of_the_baseline(lean: Project) -> None:
    lean.file("shop.py", "from scripted import advance\ndef work(): advance(1)\n")
    pyproject = "[tool.perfbudget]\nbaseline_runs = 2\n"
    lean.run(body_and_benchmark(is_benchmark=False), *BENCHMARK, "--perf-update-baseline", pyproject=pyproject)
    lean.run(body_and_benchmark(is_benchmark=False), *BENCHMARK)
    assert times(lean) == {"test_it": "unchanged"}
    lean.run(body_and_benchmark(is_benchmark=True), *BENCHMARK)
    assert times(lean) == {"test_it": "unmeasured"}


@WAYS
def test_measured_code_that_raises_is_not_new(repository: Repository, pyproject: str) -> None:
    tests = "import shop\ndef test_it(perf):\n    try: perf(shop.work)\n    except RuntimeError: pass\n"
    repository.commit(tests=tests + OTHER.partition("\n")[2])
    repository.file("shop.py", shop() + "\ndef raises(): raise RuntimeError\nwork, plain = raises, work\n")
    tests += "def test_other(perf): perf(shop.plain, name='other')\n"
    result = repository.against_base(tests=tests, pyproject=pyproject)
    result.assert_outcomes(passed=1, failed=1)
    assert "new" not in times(repository).values()


SILENT = "items[:] = [one for one in items if 'perf' not in one.fixturenames]"
REPORTED = (
    "left = [one for one in items if 'perf' in one.fixturenames]\n    items[:] = [i for i in items if i not in left]\n"
    "    config.hook.pytest_deselected(items=left)"
)


@pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
@pytest.mark.parametrize("how", [SILENT, REPORTED], ids=["silently", "reported"])
def test_perf_tests_that_a_conftest_leaves_out_fail_the_session(
    repository: Repository, how: str, workers: tuple[str, ...]
) -> None:
    tests = f"{OTHER}def test_plain(): pass\n"
    repository.commit(tests=tests)
    add_to_conftest(repository, f"def pytest_collection_modifyitems(config, items):\n    {how}\n")
    result = repository.against_base(*workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["nothing compared: the only perf test is deselected*, by a conftest.py: add the option *"]
    )


def test_an_option_that_shares_its_dash_with_others_is_on_the_command_line(repository: Repository) -> None:
    repository.commit(tests=f"{OTHER}def test_plain(): pass\n")
    assert repository.against_base("-qk", "plain").ret == pytest.ExitCode.OK


@WAYS
@pytest.mark.parametrize("is_repository", [False, True], ids=["ignored", "another repository"])
def test_a_test_that_no_commit_can_have_is_not_new(
    repository: Repository, pyproject: str, *, is_repository: bool
) -> None:
    ignored = "" if is_repository else "bench\n"
    before = (repository.pytester.path / ".gitignore").read_text("utf-8")
    repository.commit({".gitignore": before + ignored}, tests=OTHER)
    inner = repository.pytester.path / "bench"
    inner.mkdir()
    if is_repository:
        repository.pytester.run("git", "init", "-q", "bench")
    (inner / "test_bench.py").write_text("import shop\ndef test_bench(perf): perf(shop.work)\n", "utf-8")
    result = repository.against_base("test_it.py", "bench", pyproject=pyproject)
    result.assert_outcomes(passed=1, failed=1)
    assert times(repository)["test_bench work"] == "unmeasured"


@WAYS
def test_a_measured_function_that_git_ignores_is_not_compared_with_itself(
    repository: Repository, pyproject: str
) -> None:
    ignored = (repository.pytester.path / ".gitignore").read_text("utf-8") + "rates.py\n"
    tests = "import rates\ndef test_it(perf): perf(rates.rate)\n"
    repository.commit({".gitignore": ignored}, tests=tests + OTHER)
    repository.file("rates.py", "from scripted import advance\ndef rate(): advance(3)\n")
    result = repository.against_base(pyproject=pyproject)
    result.assert_outcomes(passed=1, failed=1)
    assert times(repository)["test_it rate"] == "unmeasured"
    result.stdout.fnmatch_lines(["*rates.py is generated and not in git, so it was taken from the working tree *"])


def test_a_setup_that_does_not_make_what_git_ignores_is_told_the_file(repository: Repository) -> None:
    ignored = (repository.pytester.path / ".gitignore").read_text("utf-8") + "rates.py\n"
    repository.commit({".gitignore": ignored}, tests=f"import rates\n{OTHER}")
    repository.file("rates.py", "RATE = 1\n")
    pyproject = '[tool.perfbudget.duet]\nsetup = "{python} -c pass"\n'
    result = repository.against_base(pyproject=pyproject, subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*No module named 'rates' (git ignores rates.py: let setup of * make it)*"])


class TestClean:
    """What is clean stays green."""

    @pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
    def test_a_test_that_skips_itself_in_a_worker_of_xdist_is_measured_after_the_last_test(
        self, repository: Repository, workers: tuple[str, ...]
    ) -> None:
        skips = "@pytest.mark.skipif('PYTEST_XDIST_WORKER' in os.environ, reason='too noisy')\n"
        tests = f"import os, pytest, shop\n{skips}def test_it(perf): perf(shop.work)\n{OTHER}"
        repository.commit(tests=tests)
        result = repository.against_base(*workers)
        result.assert_outcomes(passed=1 if workers else 2, skipped=int(bool(workers)))
        assert times(repository).get("test_it work") == (None if workers else "unchanged")

    def test_a_skipped_subtest_skips_no_test(self, repository: Repository) -> None:
        pytest.importorskip("_pytest.subtests")
        tests = "import pytest, shop\ndef test_it(perf, subtests):\n    with subtests.test('w'): pytest.skip()\n    perf(shop.work)\n"
        repository.commit(tests=tests)
        repository.against_base()
        assert times(repository) == {"test_it work": "unchanged"}

    def test_a_test_may_replace_json(self, repository: Repository) -> None:
        tests = "import json, shop\ndef test_it(perf, monkeypatch):\n    monkeypatch.setattr(json, 'dumps', lambda one: b'')\n    perf(shop.work)\n"
        repository.commit(tests=tests)
        repository.against_base().assert_outcomes(passed=1)
        assert times(repository) == {"test_it work": "unchanged"}
