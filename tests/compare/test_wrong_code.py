"""A base that does not run its own code."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
from importlib.machinery import EXTENSION_SUFFIXES

import pytest
from programs import SEQUENTIAL, shop
from repositories import Repository
from scripting import times

pytestmark = pytest.mark.usefixtures("brief")


@pytest.mark.parametrize("mode", ["", SEQUENTIAL], ids=["side by side", "in turns"])
@pytest.mark.parametrize("gate", ["fail", "warn"])
def test_a_base_that_imports_the_working_tree_is_wrong_code_and_fails(
    repository: Repository, mode: str, gate: str
) -> None:
    """The test itself puts a folder of the working tree on the search path."""
    library = repository.pytester.path / "lib"
    test = (
        f"import sys\nsys.path.insert(0, {str(library)!r})\nfrom goods import work\ndef test_call(perf): perf(work)\n"
    )
    repository.commit({"lib/goods.py": shop()}, tests=test)
    result = repository.against_base(f"--perf-gate={gate}", pyproject=mode)
    result.assert_outcomes(failed=int(gate == "fail"), passed=int(gate == "warn"))
    assert times(repository) == {"test_call work": "wrong_code"}
    result.stdout.fnmatch_lines(
        [
            f"*work: wrong_code: the process of HEAD would not measure its own code: it imports 'goods' from {library}*, "
            "which is the working tree: name that folder from the file on that adds it to sys.path*",
            "against HEAD (*): nothing was compared (1 wrong_code)",
        ]
    )


@pytest.mark.parametrize(
    "mode", ["", SEQUENTIAL, '[tool.perfbudget]\nmax_time = "500us"\n'], ids=["side by side", "in turns", "uncounted"]
)
def test_code_that_is_run_by_its_path_in_the_working_tree_is_wrong_code(repository: Repository, mode: str) -> None:
    """Such code is in no module; a path that is built from __file__ leads each side to its own code."""
    run = "import runpy\nwork = runpy.run_path({})['work']\ndef test_call(perf): perf(work)\n"
    place = str(repository.pytester.path / "goods.py")
    repository.commit({"goods.py": shop()}, tests=run.format(repr(place)))
    repository.file("goods.py", shop(3))
    repository.against_base(pyproject=mode).assert_outcomes(failed=1)
    assert times(repository) == {"test_call work": "wrong_code"}
    result = repository.against_base(pyproject=mode)
    result.stdout.fnmatch_lines([f"*wrong_code: *it runs {place} of the working tree: build that path from __file__*"])
    relative = run.format("__file__.replace('test_it', 'goods')")
    repository.file("goods.py", shop())
    repository.commit(tests=relative)
    repository.file("goods.py", shop(3))
    repository.against_base(pyproject=mode).assert_outcomes(failed=1)
    assert times(repository) == {"test_call work": "regressed"}


DEEP = """
import runpy, threading
def deep(): runpy.run_path({})["work"]()
def work():
    thread = threading.Thread(target=deep)
    thread.start()
    thread.join()
def test_call(perf): perf(work)
"""


@pytest.mark.parametrize("pyproject", ["", '[tool.perfbudget]\nmax_time = "500us"\n'], ids=["counted", "uncounted"])
def test_code_that_a_thread_runs_by_its_path_is_wrong_code(repository: Repository, pyproject: str) -> None:
    """No profile shows such code, nor the code below a function that is too slow to be profiled."""
    place = str(repository.pytester.path / "goods.py")
    repository.commit({"goods.py": shop()}, tests=DEEP.format(repr(place)))
    repository.file("goods.py", shop(3))
    result = repository.against_base(pyproject=pyproject)
    result.assert_outcomes(failed=1)
    assert times(repository) == {"test_call work": "wrong_code"}
    result.stdout.fnmatch_lines([f"*wrong_code: *it runs {place} of the working tree*"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which libraries a process has loaded")
@pytest.mark.parametrize("mode", ["", SEQUENTIAL], ids=["side by side", "in turns"])
def test_a_library_that_is_loaded_by_its_path_in_the_working_tree_is_wrong_code(
    repository: Repository, mode: str
) -> None:
    """Both sides would run what the head has built."""
    library = repository.pytester.path / "build/libops.so"
    library.parent.mkdir()
    shutil.copy(importlib.import_module("_ctypes").__file__ or "", library)
    tests = f"import ctypes, shop\nctypes.CDLL({str(library)!r})\ndef test_call(perf): perf(shop.work)\n"
    repository.commit({".gitignore": "build\n"}, tests=tests)
    result = repository.against_base(pyproject=mode)
    result.assert_outcomes(failed=1)
    assert times(repository) == {"test_call work": "wrong_code"}
    result.stdout.fnmatch_lines([f"*wrong_code: *it loads {library}, a library of the working tree: let setup of *"])


def test_an_installed_copy_that_both_sides_would_import_is_noticed(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing the head with itself would always pass."""
    installed = repository.pytester.path.parent / "site-packages"
    installed.mkdir()
    (installed / "shop.py").write_text(shop(), "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(installed), prepend=os.pathsep)
    repository.file("pytest.ini", "[pytest]\n")
    repository.file("conftest.py", "")
    (repository.pytester.path / "shop.py").unlink()
    tests = "import shop\ndef test_call(perf): perf(len, 'x')\n"
    repository.commit({"tests/test_installed.py": tests, "src/shop.py": shop(), "scripted.py": "advance = print"})
    result = repository.against_base("tests/test_installed.py", subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["len: wrong_code: *imports 'shop' from *site-packages*install it editable*"])


def test_an_extension_that_the_base_lacks_is_noticed_if_it_is_imported_late(
    repository: Repository,
) -> None:
    """The base would run the Python code that stands in for the extension."""
    spec = importlib.util.find_spec("_heapq")
    if spec is None or not spec.origin or not spec.origin.endswith(tuple(EXTENSION_SUFFIXES)):
        pytest.skip("this Python has no such file")
    tests = (
        "import shop\ndef test_a(perf): perf(shop.work)\n"
        "def test_b(perf):\n    try: from fast import _heapq\n    except ImportError: pass\n    perf(shop.work)\n"
        "def test_c(perf): perf(shop.work)\n"
    )
    repository.commit({"fast/__init__.py": ""}, tests=tests)
    shutil.copy(spec.origin, repository.pytester.path / "fast")
    repository.against_base(subprocess=True).assert_outcomes(passed=2, failed=1)
    assert times(repository) == {
        "test_a work": "unchanged",
        "test_b work": "wrong_code",
        "test_c work": "unchanged",
    }
