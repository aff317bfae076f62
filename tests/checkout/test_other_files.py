"""Modules that a pull request lets its tests import from another file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from pytest_perfbudget.checkout.other_files import OtherFile, other_files

COPY = OtherFile("shop", "tests/shop.py", "shop.py")


def found(
    folder: Path, head: dict[str, str], base: dict[str, str], *, left: str = "", known: str = ""
) -> list[OtherFile]:
    """Return the modules that are found in trees with the imported files.

    Args:
        folder: the folder of both trees.
        head: the files of the head's modules by name.
        base: the same of the base.
        left: a file that the head still has.
        known: a file that the base has, too.
    """
    top, tree = folder / "top", folder / "tree"
    for side, files in ((top, [*head.values(), left]), (tree, [*base.values(), known])):
        for file in filter(None, files):
            (side / file).parent.mkdir(parents=True, exist_ok=True)
            (side / file).touch()
    return other_files(head, base, top, tree, [PurePosixPath("tests")])


def test_a_new_file_stands_in_for_one_that_is_still_there(tmp_path: Path) -> None:
    assert found(tmp_path, {"shop": "tests/shop.py"}, {"shop": "shop.py"}, left="shop.py") == [COPY]


@pytest.mark.parametrize(
    ("head", "base", "left", "known"),
    [
        pytest.param("src/shop.py", "shop.py", "", "", id="moved"),
        pytest.param("shop/__init__.py", "shop.py", "", "", id="becomes a package"),
        pytest.param("tests/shop.py", "shop.py", "shop.py", "tests/shop.py", id="both commits have both"),
        pytest.param("tests/a/shop.py", "tests/b/shop.py", "tests/b/shop.py", "", id="a helper of tests"),
        pytest.param("shop.py", "shop.py", "", "", id="the same"),
    ],
)
def test_other_files_are_no_finding(tmp_path: Path, head: str, base: str, left: str, known: str) -> None:
    assert found(tmp_path, {"shop": head}, {"shop": base}, left=left, known=known) == []


def test_a_module_that_only_one_side_has_is_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path, {"shop": "shop.py"}, {"store": "store.py"}, left="store.py") == []
