"""The head's code over the base's own tests."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from repositories import commit

from pytest_perfbudget.checkout.head_code import lay_code_over
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.checkout.worktree import checked_out

BASE = {
    "shop.py": "base",
    "gone.py": "base",
    "kept.py": "base",
    "folder/now_a_file": "base",
    "conftest.py": "base",
    "tests/test_shop.py": "base",
    "tests/helper.py": "base",
    ".gitignore": "ignored.py\n",
}


def texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts and path.name not in (".git", ".gitignore")
    }


def test_the_checkout_has_the_code_of_the_working_tree_and_the_tests_of_the_base(tmp_path: Path) -> None:
    top = tmp_path / "work"
    commit(top, BASE)
    base = find_base(top, "HEAD")
    (top / "gone.py").unlink()
    (top / "folder/now_a_file").unlink()
    (top / "folder").rmdir()
    environment = ".venv/lib/site-packages/other.py"
    new = (
        environment,
        "shop.py",
        "folder",
        "package/new.py",
        "ignored.py",
        "tests/test_shop.py",
        "tests/new.py",
        "conftest.py",
    )
    for name in new:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("head", "utf-8")
    (top / "tests/helper.py").unlink()
    with checked_out(base) as tree:
        lay_code_over(base, tree, [PurePosixPath("tests"), PurePosixPath("conftest.py")])
        assert texts(tree) == {
            "shop.py": "head",
            "kept.py": "base",
            "folder": "head",
            "package/new.py": "head",
            "conftest.py": "base",
            "tests/test_shop.py": "base",
            "tests/helper.py": "base",
        }


def test_a_link_stays_a_link_and_a_repository_within_is_copied(tmp_path: Path) -> None:
    top = tmp_path / "work"
    commit(top, {"shop.py": "base"})
    base = find_base(top, "HEAD")
    try:
        (top / "linked.py").symlink_to("shop.py")
    except OSError:
        pytest.skip("no symbolic links here")
    commit(top / "inner", {"part.py": "head"})
    with checked_out(base) as tree:
        lay_code_over(base, tree, [])
        assert (tree / "linked.py").readlink() == Path("shop.py")
        assert texts(tree / "inner") == {"part.py": "head"}
        assert not (tree / "inner/.git").exists()
