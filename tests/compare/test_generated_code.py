"""Code that git ignores, in place of which the base has a fallback: both sides run the same of the two."""

from __future__ import annotations

import importlib
import shutil
import sys

import pytest
from programs import SEQUENTIAL, shop
from repositories import IGNORED, Repository
from scripting import TWO_WORKERS, times

pytestmark = pytest.mark.usefixtures("brief")

WAYS = pytest.mark.parametrize("pyproject", ["", SEQUENTIAL], ids=["side by side", "sequential"])

EARLY = "try: from goods.proto.fast import MS\nexcept ImportError: MS = 9\nfrom scripted import advance\n"
LATE = """
from scripted import advance
def encode():
    try: from goods.proto.fast import MS
    except ImportError: MS = 9
    advance(MS)
"""
ENCODE = "def encode(): advance(MS)\n"
CODES = pytest.mark.parametrize("code", [EARLY + ENCODE, LATE], ids=["imported early", "imported late"])
TESTS = "import goods, shop\ndef test_it(perf): perf(goods.encode)\ndef test_other(perf): perf(shop.work)\n"


def generate(repository: Repository) -> None:
    repository.file("goods/proto/__init__.py", "")
    repository.file("goods/proto/fast.py", "MS = 3\n")


@WAYS
@CODES
def test_a_generated_package_is_the_heads_on_both_sides(repository: Repository, code: str, pyproject: str) -> None:
    """Else the base would run the fallback, and a slower head would look improved."""
    repository.commit({".gitignore": f"{IGNORED}goods/proto/\n", "goods/__init__.py": code}, tests=TESTS)
    generate(repository)
    repository.file("goods/__init__.py", code.replace("advance(MS)", "advance(2 * MS)"))
    result = repository.against_base(pyproject=pyproject, subprocess=True)
    result.assert_outcomes(passed=1, failed=1)
    assert times(repository) == {"test_it encode": "regressed", "test_other work": "unchanged"}
    result.stdout.fnmatch_lines(["*taken from the working tree for both commits: goods/proto/__init__.py, *fast.py."])


@pytest.mark.parametrize("first", ["import goods.proto.fast\n", ""], ids=["imported early", "imported late"])
def test_all_workers_know_what_the_first_of_them_took(repository: Repository, first: str) -> None:
    """Else the second worker would compare the head's function with itself."""
    tests = first + "".join(
        f"def test_{one}(perf):\n    from goods.proto.fast import pack\n    perf(pack)\n" for one in "abcd"
    )
    repository.commit({".gitignore": f"{IGNORED}goods/proto/\n", "goods/__init__.py": ""}, tests=tests)
    generate(repository)
    repository.file("goods/proto/fast.py", "from scripted import advance\ndef pack(): advance(3)\n")
    result = repository.against_base(*TWO_WORKERS, subprocess=True)
    result.assert_outcomes(failed=4)
    assert set(times(repository).values()) == {"unmeasured"}
    result.stdout.fnmatch_lines(["*fast.py is generated and not in git, so it was taken from the working tree *"])


def test_a_package_that_moved_is_not_carried_into_the_base(repository: Repository) -> None:
    """The base has the package at its old place, and would import the new one, too."""
    imports = "try: from {new}._version import MS\nexcept ImportError: from goods import MS\n"
    code = imports + "from scripted import advance\n" + ENCODE
    repository.commit(
        {
            ".gitignore": f"{IGNORED}_version.py\n",
            "goods/__init__.py": "MS = 9\n",
            "codec.py": code.format(new="wares"),
        },
        tests="import codec\ndef test_it(perf): perf(codec.encode)\n",
    )
    repository.file("wares/__init__.py", "")
    repository.file("wares/_version.py", "MS = 3\n")
    result = repository.against_base(subprocess=True)
    result.assert_outcomes(passed=1)
    assert times(repository) == {"test_it encode": "improved"}
    assert "taken from the working tree" not in result.stdout.str()


LIBRARY = """
import ctypes
from pathlib import Path
from scripted import advance
FILE = Path(__file__).parent / "build/libops.so"
"""
LOADS = """
try: ctypes.CDLL(str(FILE))
except OSError: MS = 9
else: MS = 3
"""
LOADED_EARLY = LIBRARY + LOADS + ENCODE
LOADED_LATE = f"{LIBRARY}def encode():{LOADS.replace(chr(10), chr(10) + '    ')}advance(MS)\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which libraries a process has loaded")
@pytest.mark.parametrize("code", [LOADED_EARLY, LOADED_LATE], ids=["loaded early", "loaded late"])
class TestLibraries:
    """A shared library that is loaded by its path; `is_tracked` says whether git has it."""

    def commit(self, repository: Repository, code: str, *, is_tracked: bool) -> None:
        ignored = IGNORED if is_tracked else f"{IGNORED}build\n"
        repository.commit({".gitignore": ignored, "codec.py": code, "shop.py": shop()}, tests=self.TESTS)
        library = repository.pytester.path / "build/libops.so"
        library.parent.mkdir()
        shutil.copy(importlib.import_module("_ctypes").__file__ or "", library)

    TESTS = "import codec\ndef test_it(perf): perf(codec.encode)\n"

    @WAYS
    def test_a_base_that_lacks_a_built_library_is_wrong_code(
        self, repository: Repository, code: str, pyproject: str
    ) -> None:
        self.commit(repository, code, is_tracked=False)
        result = repository.against_base(pyproject=pyproject, subprocess=True)
        result.assert_outcomes(failed=1)
        assert times(repository) == {"test_it encode": "wrong_code"}
        result.stdout.fnmatch_lines(
            ["*the library build/libops.so was built in the working tree and is not in the checkout of HEAD, *"]
        )

    def test_a_library_that_the_head_adds_to_git_is_its_own_change(self, repository: Repository, code: str) -> None:
        self.commit(repository, code, is_tracked=True)
        repository.pytester.run("git", "add", "build")
        result = repository.against_base(subprocess=True)
        result.assert_outcomes(passed=1)
        assert times(repository) == {"test_it encode": "improved"}
