"""The distributions that are installed in the environment of this process, and those of them that a project uses.

A linter, another plugin of pytest or a package that nothing imports has no part in any number, so that an installation
or a new version of these changes nothing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pytest_perfbudget.paths import own_modules
from pytest_perfbudget.sources import nodes_of

_FOLDERS: Final = ("site-packages", "dist-packages")
_TOOLS: Final = ("pytest", "pluggy", "iniconfig")
_PLUGIN: Final = "pytest-"
_AT_EACH_START: Final = "_distutils_hack"
"""A module that setuptools has each start of Python import."""


def installed_versions() -> dict[str, str]:
    """Return the version of each installed distribution, by its normalized name (PEP 503).

    A distribution from a folder or a repository is left out: the project itself may have a new version at each commit.
    """
    return {name: one.version for name, one in sorted(_known().items()) if not _is_of_a_folder(one)}


def used_distributions(root: Path) -> dict[str, str]:
    """Return the version of each distribution that a project uses, by its normalized name.

    These are what its modules that were imported name in an import, also within a function, and what was imported
    beside that, with the requirements of both. What pytest, its plugins and this package need is left out, unless the
    project uses the same.

    Args:
        root: the folder of the project.
    """
    known, own = _known(), own_modules(root)
    loaded = _of_modules({name.partition(".")[0] for name in sys.modules if name not in own} - {_AT_EACH_START})
    tools = _with_requirements([name for name, one in known.items() if _is_tool(name) or _is_for_pytest(one)])
    named = _of_modules({name for file in own.values() for name in _imports(file)})
    used = _with_requirements({one for one in named | (loaded - tools) if not _is_tool(one)})
    return {name: known[name].version for name in sorted(used) if not (_is_tool(name) or _is_of_a_folder(known[name]))}


@lru_cache(1)
def _known() -> Mapping[str, metadata.Distribution]:
    """Return the installed distributions, which takes a tenth of a second; the first of a name on the search path."""
    found: dict[str, metadata.Distribution] = {}
    for one in metadata.distributions():
        if one.metadata["Name"]:  # else the folder of the metadata is damaged
            found.setdefault(canonicalize_name(one.metadata["Name"]), one)
    return found


@lru_cache(1)
def _by_module() -> Mapping[str, list[str]]:
    """Return the distributions that have a module or package of a name at the top."""
    return metadata.packages_distributions()


def _of_modules(modules: Iterable[str]) -> set[str]:
    known = _known()
    found = {canonicalize_name(name) for module in modules for name in _by_module().get(module, ()) if name}
    return {name for name in found if name in known}


def _with_requirements(names: Iterable[str]) -> set[str]:
    known = _known()
    found, waiting = set[str](), [*names]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += _requirements(known[name])
    return found


def _requirements(distribution: metadata.Distribution) -> Iterator[str]:
    """Yield the distributions that one needs here; those of extras are left out."""
    for text in distribution.requires or ():
        try:
            one = Requirement(text)
        except InvalidRequirement:  # of an old distribution
            continue
        if one.marker is None or one.marker.evaluate({"extra": ""}):
            yield canonicalize_name(one.name)


def _is_tool(name: str) -> bool:
    return name in _TOOLS or name.startswith(_PLUGIN)


def _is_for_pytest(distribution: metadata.Distribution) -> bool:
    """Return whether pytest loads a distribution at each start, as it does its plugins, whatever the project uses."""
    return any(one.group == "pytest11" for one in distribution.entry_points)


def _is_of_a_folder(distribution: metadata.Distribution) -> bool:
    """Return whether a distribution is of a folder or a repository, with a new version at each commit (PEP 610).

    A build by setuptools leaves metadata beside the sources, which lie on the search path. A distribution of a wheel or
    another archive is as good as that of an index.
    """
    is_egg = distribution.read_text("PKG-INFO") is not None
    is_beside_sources = is_egg and Path(str(distribution.locate_file(""))).name not in _FOLDERS
    origin = distribution.read_text("direct_url.json")
    return is_beside_sources or (origin is not None and "archive_info" not in origin)


def _imports(file: str) -> Iterator[str]:
    """Yield the names at the top of what the source of a module imports, at any place."""
    for node in nodes_of(file):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
