"""What the base's process may import."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from repositories import commit, git

from pytest_perfbudget import paths
from pytest_perfbudget.checkout.code_identity import PassedModules, foreign_module, stale_module
from pytest_perfbudget.checkout.installed_copies import _tops
from pytest_perfbudget.paths import RealPaths, own_modules
from pytest_perfbudget.plugin.child import bootstrap


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


def test_a_module_of_the_checkout_is_the_bases(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    top, tree = folders
    imported(monkeypatch, "shop.cart", tree / "src/shop/cart.py")
    imported(monkeypatch, "colours", Path("/usr/lib/colours.py"))
    assert foreign_module(top, tree, tree) == ""


@pytest.mark.parametrize(
    ("source", "on_path", "is_foreign"),
    [("fast.pyx", False, True), ("fast.pyx", True, False), ("slow.pyx", False, False)],
)
def test_a_module_that_is_built_from_the_trees_source_into_a_folder_outside_is_not_the_bases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, on_path: bool, is_foreign: bool
) -> None:
    """Both commits would build into that folder, and execute the code of the last of them."""
    tree, shared = tmp_path / "checkout/tree", tmp_path / "cache"
    commit(tree, {source: ""})
    if on_path:
        monkeypatch.syspath_prepend(shared)
    imported(monkeypatch, "fast", shared / f"fast{EXTENSION_SUFFIXES[0]}")
    found = foreign_module(tmp_path / "top", tree, tree)
    assert ("which is built outside the checkout, for both commits" in found) is is_foreign


@pytest.mark.parametrize(("module", "is_foreign"), [("src/ops.py", True), ("made/ops.py", False)])
def test_a_module_of_the_repository_around_a_submodule_is_not_the_bases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, is_foreign: bool
) -> None:
    """The commits of tests that are a submodule are not the commits of the code."""
    tests, outer = tmp_path / "library", tmp_path / "outer"
    commit(tests, {"test_it.py": ""})
    commit(outer, {"src/ops.py": ""})
    git(outer, "submodule", "add", "-q", str(tests), "tests")
    imported(monkeypatch, "ops", outer / module)
    found = foreign_module(outer / "tests", tmp_path / "tree", tmp_path / "tree")
    assert (f"add --rootdir={outer}, so that its commits are compared" in found) is is_foreign


@pytest.mark.parametrize(("source", "is_foreign"), [("csrc/fastops.c", True), ("csrc/other.c", False)])
def test_an_installed_wheel_of_an_extension_module_alone_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, is_foreign: bool
) -> None:
    """Such a wheel has no file that the repository has."""
    top, site = tmp_path / "top", tmp_path / "site"
    commit(top, {source: "", "pyproject.toml": '[project]\nname = "fastops"\n'})
    built = f"fastops{EXTENSION_SUFFIXES[0]}"
    facts = site / "fastops-1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: fastops\nVersion: 1\n", "utf-8")
    (facts / "RECORD").write_text(f"{built},,\nfastops-1.dist-info/METADATA,,\n", "utf-8")
    (site / built).touch()
    monkeypatch.syspath_prepend(site)
    imported(monkeypatch, "fastops", site / built)
    found = foreign_module(top, tmp_path / "tree", tmp_path / "tree")
    assert ("a copy that was installed from the working tree" in found) is is_foreign


@pytest.mark.parametrize("place", ["elsewhere/shop/cart.py", "tree/goods/cart.py", "site-packages/shop/cart.py"])
def test_a_module_behind_a_link_into_the_working_tree_is_not_the_bases(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Whichever way leads there: a search path, a link that is in the repository, `flit install --symlink`."""
    top, tree = folders
    link = (top.parent / place).parent
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(top / "src/shop")
    imported(monkeypatch, "goods", link / "cart.py")
    assert f"'goods' from {link / 'cart.py'}, which is the working tree" in foreign_module(top, tree, tree)


