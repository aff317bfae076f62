"""The perf tests of the base that a pull request keeps pytest from collecting."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import break_searches, commit

from pytest_perfbudget.checkout.base_collection import perf_tests_in, uncollected
from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.core.collection_rules import CollectionRules
from pytest_perfbudget.core.limits import Limits, Rule

TESTS = "def test_a(perf): perf(len, [])\n"
TOML = "[tool.pytest.ini_options]\naddopts = '-q'\n"
IGNORING = "collect_ignore = ['test_a.py']\n"


def left_out(root: Path, changed: dict[str, str], *collected: str, folders: tuple[str, ...] = ()) -> dict[str, str]:
    for name, text in changed.items():
        (root / name).write_text(text, "utf-8")
    configuration = root / ("pytest.ini" if (root / "pytest.ini").exists() else "pyproject.toml")
    tests = BaseTests(find_base(root, "HEAD"), root, configuration)
    return uncollected(tests, collected, (), [root / one for one in folders])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"pyproject.toml": f"{TOML}norecursedirs = ['tests']\n"}, "norecursedirs of pytest's configuration"),
        ({"pyproject.toml": f"{TOML}python_files = ['check_*.py']\n"}, "python_files of pytest's configuration"),
        ({"pyproject.toml": TOML.replace("-q", "--ignore=tests")}, "addopts of pytest's configuration"),
        ({"pytest.ini": "[pytest]\ntestpaths = more\naddopts = -q\n"}, "testpaths of pytest's configuration"),
        ({"tests/conftest.py": IGNORING}, "tests/conftest.py"),
        ({"more/conftest.py": IGNORING}, ""),
        ({"pytest.ini": "[pytest]\naddopts = -q\n"}, ""),
        ({"pyproject.toml": TOML.replace("-q", "-ra --ignore=more --ignore-glob=*_old.py")}, ""),
        ({"shop.py": "# a remark\n"}, ""),
    ],
)
def test_a_test_that_is_collected_no_more_has_its_reason(tmp_path: Path, changed: dict[str, str], reason: str) -> None:
    files = dict.fromkeys(("shop.py", "more/conftest.py", "tests/conftest.py"), "")
    commit(tmp_path, {**files, "pyproject.toml": TOML, "tests/test_a.py": TESTS})
    assert left_out(tmp_path, changed) == ({"tests/test_a.py::test_a": reason} if reason else {})
    assert left_out(tmp_path, changed, "tests/test_a.py::test_a") == {}
    assert left_out(tmp_path, changed, folders=("more",)) == {}  # the command line asks for other tests


def test_any_file_of_the_base_may_have_perf_tests_if_git_cannot_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(tmp_path, {"pyproject.toml": TOML, "tests/test_a.py": TESTS, "tests/test_b.py": "def test_b(): pass\n"})
    break_searches(monkeypatch)
    found = left_out(tmp_path, {"pyproject.toml": f"{TOML}norecursedirs = ['tests']\n"})
    assert found.keys() == {"tests/test_a.py::test_a"}


def test_a_test_that_the_base_does_not_collect_either_is_no_finding(tmp_path: Path) -> None:
    names = ("tests/test_a.py", "build/test_a.py", "helpers.py")
    commit(tmp_path, {**dict.fromkeys(names, TESTS), "pyproject.toml": TOML, "tests/conftest.py": IGNORING})
    assert left_out(tmp_path, {"pyproject.toml": TOML.replace("-q", "-v")}) == {}


def test_perf_tests_are_known_by_fixture_marker_and_table() -> None:
    text = """
import pytest
def test_a(perf): pass
async def test_b(client, *, perf_load): pass
def test_plain(): pass
def test_named(): pass
def helper(perf): pass
@pytest.mark.perf_budget(p95_ms=1)
def test_marked(): pass
class TestIt:
    pytestmark = [pytest.mark.perf_budget]
    def test_inner(self): pass
class Base:
    def test_never(self, perf): pass
class Case(unittest.TestCase):
    @pytest.mark.perf_budget
    def test_case(self): pass
"""
    entries = [Rule(("a.py::test_named",), Limits(), "table")]
    rules = CollectionRules.from_settings({})
    names = [one.removeprefix("a.py::") for one in perf_tests_in(text, "a.py", rules, entries)]
    assert names == ["test_a", "test_b", "test_named", "test_marked", "TestIt::test_inner", "Case::test_case"]
    assert list(perf_tests_in("def broken(", "a.py", rules, entries)) == []
    marked = "import pytest\npytestmark = pytest.mark.perf_budget\ndef test_a(): pass\n"
    assert list(perf_tests_in(marked, "a.py", rules, [])) == ["a.py::test_a"]
