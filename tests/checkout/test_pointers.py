"""Large files of git-lfs in a checkout, where git-lfs is not installed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from repositories import commit

from pytest_perfbudget.checkout.pointers import fill_pointers

ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
CONTENT = "x" * 3000


def pointer(content: str, extension: str = "") -> str:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\n{extension}oid sha256:{digest}\nsize {len(content)}\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """The working tree, in which git-lfs has run."""
    made = tmp_path / "top"
    (made / "assets").mkdir(parents=True)
    (made / "assets/model.bin").write_text(CONTENT, "utf-8")
    return made


def check_out(tmp_path: Path, text: str, attributes: str = ATTRIBUTES) -> Path:
    tree = tmp_path / "tree"
    commit(tree, {"assets/.gitattributes": attributes, "assets/model.bin": text, "code.py": ""})
    return tree


@pytest.mark.parametrize("extension", ["", f"ext-0-foo sha256:{'0' * 64}\n"], ids=["plain", "extended"])
def test_a_pointer_becomes_the_file_of_the_same_content(top: Path, tmp_path: Path, extension: str) -> None:
    tree = check_out(tmp_path, pointer(CONTENT, extension))
    assert fill_pointers(top, tree) == []
    assert (tree / "assets/model.bin").read_text("utf-8") == CONTENT
    assert [one.name for one in (tree / "assets").iterdir() if one.name.startswith(".model")] == []


@pytest.mark.parametrize("content", ["y" * 3000, "y"], ids=["same size", "other size"])
def test_a_pointer_to_other_content_is_named(top: Path, tmp_path: Path, content: str) -> None:
    tree = check_out(tmp_path, pointer(content))
    assert fill_pointers(top, tree) == ["assets/model.bin"]
    assert (tree / "assets/model.bin").read_text("utf-8") == pointer(content)


def test_pointers_on_both_sides_are_left_alone(top: Path, tmp_path: Path) -> None:
    (top / "assets/model.bin").write_text(pointer("z"), "utf-8")
    tree = check_out(tmp_path, pointer("y"))
    assert fill_pointers(top, tree) == []
    assert (tree / "assets/model.bin").read_text("utf-8") == pointer("y")


@pytest.mark.parametrize(
    ("text", "attributes"),
    [("y" * 3000, ATTRIBUTES), (pointer("y"), "*.txt filter=lfs\n"), (pointer("y"), "")],
    ids=["content", "of another file", "without attributes"],
)
def test_what_is_no_pointer_is_left_alone(top: Path, tmp_path: Path, text: str, attributes: str) -> None:
    tree = check_out(tmp_path, text, attributes)
    assert fill_pointers(top, tree) == []
    assert (tree / "assets/model.bin").read_text("utf-8") == text


def test_a_file_that_the_head_has_removed_is_left_alone(top: Path, tmp_path: Path) -> None:
    (top / "assets/model.bin").unlink()
    assert fill_pointers(top, check_out(tmp_path, pointer("y"))) == []