def test_a_module_behind_a_link_out_of_the_repository_is_accepted(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendored folder beside the repository: the head has no other."""
    top, tree = folders
    (top.parent / "vendor").mkdir()
    (top.parent / "vendor/colours.py").touch()
    (tree / "vendor").symlink_to(top.parent / "vendor")
    imported(monkeypatch, "colours", tree / "vendor/colours.py")
    assert foreign_module(top, tree, tree) == ""


def test_an_environment_with_a_whole_python_is_no_part_of_the_project(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As conda makes it, and pyenv."""
    top, tree = folders
    monkeypatch.setattr(sys, "base_prefix", str(top / "env"))
    paths._prefixes.cache_clear()
    try:
        imported(monkeypatch, "colours", top / "env/lib/python3.11/colours.py")
        assert foreign_module(top, tree, tree) == ""
        assert "colours" not in own_modules(top)
    finally:
        paths._prefixes.cache_clear()


def test_a_module_of_the_working_tree_is_not_the_bases(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    top, tree = folders
    imported(monkeypatch, "shop.cart", top / "src/shop/cart.py")
    assert f"'shop.cart' from {top / 'src/shop/cart.py'}, which is the w" in foreign_module(top, tree, tree)


@pytest.mark.parametrize(
    ("name", "file"), [("shop", "shop/__init__.py"), ("shop.cart", "shop/cart.py"), ("tools", "tools.py")]
)
def test_a_module_of_an_installed_copy_is_not_the_bases(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, name: str, file: str
) -> None:
    top, tree = folders
    imported(monkeypatch, name, Path("/usr/lib/site-packages", file))
    assert "where it is installed: install it editable" in foreign_module(top, tree, tree)


@pytest.mark.parametrize(
    ("place", "text", "is_copy"),
    [
        ("python/app", "x = 1", True),
        ("python/app", "x = 2", False),
        ("src/shop/app", "x = 1", False),
        ("tests/samples/app", "x = 1", False),
        ("third_party/app", "x = 1", False),
    ],
)
def test_a_copy_is_known_in_whatever_folder_the_repository_has_its_packages(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, place: str, text: str, is_copy: bool
) -> None:
    """Others of its name are no copies: those that share no file, in another package, samples, vendored ones."""
    top, tree = folders
    commit(tree, {f"{place}/__init__.py": "", f"{place}/core.py": "x = 1"})
    installed = top.parent / "site-packages/app/core.py"
    installed.parent.mkdir(parents=True)
    installed.write_text(text, "utf-8")
    imported(monkeypatch, "app.core", installed)
    assert bool(foreign_module(top, tree, tree)) is is_copy


def test_a_module_is_looked_at_once_and_a_foreign_module_each_time(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process is checked after each test, and a large project has thousands of modules."""
    top, tree = folders
    resolved: list[str] = []
    resolve = RealPaths.resolve

    def noting(paths: RealPaths, path: str) -> str:
        resolved.append(path)
        return resolve(paths, path)

    monkeypatch.setattr(RealPaths, "resolve", noting)
    imported(monkeypatch, "shop.cart", tree / "src/shop/cart.py")
    passed = PassedModules()
    assert foreign_module(top, tree, tree, passed=passed) == ""
    assert str(tree / "src/shop/cart.py") in resolved
    resolved.clear()
    imported(monkeypatch, "tools", top / "tools.py")
    for _ in range(2):
        assert "'tools' from" in foreign_module(top, tree, tree, passed=passed)
    assert str(tree / "src/shop/cart.py") not in resolved
    imported(monkeypatch, "shop.cart", top / "src/shop/cart.py")
    imported(monkeypatch, "tools", tree / "tools.py")
    assert "'shop.cart' from" in foreign_module(top, tree, tree, passed=passed)


def test_a_module_that_is_loaded_again_is_looked_at_again(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path may be a link that has another target by now."""
    top, tree = folders
    link = tree.parent / "link"
    link.symlink_to(tree, target_is_directory=True)
    monkeypatch.syspath_prepend(link)
    importlib.invalidate_caches()
    (tree / "wares.py").touch()
    (top / "wares.py").touch()
    module, passed = importlib.import_module("wares"), PassedModules()
    monkeypatch.setitem(sys.modules, "wares", module)
    assert foreign_module(top, tree, tree, passed=passed) == ""
    link.unlink()
    link.symlink_to(top, target_is_directory=True)
    importlib.reload(module)
    assert "'wares' from" in foreign_module(top, tree, tree, passed=passed)


@pytest.mark.parametrize(("text", "is_stale"), [("", False), ("x = 1", True)])
def test_an_installed_copy_of_the_head_is_stale_if_it_is_not_what_stands_here(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, text: str, is_stale: bool
) -> None:
    top, _ = folders
    copy = top.parent / "site-packages/shop/cart.py"
    copy.parent.mkdir(parents=True)
    copy.write_text(text, "utf-8")
    imported(monkeypatch, "shop.cart", copy)
    found = stale_module(top, top)
    assert bool(found) is is_stale
    if is_stale:
        assert found == (
            f"'shop.cart' from {copy}, a copy that is not what {top / 'src/shop/cart.py'} is now: "
            "install it again, or editable"
        )


def test_what_is_imported_from_the_working_tree_is_not_stale(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    top, _ = folders
    (top / "tools.py").write_text("x = 1", "utf-8")
    (top / "src/tools.py").touch()
    imported(monkeypatch, "tools", top / "src/tools.py")
    assert stale_module(top, top) == ""


@pytest.mark.parametrize(
    ("name", "own", "other"),
    [
        ("token", "token.py", "token.py"),
        ("build", "build.py", "site-packages/build/__init__.py"),
    ],
    ids=["of the standard library", "a package beside a script"],
)
def test_another_module_of_the_same_name_is_no_copy(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, name: str, own: str, other: str
) -> None:
    """A script in the top folder, which the tests cannot even import."""
    top, tree = folders
    (tree / own).touch()
    imported(monkeypatch, name, Path("/usr/lib", other))
    assert foreign_module(top, tree, tree) == ""


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


def test_what_is_only_called_as_a_project_of_the_repository_is_no_copy(folders: tuple[Path, Path]) -> None:
    """Such as pluggy, which pytest needs and which this project does not replace."""
    top, tree = folders
    for folder in folders:
        commit(folder, {"pyproject.toml": '[project]\nname = "pluggy"\n', "lib/other.py": "x = 1\n"})
    assert foreign_module(top, tree, tree) == ""


class TestNames:
    """A module of an installed library's name is no copy of the library."""

    FILES: ClassVar = {"pyproject.toml": '[project]\nname = "goods"\n', "src/colours/__init__.py": "RED = 1\n"}

    @pytest.fixture
    def trees(self, tmp_path: Path) -> tuple[Path, Path]:
        for name in ("top", "tree"):
            commit(tmp_path / name, self.FILES)
        return tmp_path / "top", tmp_path / "tree"

    @pytest.mark.parametrize(
        ("files", "is_copy"),
        [
            (["__init__.py"], True),
            (["__init__.py", "old.py"], True),
            (["__init__.py", "hue.py", "tone.py"], False),
        ],
        ids=["all of its files", "half of its files", "less than half"],
    )
    def test_a_package_most_of_whose_files_the_tree_has_is_a_copy(
        self, trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, files: list[str], is_copy: bool
    ) -> None:
        """Whatever the name of its distribution: an older copy differs in every file."""
        top, tree = trees
        package = top.parent / "lib/colours"
        package.mkdir(parents=True)
        for name in files:
            (package / name).write_text("RED = 2\n", "utf-8")
        imported(monkeypatch, "colours", package / "__init__.py")
        assert ("'colours' from" in foreign_module(top, tree, tree)) is is_copy
        assert ("'colours' from" in stale_module(top, top)) is is_copy

    @pytest.mark.parametrize(
        "stub",
        [
            "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
            "__import__('pkg_resources').declare_namespace(__name__)\n",
        ],
    )
    def test_a_stub_of_a_namespace_is_no_copy_though_it_is_the_same(
        self, trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, stub: str
    ) -> None:
        top, tree = trees
        commit(tree, {"src/colours/__init__.py": stub})
        installed = top.parent / "lib/colours/__init__.py"
        installed.parent.mkdir(parents=True)
        installed.write_text(stub, "utf-8")
        imported(monkeypatch, "colours", installed)
        assert foreign_module(top, tree, tree) == ""

    @pytest.mark.parametrize(("file", "is_copy"), [("setup.py", True), ("notes.txt", False)])
    def test_a_project_in_a_folder_of_the_repository_is_held_to_the_same(
        self, trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, file: str, is_copy: bool
    ) -> None:
        top, tree = trees
        commit(tree, {f"packages/b/{file}": "", "packages/b/beta/__init__.py": "A = 1\n"})
        imported(monkeypatch, "beta", top.parent / "lib/beta/__init__.py")
        _tops.cache_clear()
        assert ("'beta' from" in foreign_module(top, tree, tree)) is is_copy
