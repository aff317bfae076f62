"""The path of a file within a project.

A symbolic link is another path to the same file. A Python environment within the project's folder does not belong to
the project.
"""
# ruff: noqa: PTH113, PTH114, PTH118 - a process has thousands of modules, and a `Path` takes longer than all the rest

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path

_INSTALLED = {"site-packages", "dist-packages"}
_CONFIGURATION = ("pyproject.toml", "pytest.ini", "pytest.toml", "tox.ini", "setup.cfg")
_AMBIGUOUS = {"__main__", "__mp_main__", "conftest"}
"""Module names whose file differs between processes: the script that was started, and the last conftest that was loaded
from outside any package."""


def path_in(folder: Path, path: str) -> Path | None:
    """Return a path relative to a folder.

    The result is None for a path outside the folder, and for a path in a Python environment within the folder.

    Args:
        folder: a folder, named without symbolic links.
        path: an absolute path; first tried as written, then with its symbolic links resolved.
    """
    return _path_in(str(folder), path)


@cache
def _path_in(top: str, path: str) -> Path | None:
    folder = Path(top)
    for text in (path, os.path.realpath(path)):
        found = Path(text) if is_below(text, top) else None
        if found is not None and ".." not in found.parts:
            return None if _is_installed(found, folder) else found.relative_to(folder)
    return None


def _is_installed(path: Path, folder: Path) -> bool:
    if not _INSTALLED.isdisjoint(path.relative_to(folder).parts):
        return True
    # An environment of conda or pyenv contains all of Python, not only site-packages.
    return any(folder in prefix.parents and path.is_relative_to(prefix) for prefix in _prefixes())


@cache
def _prefixes() -> frozenset[Path]:
    named = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    return frozenset(map(Path, named | set(map(os.path.realpath, named))))


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is a folder or leads below the folder, as both are written."""
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path == folder or path.startswith(os.path.join(folder, ""))


def has_file(folder: Path, place: str) -> bool:
    """Return whether there is a file at a place in a folder."""
    return os.path.isfile(os.path.join(folder, place))


class RealPaths:
    """The paths of files with symbolic links resolved, for many files in few folders: each folder is resolved once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def resolve(self, path: str) -> str:
        """Return what `os.path.realpath` returns for the path of a file, as long as no folder is replaced."""
        above, name = os.path.split(path)
        if name in {"", ".", ".."}:
            return os.path.realpath(path)
        if above not in self._folders:
            self._folders[above] = os.path.realpath(above)
        found = os.path.join(self._folders[above], name)
        return os.path.realpath(found) if os.path.islink(found) else found


def module_file(module: object) -> str:
    """Return the file of an entry of `sys.modules`; empty if the file is not known.

    An attribute of a lazy module is not looked up, because the lookup would import the module.
    """
    try:
        file = object.__getattribute__(module, "__dict__").get("__file__")
    except Exception:  # noqa: BLE001 - an entry may be any object
        return ""
    return file if isinstance(file, str) else ""


def module_spec(module: object) -> object:
    """Return the spec of an entry of `sys.modules`; None if there is none, as in `module_file`."""
    try:
        return object.__getattribute__(module, "__dict__").get("__spec__")
    except Exception:  # noqa: BLE001 - an entry may be any object
        return None


def is_built_at_import(module: object) -> bool:
    """Return whether pyximport has built a module when it was imported."""
    return type(getattr(module_spec(module), "loader", None)).__module__.startswith("pyximport")


def own_modules(root: Path, names: Collection[str] | None = None) -> dict[str, str]:
    """Return the files of the project's own modules, by module name.

    Packages that are installed in a folder of the project are left out, and so are names whose file differs from one
    process to the next: another commit has pyximport build its modules in another folder.

    Args:
        root: the folder of the project.
        names: the names of the modules that are looked at; None for all.
    """
    top = root.resolve()
    paths = RealPaths()
    modules = [one for one in list(sys.modules.items()) if names is None or one[0] in names]
    named = [(name, module, module_file(module)) for name, module in modules]
    files = [(name, module, file) for name, module, file in named if file and name not in _AMBIGUOUS]
    near = [one for one in files if is_below(one[2], str(top)) or is_below(paths.resolve(one[2]), str(top))]
    own = [(name, module, file) for name, module, file in near if path_in(top, file) is not None]
    return {name: file for name, module, file in own if not is_built_at_import(module)}


def project_root(folder: Path) -> Path:
    """Return the nearest folder with a configuration file, from `folder` upwards; `folder` if there is none."""
    above = (one for one in (folder, *folder.parents) if any((one / name).is_file() for name in _CONFIGURATION))
    return next(above, folder)
