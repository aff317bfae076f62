"""`--perf-policy=base`: pull requests that give tests less to do by what shapes all tests, and change no test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from repositories import Repository
from scripting import CONFTEST

from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.perf_test_changes import PerfTestChanges
from pytest_perfbudget.checkout.revision import find_base

SHOP = "import scripted\n\ndef work():\n    scripted.advance(1)\n"
SLOWER = SHOP.replace("advance(1)", "advance(2)")
TESTS = "import shop\n\ndef test_it(perf):\n    perf(shop.work, name='step')\n"
INI = "[pytest]\npythonpath = .\n"
QUICK = "import scripted, shop\nshop.work = lambda: scripted.advance(0.5)\n"
HALF = "\n@pytest.fixture\ndef half(monkeypatch):\n    import shop\n    monkeypatch.setattr(shop, 'work', lambda: scripted.advance(0.5))\n"
LISTED = TESTS.replace("    perf", "    [*Path(__file__).parent.glob('*.txt')]\n    perf").replace(
    "import shop", "import shop\nfrom pathlib import Path"
)
BASE = {
    "pytest.ini": INI,
    "conftest.py": CONFTEST + HALF,
    "shop.py": SHOP,
    "plain.py": "",
    "tests/__init__.py": "",
    "tests/test_it.py": TESTS,
    "tests/test_listed.py": LISTED,
    "tests/a.txt": "",
    "by_plugin/__init__.py": "",
    "by_plugin/conftest.py": "pytest_plugins = ['plain']\n",
    "by_plugin/test_it.py": TESTS,
}
WAYS = {
    "the package of the tests": {"tests/__init__.py": QUICK},
    "a fixture for all tests": {"pytest.ini": f"{INI}usefixtures = half\n"},
    "a new plugin": {"pytest.ini": f"{INI}addopts = -p quick\n", "quick.py": QUICK},
}


def propose(repository: Repository, head: dict[str, str]) -> Path:
    """Commit a base, and write the pull request."""
    (repository.pytester.path / "test_it.py").unlink()
    repository.commit(BASE)
    for name, text in head.items():
        repository.file(name, text)
    return repository.pytester.path


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("brief")
def test_slower_code_hides_behind_nothing_that_shapes_all_tests(repository: Repository, way: str) -> None:
    folder = propose(repository, {**WAYS[way], "shop.py": SLOWER})
    result = repository.against_base("--perf-policy=base", "--perf-only", "tests/test_it.py", subprocess=True)
    assert result.ret == 1
    found = json.loads((folder / "report.json").read_text("utf-8"))["findings"]
    said = [one["headline"] for one in found if one["kind"] == "loosened" and one["severity"] == "failure"]
    assert any("so that the test measures" in one for one in said), said


@pytest.mark.parametrize(
    ("head", "changed"),
    [
        *((files, {"tests/test_it.py", "tests/test_listed.py"} if "tests/__init__.py" in files else None) for files in WAYS.values()),
        ({"plain.py": QUICK}, {"by_plugin/test_it.py"}),
        ({"tests/a.txt": "more"}, {"tests/test_listed.py"}),
        ({"pytest.ini": f"{INI}markers = a\naddopts = -q\n"}, set()),
        ({"pytest.ini": INI.replace(".", "src .")}, set()),
        ({"quick.py": QUICK}, set()),
    ],
)  # fmt: skip
def test_the_tests_that_a_change_of_the_session_may_change(
    repository: Repository, head: dict[str, str], changed: set[str] | None
) -> None:
    root = propose(repository, head)
    tests = {"tests/test_it.py", "tests/test_listed.py", "by_plugin/test_it.py"}
    changes = PerfTestChanges(BaseTests(find_base(root, "HEAD"), root, root / "pytest.ini"))
    assert {one for one in tests if changes.may_change(f"{one}::test_it")} == (tests if changed is None else changed)
