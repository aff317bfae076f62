"""The migration from pytest-benchmark and CodSpeed: what becomes what, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_perfbudget.cli import main
from pytest_perfbudget.config import load_settings
from pytest_perfbudget.init.benchmark_tests import find_benchmarks
from pytest_perfbudget.init.migration import benchmark_options, migrate, newest_saved

TESTS = """
import pytest
pytestmark = [pytest.mark.other]

def test_sort(benchmark): benchmark(sorted, [2, 1])

class TestAll:
    @pytest.mark.benchmark(max_time=2)
    def test_body(self): sorted([2, 1])

def test_ordinary(): pass
"""
ALL_BENCHMARKS = "async def test_a(benchmark): pass\ndef test_b(x, *, codspeed_benchmark): pass\ndef help(): pass\n"
MARKED_FILE = "import pytest\npytestmark = pytest.mark.codspeed_benchmark\ndef test_a(): pass\n"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def saved(benchmark: str, seconds: float) -> str:
    machine = {
        "machine": "x86_64",
        "system": "Linux",
        "python_version": "3.12.1",
        "python_implementation": "CPython",
        "processor": "cpu",
    }
    entry = {"fullname": benchmark, "stats": {"median": seconds}}
    return json.dumps({"machine_info": machine, "benchmarks": [entry], "datetime": "2026-11-01T00:00:00"})


@pytest.mark.parametrize(
    ("addopts", "options"),
    [
        ("", []),
        ("-q --cov", []),
        ("--benchmark-compare-fail=mean:5%", [("compare-fail", "mean:5%")]),
        ("--benchmark-compare-fail min:10% -q", [("compare-fail", "min:10%")]),
        ("--benchmark-autosave tests", [("autosave", "")]),
        ("--benchmark-save 'my run' --benchmark-compare=0001", [("save", "my run"), ("compare", "0001")]),
    ],
)
def test_options_are_found_in_addopts(addopts: str, options: list[tuple[str, str]]) -> None:
    assert benchmark_options(addopts) == options


def test_tests_are_found_without_importing_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "tests/test_some.py": TESTS,
            "tests/test_all.py": ALL_BENCHMARKS,
            "tests/test_marked.py": MARKED_FILE,
            "tests/test_broken.py": "def test_it(benchmark",
            "tests/helpers.py": ALL_BENCHMARKS,
            ".venv/lib/test_other.py": ALL_BENCHMARKS,
            "env/pyvenv.cfg": "",
            "env/test_other.py": ALL_BENCHMARKS,
        },
    )
    found = find_benchmarks(tmp_path, ["test_*.py"])
    assert list(found.patterns) == ["tests/test_all.py", "tests/test_some.py::test_sort"]
    assert list(found.marked) == ["tests/test_marked.py::test_a", "tests/test_some.py::TestAll::test_body"]


CONFTEST = """
import pytest
from pytest import fixture

@pytest.fixture
def timed(benchmark): return benchmark.pedantic

@fixture(name="fast")
def _fast(timed): return timed

@pytest.fixture
def ordinary(tmp_path): return tmp_path
"""
OWN = """
import pytest

class TestOwn:
    @pytest.fixture
    def here(self, fast): return fast
    def test_chain(self, here): here(sorted, [2, 1])

