"""A base whose own options pytest refuses here runs with those of the head; any other error is reported with the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import Repository
from scripting import times

SHOP = "from scripted import advance\ndef work(): advance({})\n"
TESTS = "import shop\ndef test_it(perf): perf(shop.work)\n"
INI = "[pytest]\naddopts = {}\n"
NOTE = "run with the addopts of the working tree, because with its own the process of HEAD ended with exit code 4"


@pytest.mark.parametrize(("ms", "verdict"), [(1, "unchanged"), (6, "regressed")])
def test_a_base_with_an_option_of_a_missing_plugin_is_compared(repository: Repository, ms: int, verdict: str) -> None:
    """The plugin was removed with the option, so that no process of the base could start."""
    repository.commit({"shop.py": SHOP.format(1), "pytest.ini": INI.format("--coverage-of=shop")}, tests=TESTS)
    repository.file("pytest.ini", INI.format("--strict-markers"))
    repository.file("shop.py", SHOP.format(ms))
    result = repository.against_base()
    assert times(repository) == {"test_it work": verdict}
    said = " ".join(result.stdout.str().split())
    assert NOTE in said
    assert "unrecognized arguments: --coverage-of=shop" in said


SLOWS = """
import shop

def pytest_addoption(parser): parser.addoption("--slow", action="store_true")

def pytest_configure(config):
    if config.getoption("slow"):
        shop.MS = 6
"""


def test_a_base_that_runs_after_the_head_is_compared_as_well(repository: Repository) -> None:
    repository.commit({"shop.py": SHOP.format(1), "pytest.ini": INI.format("--coverage-of=shop")}, tests=TESTS)
    repository.file("pytest.ini", INI.format("--strict-markers"))
    repository.file("shop.py", SHOP.format(6))
    result = repository.against_base(pyproject='[tool.perfbudget.duet]\nmode = "sequential"\n')
    assert times(repository) == {"test_it work": "regressed"}
    assert NOTE in " ".join(result.stdout.str().split())


def test_a_conftest_that_fails_once_leaves_the_base_its_own_options(repository: Repository, tmp_path: Path) -> None:
    fails_once = f"""
import pathlib
if "/perfbudget-base-" in __file__ and not (seen := pathlib.Path({str(tmp_path / "seen")!r})).exists():
    seen.touch()
    raise RuntimeError("port taken")
"""
    conftest = repository.pytester.path / "conftest.py"
    known = conftest.read_text("utf-8") if conftest.exists() else ""
    files = {"shop.py": SHOP.format(1), "pytest.ini": INI.format("-q"), "conftest.py": known + fails_once}
    repository.commit(files, tests=TESTS)
    repository.file("pytest.ini", INI.format("--strict-markers"))
    repository.file("shop.py", SHOP.format(6))
    result = repository.against_base()
    assert times(repository) == {"test_it work": "regressed"}
    assert (tmp_path / "seen").exists()
    result.stdout.no_fnmatch_line("*addopts*")


def test_the_own_options_of_a_base_that_starts_hold(repository: Repository) -> None:
    shop = "from scripted import advance\nMS = 1\ndef work(): advance(MS)\n"
    repository.commit({"shop.py": shop, "pytest.ini": INI.format("--slow")}, tests=TESTS)
    conftest = repository.pytester.path / "conftest.py"
    known = conftest.read_text("utf-8") if conftest.exists() else ""
    repository.commit({"conftest.py": known + SLOWS})
    repository.file("pytest.ini", INI.format("-q"))
    result = repository.against_base()
    assert times(repository) == {"test_it work": "improved"}
    result.stdout.no_fnmatch_line("*addopts*")


def test_a_base_that_refuses_the_options_of_the_head_as_well_tells_of_its_own(repository: Repository) -> None:
    conftest = repository.pytester.path / "conftest.py"
    known = conftest.read_text("utf-8") if conftest.exists() else ""
    files = {"shop.py": SHOP.format(1), "pytest.ini": INI.format("--coverage-of=shop"), "conftest.py": known + "\n"}
    repository.commit(files, tests=TESTS)
    repository.file("pytest.ini", INI.format("--slow"))
    repository.file("conftest.py", known + SLOWS.replace("shop.MS", "shop.ms"))
    result = repository.against_base()
    assert times(repository) == {"test_it work": "unmeasured"}
    result.stdout.fnmatch_lines(["*the process of HEAD ended with exit code 4*--coverage-of=shop*"])
    result.stdout.no_fnmatch_line("*addopts of the working tree*")


def test_a_base_that_starts_with_neither_is_unmeasured(repository: Repository) -> None:
    repository.commit({"shop.py": SHOP.format(1), "conftest.py": "raise RuntimeError('no stock')\n"}, tests=TESTS)
    repository.file("conftest.py", "")
    result = repository.against_base()
    assert times(repository) == {"test_it work": "unmeasured"}
    result.stdout.fnmatch_lines(["*the process of HEAD ended with exit code 4*no stock*"])
    result.stdout.no_fnmatch_line("*addopts*")
