"""What the base's process may import."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from pytest_perfbudget.plugin import bootstrap
from pytest_perfbudget.plugin.origin import foreign_module


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A working tree and a checkout of it."""
    for name in ("top", "tree"):
        for file in ("src/shop/__init__.py", "src/shop/cart.py", "tools.py"):
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", "utf-8")
    return tmp_path / "top", tmp_path / "tree"


def imported(monkeypatch: pytest.MonkeyPatch, name: str, file: Path) -> None:
    module = ModuleType(name)
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, name, module)


def test_what_comes_from_the_checkout_is_the_bases(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    top, tree = folders
    imported(monkeypatch, "shop.cart", tree / "src/shop/cart.py")
    imported(monkeypatch, "colours", Path("/usr/lib/colours.py"))
    assert foreign_module(top, tree, tree) == ""


def test_what_comes_from_the_working_tree_is_not(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    top, tree = folders
    imported(monkeypatch, "shop.cart", top / "src/shop/cart.py")
    assert foreign_module(top, tree, tree) == f"'shop.cart' from {top / 'src/shop/cart.py'}"


@pytest.mark.parametrize("name", ["shop", "shop.cart", "tools"])
def test_nor_is_an_installed_copy(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    top, tree = folders
    imported(monkeypatch, name, Path("/usr/lib/site-packages/x.py"))
    assert "where it is installed: install it editable" in foreign_module(top, tree, tree)


def test_a_package_in_an_environment_within_the_working_tree_is_no_part_of_it(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    top, tree = folders
    imported(monkeypatch, "colours", top / ".venv/lib/site-packages/colours.py")
    assert foreign_module(top, tree, tree) == ""


def test_the_finder_of_an_editable_installation_is_led_into_the_checkout(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As setuptools makes them: a class, with the places in the module around it."""
    top, tree = folders
    home = ModuleType("__editable___shop_finder")
    monkeypatch.setitem(sys.modules, home.__name__, home)
    code = "class Finder:\n    @classmethod\n    def find_spec(cls, *_): return None\n"
    exec(code, vars(home))
    vars(home)["MAPPING"] = {"shop": f"{top}/src/shop", "colours": "/usr/lib/colours"}
    vars(home)["NAMESPACES"] = {"space": [f"{top}/src/space"]}
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, vars(home)["Finder"]])
    bootstrap._redirect(str(top), str(tree))
    assert vars(home)["MAPPING"] == {"shop": f"{tree}/src/shop", "colours": "/usr/lib/colours"}
    assert vars(home)["NAMESPACES"] == {"space": [f"{tree}/src/space"]}
