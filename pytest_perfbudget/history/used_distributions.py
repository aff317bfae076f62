"""The distributions on which the numbers of a session may depend: those that the project's own code uses.

A linter, another plugin of pytest or a package that nothing imports is installed beside them and has no part in any
number, so that an installation or a new version of these is no change of the circumstances.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.core.versions import normalized
from pytest_perfbudget.paths import module_file, own_modules

_FOLDERS: Final = ("site-packages", "dist-packages")
_IMPORT: Final = re.compile(r"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+(\w[^\n#]*))", re.MULTILINE)
_REQUIRED: Final = re.compile(r"^Requires-Dist: *([\w.-]+)([^\n]*)", re.MULTILINE)
_FIRST: Final = re.compile(r"^([^/,\n]+)", re.MULTILINE)
_TOOLS: Final = ("pytest", "pluggy", "iniconfig")
_PLUGIN: Final = "pytest-"
_AT_EACH_START: Final = "_distutils_hack"
"""A module that setuptools has each start of Python import."""


@dataclass(frozen=True, slots=True)
class _Distribution:
    """An installed distribution, by the folder of its metadata."""

    version: str
    info: Path

    @property
    def is_of_a_folder(self) -> bool:
        """Whether it is of a folder or a repository, as the project itself is, with a new version at each commit."""
        return (self.info / "direct_url.json").exists()

    @property
    def is_for_pytest(self) -> bool:
        """Whether pytest loads it at each start, as it does its plugins, whatever the project uses."""
        return "[pytest11]" in _text(self.info / "entry_points.txt")

    def requires(self) -> list[str]:
        """Return the names of the distributions that it needs; those of extras are left out."""
        header = _text(self.info / "METADATA").partition("\n\n")[0]
        return [normalized(name) for name, rest in _REQUIRED.findall(header) if "extra ==" not in rest]

    def modules(self) -> set[str]:
        """Return the names of its modules and packages at the top of its folder."""
        return {one.partition(".")[0] for one in _FIRST.findall(_text(self.info / "RECORD"))}


def used_distributions(root: Path) -> dict[str, str]:
    """Return the version of each distribution that the project uses, by name.

    These are what its modules that were imported name in an import, also within a function, and what was imported
    beside that, with the requirements of both. What pytest, its plugins and this package need is left out, unless the
    project uses the same.

    Args:
        root: the folder of the project.
    """
    known = _installed()
    loaded = _of_modules(_loaded(), known)
    tools = _with_requirements([name for name, one in known.items() if _is_tool(name) or one.is_for_pytest], known)
    named = _of_modules(_named_by(own_modules(root).values()), known)
    used = _with_requirements({one for one in named | (loaded - tools) if not _is_tool(one)}, known)
    return {name: known[name].version for name in sorted(used) if not (_is_tool(name) or known[name].is_of_a_folder)}


def _is_tool(name: str) -> bool:
    return name in _TOOLS or name.startswith(_PLUGIN)


def _installed() -> dict[str, _Distribution]:
    found: dict[str, _Distribution] = {}
    for folder in _site_folders():
        for info in sorted(folder.glob("*.dist-info")):
            name, _, version = info.stem.rpartition("-")
            found.setdefault(normalized(name), _Distribution(version, info))
    return found


def _site_folders() -> list[Path]:
    return [path for path in map(Path, sys.path) if path.name in _FOLDERS]


def _loaded() -> set[str]:
    """Return the names at the top of site-packages from which a module was imported."""
    starts = tuple(f"{folder}{os.sep}" for folder in _site_folders())
    files = [file for module in list(sys.modules.values()) if (file := module_file(module)).startswith(starts)]
    inside = [file.removeprefix(next(start for start in starts if file.startswith(start))) for file in files]
    return {one.partition(os.sep)[0].partition(".")[0] for one in inside} - {_AT_EACH_START}


def _named_by(files: Iterable[str]) -> set[str]:
    """Return the names at the top that the source of files imports, at any place."""
    found = set()
    for file in files:
        for module, listed in _IMPORT.findall(_text(Path(file)) if file.endswith(".py") else ""):
            names = [module] if module else [one.split()[0] for one in listed.split(",") if one.strip()]
            found |= {one.partition(".")[0] for one in names}
    return found


def _of_modules(modules: set[str], known: Mapping[str, _Distribution]) -> set[str]:
    """Return the names of the distributions that have modules or packages of these names."""
    by_name = {normalized(one): one for one in modules}
    found = {name for name in by_name if name in known}
    if others := {module for name, module in by_name.items() if name not in known} - sys.stdlib_module_names:
        found |= {name for name, one in known.items() if name not in found and not others.isdisjoint(one.modules())}
    return found


def _with_requirements(names: Iterable[str], known: Mapping[str, _Distribution]) -> set[str]:
    found, waiting = set[str](), [*names]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += known[name].requires()
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""
