"""Installed copies of the project: which distributions and modules may be one, and the project's own files for them."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git
from pytest_perfbudget.paths import has_file, path_in

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ASIDE = {"tests", "test", "testing", "examples", "docs", "benchmarks"} | {
    "vendor",
    "_vendor",
    "vendored",
    "third_party",
    "extern",
    "external",
}
EXTENSIONS: Final = tuple(EXTENSION_SUFFIXES)
_SOURCES = (".pyx", ".c", ".cc", ".cpp", ".cxx", ".cu", ".rs", ".f", ".f90")


def own_file(roots: Iterable[Path], tree: Path, name: str, installed: str) -> Path | None:
    """Return the tree's own file for an imported module of which the module may be a copy; None if there is none.

    A module and a package of one name do not match: `build.py` is not the package `build`.
    """
    if name.partition(".")[0] in sys.stdlib_module_names:
        return None
    is_package = installed.rpartition(os.sep)[2].rpartition(".")[0] == "__init__"
    place = name.replace(".", os.sep) + (f"{os.sep}__init__.py" if is_package else ".py")
    found = [root for root in roots if has_file(root, place)]
    # Elsewhere in the repository, a package may have the name of an unrelated installed package.
    others = [root for root in _tops(tree) if has_file(root, place)]
    if not (found or others):
        return None
    own, file = Path(place), Path(installed)
    return next(
        (root / own for root in found if _may_be_copy(root / own, file, own)),
        next((root / own for root in others if _may_be_copy_of_project(root, root / own, file, own)), None),
    )


@cache
def _tops(tree: Path) -> frozenset[Path]:
    """Return the folders that hold the repository's top-level packages, such as `python/` or `packages/goods/src/`."""
    try:
        packages = {Path(one).parent for one in git(tree, "ls-files", "-z", "--", "*__init__.py").split("\0") if one}
    except GitError:
        return frozenset()
    tops = {one.parent for one in packages if one.parent not in packages}
    # Examples, test fixtures and vendored packages may have the name of an installed package.
    return frozenset(tree / one for one in tops if _ASIDE.isdisjoint(one.parts))


def _may_be_copy_of_project(root: Path, own: Path, file: Path, place: Path) -> bool:
    """Return whether an installed module may be a copy of a module in a folder of the repository beside its roots.

    If that folder is a project of its own, any module of the name may be a copy, else only one with an identical file.
    """
    project = root.parent if root.name == "src" else root
    if any((project / name).is_file() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        return _may_be_copy(own, file, place)
    return _shares_a_file(own.parent, file.parent)


def _shares_a_file(folder: Path, other: Path) -> bool:
    with suppress(OSError):
        for one in folder.glob("*.py"):
            same = other / one.name
            content = one.read_bytes()
            is_telling = bool(content.strip()) and not any(mark in content for mark in _STUBS)
            if is_telling and same.is_file() and content == same.read_bytes():
                return True
    return False


def _may_be_copy(own: Path, file: Path, place: Path) -> bool:
    """Return whether an installed module may be a copy of the tree's module, and not another project's of that name.

    An installed package is another project's if the tree's package of that name has less than half of its files. A
    single module, and a package of few files, is taken for a copy in case of doubt.

    Args:
        own: the module in the tree.
        file: the installed module.
        place: the path of both from the folder that holds the top-level module.
    """
    with suppress(OSError):
        if any(mark in own.read_bytes() for mark in _STUBS):
            return False
    if len(place.parts) == 1:
        return True
    depth = len(place.parts) - 2
    installed, ours = _package(file.parents[depth]), _package(own.parents[depth])
    return 2 * len(installed & ours) >= len(installed)


@cache
def _package(folder: Path) -> frozenset[str]:
    """Return the Python files of a package."""
    return frozenset(one.relative_to(folder).as_posix() for one in folder.rglob("*.py"))


_STUBS = (b"extend_path", b"declare_namespace")
"""The functions that make a namespace package of an `__init__.py`, which many projects share."""


@cache
def compiled_sources(tree: Path) -> frozenset[str]:
    """Return the names, without endings, of the sources of extension modules in a tree."""
    try:
        files = git(tree, "ls-files", "-z", "--", *(f"*{one}" for one in _SOURCES)).split("\0")
    except GitError:
        return frozenset()
    return frozenset(Path(one).stem for one in files if one)


@cache
def _projects(top: Path) -> frozenset[str]:
    """Return the normalized names of the projects in a repository."""
    try:
        files = [Path(one) for one in git(top, "ls-files", "-z", "--", "*pyproject.toml").split("\0") if one]
    except GitError:
        return frozenset()
    return frozenset(_project_name(top / one) for one in files if _ASIDE.isdisjoint(one.parts)) - {""}


def _normalized(name: str) -> str:
    """Return the canonical form of a project's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _project_name(file: Path) -> str:
    """Return the normalized name of the project in a pyproject.toml; empty if it has none."""
    try:
        return _normalized(tomllib.loads(file.read_text("utf-8"))["project"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _is_copy(distribution: metadata.Distribution, top: Path) -> bool:
    """Return whether a distribution is an installed copy of a project in this repository.

    A copy has the name of the project and at least one identical file, or an extension module of which the repository
    has the source. The name alone proves nothing.
    """
    if _normalized(distribution.metadata["Name"]) not in _projects(top):
        return False
    places: dict[str, list[Path]] = {}
    for place in git(top, "ls-files", "-z", "--", "*.py").split("\0"):
        places.setdefault(Path(place).name, []).append(top / place)
    compiled = compiled_sources(top)
    for file in distribution.files or ():
        if file.name.endswith(EXTENSIONS) and file.name.partition(".")[0] in compiled:
            return True
        own = [one for one in places.get(file.name, ()) if one.is_file()]
        content = Path(str(distribution.locate_file(file))).read_bytes() if own else b""
        if content.strip() and any(content == one.read_bytes() for one in own):
            return True
    return False


@cache
def copied_files(top: Path) -> frozenset[str]:
    """Return the files of the distributions that were installed from a folder, or are copies of projects in it.

    An editable installation counts with its extension modules only, because its other files lead into the folder.
    """
    found: set[str] = set()
    for one in metadata.distributions():
        with suppress(OSError, ValueError, KeyError, TypeError, GitError):
            origin = json.loads(one.read_text("direct_url.json") or "{}")
            place = Path(url2pathname(urlsplit(origin.get("url", "")).path))
            is_from_there = bool(origin) and path_in(top, str(place)) is not None
            if is_from_there or (not origin and _is_copy(one, top)):
                is_editable = origin.get("dir_info", {}).get("editable", False)
                files = [file for file in one.files or () if not is_editable or file.name.endswith(EXTENSIONS)]
                found |= {str(one.locate_file(file)) for file in files}
    return frozenset(found)
