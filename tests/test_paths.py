"""The path of a file within a project, for files as written and through symbolic links."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pytest_perfbudget.paths import RealPaths, has_file, is_below, own_modules, path_in


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a folder with a module, and beside it a link to the folder and a link to the module."""
    folder = tmp_path.resolve() / "shop"
    (folder / "web").mkdir(parents=True)
    (folder / "web" / "menu.py").touch()
    (folder.parent / "link").symlink_to(folder, target_is_directory=True)
    (folder.parent / "menu.py").symlink_to(folder / "web" / "menu.py")
    return folder


def test_a_folder_is_no_beginning_of_a_name() -> None:
    assert is_below("/work/shop/menu.py", "/work/shop")
    assert is_below("/work/shop", "/work/shop")
    assert not is_below("/work/shop2/menu.py", "/work/shop")
    assert not is_below("/work", "/work/shop")


@pytest.mark.parametrize("path", ["shop/web/menu.py", "link/web/menu.py", "menu.py", "shop/../shop/web/menu.py"])
def test_a_file_is_found_as_written_and_through_links(shop: Path, path: str) -> None:
    assert path_in(shop, str(shop.parent / path)) == Path("web/menu.py")


@pytest.mark.parametrize("path", ["shop2/menu.py", "other.py", "shop/../other.py", "shop/.venv/site-packages/menu.py"])
def test_files_elsewhere_and_installed_files_are_not_of_the_folder(shop: Path, path: str) -> None:
    assert path_in(shop, str(shop.parent / path)) is None


@pytest.mark.parametrize(
    "path",
    ["shop/web/menu.py", "link/web/menu.py", "menu.py", "link/web/..", "link/..", "link/", "missing/a.py", "link"],
)
def test_a_path_is_resolved_as_by_the_system(shop: Path, path: str) -> None:
    path = f"{shop.parent}{os.sep}{path}"
    paths = RealPaths()
    assert paths.resolve(path) == paths.resolve(path) == os.path.realpath(path)


def test_each_folder_is_resolved_once(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has thousands of modules in some hundred folders."""
    resolved: list[str] = []
    real = os.path.realpath

    def realpath(path: str) -> str:
        resolved.append(path)
        return real(path)

    monkeypatch.setattr(os.path, "realpath", realpath)
    paths = RealPaths()
    for name in ("menu.py", "wares.py", "menu.py"):
        assert paths.resolve(str(shop / "web" / name)) == str(shop / "web" / name)
    assert resolved == [str(shop / "web")]


def test_a_link_to_another_folder_than_before_is_followed(shop: Path) -> None:
    link = shop.parent / "current"
    link.symlink_to(shop.parent, target_is_directory=True)
    assert path_in(shop, str(link / "web/menu.py")) is None
    link.unlink()
    link.symlink_to(shop, target_is_directory=True)
    assert path_in(shop, str(link / "web/wares.py")) == Path("web/wares.py")


def test_a_module_behind_a_link_is_the_projects_own(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "menu": shop / "web/menu.py",
        "linked": shop.parent / "link/web/menu.py",
        "other": shop.parent / "other.py",
    }
    for name, file in files.items():
        module = ModuleType(name)
        module.__file__ = str(file)
        monkeypatch.setitem(sys.modules, name, module)
    assert own_modules(shop) == {name: str(files[name]) for name in ("menu", "linked")}
    assert own_modules(shop, {"linked", "other"}) == {"linked": str(files["linked"])}


def test_a_folder_has_files_only(shop: Path) -> None:
    assert has_file(shop, "web/menu.py")
    assert not has_file(shop, "web")
    assert not has_file(shop, "web/none.py")
