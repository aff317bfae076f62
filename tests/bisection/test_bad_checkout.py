"""The checkout of bad: its sessions import its own code, whichever way the project is installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from repositories import commit, git

from pytest_perfbudget.bisection.bad_checkout import BadCheckout, bad_checkout
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.errors import SetupError

SETUP = '[tool.perfbudget.duet]\nsetup = "{python} build.py"\n'
TEST = "tests/test_api.py::test_login"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    commit(folder, {"src/shop/api.py": "", "tests/test_api.py": "", "pyproject.toml": "", ".gitignore": "built.py\n"})
    return folder


def search_path(bad: BadCheckout) -> list[str]:
    return bad.environment["PYTHONPATH"].split(os.pathsep)


def test_a_folder_of_the_search_path_leads_into_the_checkout(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable installation adds the folder by a .pth file."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(shop / "src")])
    with bad_checkout(find_base(shop, "HEAD"), shop, TEST) as bad:
        assert search_path(bad)[0] == str(bad.tree / "src")
        assert not [one for one in search_path(bad) if Path(one).is_relative_to(shop)]


@pytest.mark.parametrize("is_attribute", [False, True])
def test_the_places_of_an_import_finder_lead_into_the_checkout(
    shop: Path, monkeypatch: pytest.MonkeyPatch, is_attribute: bool
) -> None:
    """setuptools keeps the places in the module of the finder, the package editables in the finder."""
    home = ModuleType("__editable___shop_finder")
    finder = type("Finder", (), {"__module__": home.__name__, "find_spec": lambda *_: None})
    places = {"shop": str(shop / "src" / "shop")}
    monkeypatch.setattr(finder if is_attribute else home, "MAPPING", places, raising=False)
    monkeypatch.setitem(sys.modules, home.__name__, home)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    with bad_checkout(find_base(shop, "HEAD"), shop, TEST) as bad:
        assert search_path(bad)[0] == str(bad.tree / "src")


def test_the_users_python_path_leads_into_the_checkout(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(shop / "src"), "/elsewhere"]))
    with bad_checkout(find_base(shop, "HEAD"), shop, TEST) as bad:
        assert search_path(bad)[-2:] == [str(bad.tree / "src"), "/elsewhere"]


def test_pytest_runs_in_the_users_folder_and_an_absolute_path_leads_into_the_checkout(shop: Path) -> None:
    base = find_base(shop, "HEAD")
    with bad_checkout(base, shop / "tests", "test_api.py::test_login") as bad:
        assert (bad.folder, bad.test) == (bad.tree / "tests", "test_api.py::test_login")
    with bad_checkout(base, shop, f"{shop / TEST}") as bad:
        assert bad.test == str(bad.tree / TEST)


def test_setup_makes_ignored_files_and_an_interpreter(shop: Path) -> None:
    commit(shop, {"build.py": "open('built.py', 'w').close()", "pyproject.toml": SETUP})
    with bad_checkout(find_base(shop, "HEAD"), shop, TEST) as bad:
        assert (bad.tree / "built.py").exists()
        assert Path(bad.python).is_relative_to(bad.scratch)
        assert bad.environment["PATH"].startswith(str(Path(bad.python).parent))
    assert not (shop / "built.py").exists()


def test_a_setup_that_fails_is_one_line_and_leaves_nothing(shop: Path) -> None:
    commit(shop, {"build.py": "raise SystemExit(3)", "pyproject.toml": SETUP})
    with pytest.raises(SetupError, match=r"^setup of .* ended with 3: it said nothing$"):  # noqa: SIM117
        with bad_checkout(find_base(shop, "HEAD"), shop, TEST):
            pass
    assert git(shop, "worktree", "list").count("\n") == 0


def test_the_checkout_ends_with_its_context(shop: Path) -> None:
    with bad_checkout(find_base(shop, "HEAD"), shop, TEST) as bad:
        assert git(shop, "worktree", "list").count("\n") == 1
        assert (bad.tree / "src" / "shop" / "api.py").exists()
    assert git(shop, "worktree", "list").count("\n") == 0
    assert not bad.tree.exists()
    assert not bad.scratch.exists()
