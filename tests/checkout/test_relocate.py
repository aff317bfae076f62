from __future__ import annotations

import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from pytest_perfbudget.checkout.relocate import moved, moved_environment, moved_text, unbuilt
from pytest_perfbudget.processes.protocol import Request

TOP, TREE = Path("/home/me/shop"), Path("/tmp/base/shop")


def test_every_path_into_the_working_tree_leads_into_the_checkout() -> None:
    request = Request(
        ["-c", "/home/me/shop/pytest.ini", "--rootdir=/home/me/shop", "-k", "a or b"],
        "/home/me/shop/service",
        ["", "/home/me/shop/src", "/usr/lib/python3.11"],
        ["tests/test_a.py::t"],
        modules={"shop": "/home/me/shop/src/shop.py"},
    )
    found = moved(request, TOP, TREE)
    assert found.arguments == ["-c", "/tmp/base/shop/pytest.ini", "--rootdir=/tmp/base/shop", "-k", "a or b"]
    assert found.folder == "/tmp/base/shop/service"
    assert found.path == ["", "/tmp/base/shop/src", "/usr/lib/python3.11"]
    assert found.nodeids == request.nodeids
    assert found.modules == {}
    assert (found.top, found.tree) == (str(TOP), str(TREE))


def test_what_is_installed_in_a_folder_of_the_working_tree_stays_where_it_is() -> None:
    packages = "/home/me/shop/.venv/lib/python3.11/site-packages"
    assert moved(Request([], str(TOP), [packages], []), TOP, TREE).path == [packages]


@pytest.mark.parametrize("text", ["/home/me/shop2/x", "x/home/me/shop", "/home/me", "home/me/shop"])
def test_a_path_that_only_looks_alike_stays(text: str) -> None:
    assert moved_text(text, TOP, TREE) == text


class TestAnotherWay:
    """A symbolic link leads into the working tree as its name does: what follows it would measure the head twice."""

    @pytest.fixture
    def link(self, tmp_path: Path) -> Path:
        tmp_path.joinpath("top/tests").mkdir(parents=True)
        tmp_path.joinpath("top/tests/test_a.py").touch()
        tmp_path.joinpath("link").symlink_to(tmp_path / "top")
        return tmp_path / "link"

    def test_a_folder_of_the_search_path_behind_a_link_is_moved(self, tmp_path: Path, link: Path) -> None:
        top, tree = tmp_path / "top", tmp_path / "tree"
        request = Request([], str(link / "tests"), [str(link / "tests"), "link"], [])
        found = moved(request, top, tree)
        assert (found.folder, found.path) == (str(tree / "tests"), [str(tree / "tests"), "link"])
        variables = {"PYTHONPATH": str(link / "tests")}
        assert moved_environment(variables, top, tree) == {"PYTHONPATH": str(tree / "tests")}

    @pytest.mark.parametrize(
        ("folder", "given", "expected"),
        [
            ("top", "{link}/tests/test_a.py::test_x[a=b]", "{tree}/tests/test_a.py::test_x[a=b]"),
            ("top", "--confcutdir={link}/tests", "--confcutdir={tree}/tests"),
            ("top", "../link/tests", "{tree}/tests"),
            ("top", "tests/test_a.py::test_x", "tests/test_a.py::test_x"),
            ("top/tests", "../tests", "../tests"),
            (".", "top/tests", "{tree}/tests"),
            (".", "link/tests", "{tree}/tests"),
            (".", "link/nowhere", "link/nowhere"),
            (".", "-q", "-q"),
        ],
    )
    def test_an_argument_behind_a_link_is_moved(
        self, tmp_path: Path, link: Path, folder: str, given: str, expected: str
    ) -> None:
        top, tree = tmp_path / "top", tmp_path / "tree"
        request = Request([given.format(link=link)], str(tmp_path / folder), [], [])
        assert moved(request, top, tree).arguments == [expected.format(tree=tree)]


def test_what_is_no_path_at_all_stays() -> None:
    """Longer than any name may be."""
    words = " or ".join(f"test_{number}" for number in range(1000))
    assert moved(Request(["-k", words], str(TOP), [], []), TOP, TREE).arguments == ["-k", words]
    assert moved_environment({"WORDS": words, "ROOTED": "/" + words}, TOP, TREE) == {
        "WORDS": words,
        "ROOTED": "/" + words,
    }


def test_a_variable_that_names_what_both_have_is_moved(tmp_path: Path) -> None:
    """Child processes find the project by such ones: GITHUB_WORKSPACE, PWD."""
    top, tree = tmp_path / "top", tmp_path / "tree"
    for folder in (top / "lib", tree / "lib", top / ".cache", top / "bin"):
        folder.mkdir(parents=True)
    given = {
        "WORKSPACE": str(top),
        "PLACES": os.pathsep.join([str(top / "lib"), str(top / "bin"), "/usr"]),
        "CACHE": str(top / ".cache"),
        "HOME": str(top),
        "WORD": "lib",
        "PYTEST_ADDOPTS": f"-q --confcutdir={top}/lib",
    }
    assert moved_environment(given, top, tree) == {
        **given,
        "WORKSPACE": str(tree),
        "PLACES": os.pathsep.join([str(tree / "lib"), str(top / "bin"), "/usr"]),
        "PYTEST_ADDOPTS": f"-q --confcutdir={tree}/lib",
    }


def test_the_search_path_of_the_environment_is_moved_wherever_it_leads() -> None:
    given = {"PYTHONPATH": os.pathsep.join([str(TOP), "/opt/lib"]), "DATA": str(TOP)}
    assert moved_environment(given, TOP, TREE) == {
        "PYTHONPATH": os.pathsep.join([str(TREE), "/opt/lib"]),
        "DATA": str(TOP),
    }
    assert moved_environment({"DATA": "x"}, TOP, TREE) == {"DATA": "x"}


class TestUnbuilt:
    """An extension that is built in the working tree only: the base would fall back to Python, and look slow."""

    SUFFIX = EXTENSION_SUFFIXES[0]

    @pytest.mark.parametrize(("is_built", "found"), [(False, "shop._fast"), (True, "")])
    def test_an_extension_that_the_checkout_has_not_is_named(self, tmp_path: Path, is_built: bool, found: str) -> None:
        top, tree = tmp_path / "top", tmp_path / "tree"
        (tree / "shop").mkdir(parents=True)
        if is_built:
            (tree / f"shop/_fast{self.SUFFIX}").touch()
        modules = {"shop.slow": str(top / "shop/slow.py"), "shop._fast": str(top / f"shop/_fast{self.SUFFIX}")}
        assert unbuilt(modules, top, tree) == found

    def test_an_extension_that_is_installed_is_not_named(self, tmp_path: Path) -> None:
        installed = f"{tmp_path}/.venv/lib/python3/site-packages/shop/_fast{self.SUFFIX}"
        assert unbuilt({"shop._fast": installed}, tmp_path, tmp_path / "tree") == ""
