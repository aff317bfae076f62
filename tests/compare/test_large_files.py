"""A base whose large files are pointers, because git-lfs is not installed here."""

from __future__ import annotations

import hashlib

import pytest
from programs import SEQUENTIAL, shop
from repositories import Repository
from scripting import times

pytestmark = pytest.mark.usefixtures("brief")

WAYS = pytest.mark.parametrize("pyproject", ["", SEQUENTIAL], ids=["side by side", "sequential"])
CONTENT = "x" * 3000
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n"
READS = "from pathlib import Path\nadvance(Path(__file__).with_name('data.bin').stat().st_size / 1000)"
TESTS = "import shop\ndef test_it(perf): perf(shop.work)\n"


def commit_pointer(repository: Repository, content: str) -> None:
    digest = hashlib.sha256(content.encode()).hexdigest()
    files = {
        ".gitattributes": "*.bin filter=lfs -text\n",
        "data.bin": POINTER.format(digest=digest, size=len(content)),
        "shop.py": shop(work=READS),
    }
    repository.commit(files, tests=TESTS)
    repository.file("data.bin", CONTENT)


def test_the_base_has_the_files_that_did_not_change(repository: Repository) -> None:
    """Else the base would read a pointer of 130 bytes, and be many times faster."""
    commit_pointer(repository, CONTENT)
    repository.against_base(subprocess=True).assert_outcomes(passed=1)
    assert times(repository) == {"test_it work": "unchanged"}


@WAYS
def test_a_base_without_its_files_is_not_compared(repository: Repository, pyproject: str) -> None:
    commit_pointer(repository, "y" * 3000)
    result = repository.against_base(pyproject=pyproject, subprocess=True)
    result.assert_outcomes(failed=1)
    assert times(repository) == {"test_it work": "unmeasured"}
    result.stdout.fnmatch_lines(
        ["work: unmeasured: HEAD has only the git-lfs pointer of data.bin, and *: run git lfs install, and git lfs *"]
    )