def test_named(fast): pass
@pytest.mark.usefixtures("timed")
def test_used(): pass
def test_ordinary(ordinary, _fast): pass
"""


class TestOwnFixtures:
    """Tests that get their benchmark fixture through fixtures of the project."""

    def patterns(self, root: Path, files: dict[str, str]) -> list[str]:
        write(root, files)
        return list(find_benchmarks(root, ["test_*.py"]).patterns)

    def test_fixtures_of_conftest_and_of_the_file_lead_to_tests(self, tmp_path: Path) -> None:
        found = self.patterns(tmp_path, {"tests/conftest.py": CONFTEST, "tests/deep/test_own.py": OWN})
        names = ["TestOwn::test_chain", "test_named", "test_used"]
        assert found == [f"tests/deep/test_own.py::{name}" for name in names]

    def test_a_conftest_beside_or_below_does_not(self, tmp_path: Path) -> None:
        assert self.patterns(tmp_path, {"a/conftest.py": CONFTEST, "b/test_own.py": OWN, "test_top.py": OWN}) == []

    def test_an_automatic_fixture_serves_every_test_of_its_folder(self, tmp_path: Path) -> None:
        automatic = "import pytest\n@pytest.fixture(autouse=True)\ndef timed(benchmark): pass\n"
        files = {"a/conftest.py": automatic, "a/test_a.py": "def test_a(): pass\n", "test_b.py": "def test_b(): pass\n"}
        assert self.patterns(tmp_path, files) == ["a/test_a.py"]

    @pytest.mark.parametrize(
        ("fixture", "found"),
        [("def benchmark(benchmark): return benchmark", ["test_a.py"]), ("def benchmark(): return max", [])],
        ids=["of the plugin's", "without the plugin's"],
    )
    def test_a_fixture_that_replaces_the_plugins_counts_if_it_asks_for_it(
        self, tmp_path: Path, fixture: str, found: list[str]
    ) -> None:
        conftest = f"import pytest\n@pytest.fixture\n{fixture}\n"
        assert self.patterns(tmp_path, {"conftest.py": conftest, "test_a.py": "def test_a(benchmark): pass\n"}) == found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\naddopts = {0}\n"),
        ("tox.ini", "[pytest]\naddopts = {0}\n"),
        ("setup.cfg", "[tool:pytest]\naddopts =\n  -q\n  {0}\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "{0}"\n'),
        ("pyproject.toml", '[tool.pytest]\naddopts = ["-q", "{0}"]\n'),
    ],
)
def test_every_file_of_pytests_options_is_read(name: str, text: str, tmp_path: Path) -> None:
    write(tmp_path, {name: text.format("--benchmark-compare-fail=median:7.5%")})
    assert migrate(tmp_path).keys == {"max_regression": "7.5%"}


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ("--benchmark-compare-fail=mean:10% --benchmark-compare-fail=min:5%", {"max_regression": "5%"}),
        ("--benchmark-compare-fail=min:0.001", {}),
        ("--benchmark-max-time=2.5", {"max_time": "2.5s"}),
        ("--benchmark-sort=name", {}),
    ],
)
def test_the_strictest_tolerance_and_the_time_are_taken_over(
    options: str, keys: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path, {"pytest.ini": f"[pytest]\naddopts = {options}\n"})
    assert migrate(tmp_path).keys == keys


def test_options_of_codspeed_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"pytest.ini": "[pytest]\naddopts = -q --codspeed --codspeed-mode=walltime\n"})
    words = "no counterpart: pytest-codspeed reads it, and measures alone with --codspeed"
    assert migrate(tmp_path).notes == [("--codspeed", words), ("--codspeed-mode=walltime", words)]


def test_the_newest_saved_file_of_each_machine_is_taken(tmp_path: Path) -> None:
    names = ["Linux-CPython-3.12-64bit/0002_a.json", "Linux-CPython-3.12-64bit/0010_b.json", "Darwin/0001_c.json"]
    write(tmp_path, dict.fromkeys([*names, "Darwin/notes.json"], "{}"))
    assert sorted(newest_saved(tmp_path)) == [tmp_path / names[2], tmp_path / names[1]]


def test_a_project_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = "--benchmark-compare-fail=mean:8% --benchmark-autosave --benchmark-sort=name"
    write(
        tmp_path,
        {
            "pyproject.toml": f'[tool.pytest.ini_options]\naddopts = "{options}"\n',
            "tests/test_some.py": TESTS,
            ".benchmarks/Linux/0001_x.json": saved("tests/test_some.py::test_sort", 0.001),
        },
    )
    assert main(["init", "--from", "pytest-benchmark"]) == 0
    output = capsys.readouterr().out
    assert output.splitlines()[:5] == [
        '--benchmark-compare-fail=mean:8%  ->  max_regression = "8%": slower code is confirmed in fresh processes',
        "--benchmark-autosave              ->  a committed baseline: pytest --perf-update-baseline",
        "--benchmark-sort=name             ->  no counterpart: it shapes pytest-benchmark's table",
        "1 test with a fixture             ->  an entry of budgets each: tests/test_some.py::test_sort",
        "1 test with a marker              ->  codspeed = true: tests/test_some.py::TestAll::test_body",
    ]
    assert "perf-baseline.json: 1 benchmark added from .benchmarks/Linux/0001_x.json" in output
    settings = load_settings(tmp_path / "pyproject.toml")
    assert settings.max_regression.share == 0.08
    assert settings.codspeed
    assert [one.patterns for one in settings.entries] == [("tests/test_some.py::test_sort",)]
    assert main(["init", "--from", "pytest-benchmark"]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_project_without_benchmarks_hears_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--from", "codspeed", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("found no option and no test of pytest-benchmark or CodSpeed\n")
