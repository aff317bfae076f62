"""Modules that a pull request lets its tests import from another file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from pytest_perfbudget.checkout.other_files import OtherFile, other_files

FAST, SLOW = ("def work(): return 1\n", "def work(): return 1 + 1\n")
SHIM = "from store import *\n"
BASE = {"shop.py": FAST}


def found(
    folder: Path,
    base: dict[str, str],
    head: dict[str, str],
    imported: str,
    *,
    before: str = "shop.py",
    changed: tuple[str, ...] = (),
    more: tuple[str, str] = ("", ""),
) -> list[OtherFile]:
    """Return what is found about the module shop.

    Args:
        folder: the folder of both trees.
        base: the files of the base.
        head: the files of the head.
        imported: the file from which the head imports the module.
        before: the file from which the base imports the module.
        changed: the changed code.
        more: a module that the base imports, too, and its file.
    """
    top, tree = folder / "top", folder / "tree"
    for side, files in ((top, head), (tree, base)):
        for file, text in files.items():
            (side / file).parent.mkdir(parents=True, exist_ok=True)
            (side / file).write_text(text, "utf-8")
    modules = {"shop": before, **({more[0]: more[1]} if more[0] else {})}
    return other_files({"shop": imported}, modules, top, tree, [PurePosixPath("tests")], changed=lambda: changed)


@pytest.mark.parametrize("copy", ["tests/shop.py", "shop/__init__.py"])
def test_a_new_file_stands_in_for_one_that_has_become_slower(tmp_path: Path, copy: str) -> None:
    assert found(tmp_path, BASE, {"shop.py": SLOW, copy: FAST}, copy) == [
        OtherFile("shop", copy, "shop.py", is_hiding=True)
    ]


def test_a_file_that_both_commits_have_stands_in_for_one_that_has_become_slower(tmp_path: Path) -> None:
    """The pull request exchanges two folders of the import path."""
    base, head = {**BASE, "fast/shop.py": FAST}, {"shop.py": SLOW, "fast/shop.py": FAST}
    assert [one.is_hiding for one in found(tmp_path, base, head, "fast/shop.py")] == [True]


def test_a_new_file_stands_in_for_one_whose_helper_has_become_slower(tmp_path: Path) -> None:
    base, head = {**BASE, "core.py": FAST}, {**BASE, "core.py": SLOW, "tests/shop.py": FAST}
    result = found(tmp_path, base, head, "tests/shop.py", more=("core", "core.py"))
    assert [one.is_hiding for one in result] == [True]


def test_a_copy_of_code_that_was_moved_and_became_slower_is_found(tmp_path: Path) -> None:
    head = {"shop.py": SHIM, "store.py": SLOW, "tests/shop.py": FAST}
    result = found(tmp_path, BASE, head, "tests/shop.py", changed=("shop.py", "store.py"))
    assert [one.is_hiding for one in result] == [True]


@pytest.mark.parametrize(
    ("head", "imported"),
    [
        pytest.param({**BASE, "fast/shop.py": FAST}, "fast/shop.py", id="nobody changed the base's file"),
        pytest.param({"shop.py": SHIM, "src/shop.py": FAST}, "src/shop.py", id="only imports are left"),
    ],
)
def test_a_new_file_that_hides_no_change_is_only_listed(tmp_path: Path, head: dict[str, str], imported: str) -> None:
    result = found(tmp_path, BASE, head, imported, changed=("shop.py", imported))
    assert result == [OtherFile("shop", imported, "shop.py")]


@pytest.mark.parametrize(
    ("base", "head", "imported", "before"),
    [
        pytest.param(BASE, {"src/shop.py": SLOW}, "src/shop.py", "shop.py", id="moved"),
        pytest.param(BASE, {"shop/__init__.py": SLOW}, "shop/__init__.py", "shop.py", id="becomes a package"),
        pytest.param(
            {**BASE, "a/shop.py": FAST}, {**BASE, "a/shop.py": SLOW}, "a/shop.py", "shop.py", id="both have both"
        ),
        pytest.param(
            {"tests/b/shop.py": FAST},
            {"tests/b/shop.py": SLOW, "tests/a/shop.py": FAST},
            "tests/a/shop.py",
            "tests/b/shop.py",
            id="a helper of tests",
        ),
        pytest.param(BASE, {"shop.py": SLOW}, "shop.py", "shop.py", id="the same"),
        pytest.param(BASE, {"shop.py": SLOW, "shop.abi3.so": ""}, "shop.abi3.so", "shop.py", id="built beside"),
    ],
)
def test_other_files_are_no_finding(
    tmp_path: Path, base: dict[str, str], head: dict[str, str], imported: str, before: str
) -> None:
    assert found(tmp_path, base, head, imported, before=before) == []


def test_a_module_that_only_one_side_has_is_no_finding(tmp_path: Path) -> None:
    assert other_files({"shop": "shop.py"}, {"store": "store.py"}, tmp_path, tmp_path) == []
