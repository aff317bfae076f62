"""A base that does not run its own code."""

from __future__ import annotations

import importlib.util
import os
import shutil
from importlib.machinery import EXTENSION_SUFFIXES

import pytest
from programs import AGAINST, SHOP, TURNS
from repositories import commit
from scripting import Project, times

TEST = "import sys\nsys.path.insert(0, {!r})\nfrom goods import work\ndef test_call(perf): perf(work)\n"


@pytest.mark.parametrize("mode", ["", TURNS], ids=["side by side", "in turns"])
@pytest.mark.parametrize("gate", ["fail", "warn"])
def test_its_tests_fail_and_say_why(repository: Project, mode: str, gate: str) -> None:
    library = repository.pytester.path / "lib"
    test = TEST.format(str(library))
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


def test_an_installed_copy_that_both_sides_would_import_is_noticed(
    repository: Project, monkeypatch: pytest.MonkeyPatch
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


def test_an_extension_that_only_the_working_tree_has_is_noticed_when_it_is_imported_late(repository: Project) -> None:
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
