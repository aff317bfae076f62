"""The origin of imported modules: the checkout, the working tree, or an installed copy of the project."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from pytest_perfbudget.checkout.installed_copies import EXTENSIONS, compiled_sources, copied_files, own_file
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git
from pytest_perfbudget.paths import RealPaths, is_below, module_file, module_spec, path_in

_AMBIGUOUS = {"__main__", "__mp_main__"}
_OWN = "pytest_perfbudget"
_LIBRARY = re.compile(r"\.so(\.\d+)*$")


class PassedModules:
    """The imported modules that a check has found right, which it need not look at again.

    A process is checked after each test, and a large project has thousands of modules.
    """

    def __init__(self) -> None:
        self._roots: Sequence[Path] = ()
        self._specs: dict[tuple[str, str], object] = {}

    def others(self, roots: Sequence[Path]) -> dict[tuple[str, str], object]:
        """Return the name and the file of each other module, with its spec, which is new if it was loaded again.

        Without this plugin's own modules.

        Args:
            roots: the folders that the check looks in; a change of them makes all modules others.
        """
        if roots != self._roots:
            self._roots = roots
            self._specs.clear()
        found = {
            (name, file): module_spec(module)
            for name, module in list(sys.modules.items())
            if (file := module_file(module)) and name not in _AMBIGUOUS and name.partition(".")[0] != _OWN
        }
        return {key: spec for key, spec in found.items() if key not in self._specs or self._specs[key] is not spec}

    def add(self, modules: Mapping[tuple[str, str], object]) -> None:
        """Note that the check has found modules right, as `others` returned them."""
        self._specs |= modules


def foreign_module(top: Path, tree: Path, rootpath: Path, home: str = "", passed: PassedModules | None = None) -> str:
    """Return the name, the file and a remedy for the first module that should be the checkout's and is not.

    A module is foreign if it comes from the working tree, if it was installed as a copy of the working tree, or if it
    comes from elsewhere although the checkout has a file for it. An installed copy of the project would be measured
    as head and base alike. The text is empty if no module is foreign.

    Args:
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
        rootpath: pytest's root folder in the checkout.
        home: the virtual environment that was made for the checkout; empty if there is none.
        passed: the modules that this check has found right before, with the same folders; to be completed.
    """
    roots = _roots(tree, rootpath)
    outer = _around(top)
    passed = passed or PassedModules()
    modules = passed.others(roots)
    paths = RealPaths()
    for name, file in modules:
        real = paths.resolve(file)
        if is_below(real, str(tree)) or (home and is_below(file, home)):
            continue
        place = path_in(top, real) or path_in(top, file)
        if place is not None and (is_below(file, str(top)) or (tree / place).exists()):
            remedy = "name that folder from the file on that adds it to sys.path, or in pytest's pythonpath"
            return f"{name!r} from {file}, which is the working tree: {remedy}"
        if outer is not None and (inner := path_in(outer, file)) is not None and _is_tracked(outer, inner):
            remedy = f"add --rootdir={outer}, so that its commits are compared"
            return f"{name!r} from {file} of the repository around the submodule {top}: {remedy}"
        if is_below(file, str(tree)):
            continue
        remedy = "install it editable from here (pip install -e), or the base by setup of [tool.perfbudget.duet]"
        if file in copied_files(top):
            return f"{name!r} from {file}, a copy that was installed from the working tree: {remedy}"
        if own_file(roots, tree, name, file) is not None:
            return f"{name!r} from {file}, where it is installed: {remedy}"
        if file.endswith(EXTENSIONS) and _is_built_elsewhere(tree, Path(file)) and not is_below(file, str(tree.parent)):
            remedy = "build it below the repository, or let setup of [tool.perfbudget.duet] build the base"
            return f"{name!r} from {file}, which is built outside the checkout, for both commits: {remedy}"
    passed.add(modules)
    return ""


def foreign_file(top: Path, tree: Path, files: Iterable[str]) -> str:
    """Return the first file of the working tree whose version in the checkout should have run; empty if there is none.

    Such code was loaded by its path, so it is in no module: `runpy.run_path`, `exec(compile(...))`.

    Args:
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
        files: the source files of the functions that were called.
    """
    for file in files:
        place = path_in(top, file)
        if place is not None and not Path(file).is_relative_to(tree) and (tree / place).exists():
            return file
    return ""


def libraries(top: Path) -> list[str]:
    """Return the shared libraries of the working tree that this process has loaded.

    Such a library was loaded by its path, for example by ctypes, so it is no module. Only Linux tells.
    """
    try:
        lines = Path("/proc/self/maps").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    files = {fields[5].strip() for line in lines if len(fields := line.split(None, 5)) == 6}
    return [one for one in sorted(files) if _LIBRARY.search(one) and path_in(top, one) is not None]


def stale_module(top: Path, rootpath: Path, passed: PassedModules | None = None) -> str:
    """Return the name, the file and a remedy for the first module that differs from the working tree's version.

    Such a module is a copy that was installed earlier, so later changes in the working tree are not measured. The
    text is empty if there is no such module.

    Args:
        top: the top folder of the working tree.
        rootpath: pytest's root folder in the working tree.
        passed: see `foreign_module`.
    """
    roots = _roots(top, rootpath)
    passed = passed or PassedModules()
    modules = passed.others(roots)
    for name, file in modules:
        if path_in(top, file) is not None:
            continue
        own = own_file(roots, top, name, file)
        if own is not None and _is_other(own, Path(file)):
            return f"{name!r} from {file}, a copy that is not what {own} is now: install it again, or editable"
    passed.add(modules)
    return ""


@cache
def _around(top: Path) -> Path | None:
    """Return the top folder of the repository that has a working tree as its submodule; None if there is none."""
    with suppress(GitError):
        found = git(top, "rev-parse", "--show-superproject-working-tree")
        return Path(found) if found else None
    return None


@cache
def _is_tracked(top: Path, place: Path) -> bool:
    """Return whether git tracks a file, or whether the file is an extension module, which git seldom tracks."""
    try:
        return place.name.endswith(EXTENSIONS) or bool(git(top, "ls-files", "--", place.as_posix()))
    except GitError:
        return False


def _is_other(own: Path, file: Path) -> bool:
    try:
        return own.read_bytes() != file.read_bytes()
    except OSError:
        return False


def _roots(tree: Path, rootpath: Path) -> list[Path]:
    """Return the folders of a tree in which the project's modules are looked for."""
    places = dict.fromkeys([tree, tree / "src", rootpath, rootpath / "src", *(Path(one) for one in sys.path if one)])
    return [place for place in places if place.is_relative_to(tree) and place.is_dir()]


def _is_built_elsewhere(tree: Path, file: Path) -> bool:
    """Return whether an extension module was built from a source in the tree into a folder outside the search path."""
    if any(file.is_relative_to(one) for one in (sys.prefix, sys.base_prefix, *filter(None, sys.path))):
        return False
    return file.name.partition(".")[0] in compiled_sources(tree)
