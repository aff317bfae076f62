"""The distributions that are installed in the environment of this process, and those of them that a project uses.

A linter, another plugin of pytest or a package that nothing imports has no part in any number, so that an installation
or a new version of these changes nothing.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pytest_perfbudget.paths import module_file, own_modules, path_in
from pytest_perfbudget.sources import nodes_of

_FOLDERS: Final = ("site-packages", "dist-packages")
_TOOLS: Final = ("pytest", "pluggy", "iniconfig")
_PLUGIN: Final = "pytest-"
_SELF: Final = "pytest-perfbudget"
_SCRIPTS: Final = ("__main__", "__mp_main__")
"""The names of the script that was started, such as that of an IDE."""
_WORD: Final = re.compile(r"\w+")
_AT_EACH_START: Final = "_distutils_hack"
"""A module that setuptools has each start of Python import."""


def installed_versions(root: Path) -> dict[str, str]:
    """Return the version of each installed distribution, by its normalized name (PEP 503).

    The distributions of the project's own repository are left out: they may have a new version at each commit.

    Args:
        root: the folder of the project.
    """
    repository = _repository(root)
    found = {name: _told_version(one, repository) for name, one in sorted(_known().items())}
    return {name: version for name, version in found.items() if version}


def used_distributions(root: Path) -> dict[str, str]:
    """Return the version of each distribution that a project uses, by its normalized name.

    These are what its modules that were imported name in an import, also within a function, and what was imported
    beside that, with the requirements of both. What pytest, its plugins and this package need is left out, unless the
    project uses the same.

    Args:
        root: the folder of the project.
    """
    versions = installed_versions(root)
    return {name: versions[name] for name in sorted(_used(root)) if name in versions}


def may_be_used(root: Path, names: Iterable[str]) -> list[str]:
    """Return those of some distributions that a project may use, in alphabetical order.

    These are distributions of which a module was imported, and those that the text of a module of the project names.
    `used_distributions` knows better, and takes half a minute for 3,000 modules.

    Args:
        root: the folder of the project.
        names: the normalized names of the distributions, installed or not.
    """
    known, own = _known(), own_modules(root)
    tools = _with_requirements([name for name, one in known.items() if _is_tool(name) or _is_for_pytest(one)])
    loaded = {name.partition(".")[0] for name in sys.modules if name not in own}
    modules: dict[str, set[str]] = {name: {name.replace("-", "_")} for name in names}
    for module, distributions in _by_module().items():
        for name in modules.keys() & set(map(canonicalize_name, distributions)):
            modules[name].add(module)
    found = {name for name, of_it in modules.items() if name not in tools and of_it & loaded}
    left = {name: of_it for name, of_it in modules.items() if name not in found and not _is_tool(name)}
    for file in own.values() if left else ():
        words = set(_WORD.findall(_text(file)))
        named = {name for name, of_it in left.items() if words & of_it}
        found |= named
        left = {name: of_it for name, of_it in left.items() if name not in named}
    return sorted(found)


def code_without_version(root: Path, repository: Path) -> str:
    """Return code outside of its repository that a project runs, and that can change without a new version.

    That is a module on the search path that is neither installed nor of the standard library, or a distribution from
    another folder or repository.

    Args:
        root: the folder of the project.
        repository: the top folder of its repository.

    Returns:
        The file of the module or the name of the distribution; empty if there is none.
    """
    here = repository.resolve()
    files = [module_file(one) for name, one in list(sys.modules.items()) if name not in _SCRIPTS]
    elsewhere = [file for file in files if _is_elsewhere(file, here)]
    others = {name for name, one in _known().items() if _is_of_a_folder(one) and not _is_within(one, here)} - {_SELF}
    return min([*elsewhere, *(may_be_used(root, others) if others else ())], default="")


def _used(root: Path) -> set[str]:
    """Return the names of the distributions that a project uses; see `used_distributions`."""
    known, own = _known(), own_modules(root)
    loaded = _of_modules({name.partition(".")[0] for name in sys.modules if name not in own} - {_AT_EACH_START})
    tools = _with_requirements([name for name, one in known.items() if _is_tool(name) or _is_for_pytest(one)])
    named = _of_modules({name for file in own.values() for name in _imports(file)})
    used = _with_requirements({one for one in named | (loaded - tools) if not _is_tool(one)})
    return {name for name in used if not _is_tool(name)}


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


def _told_version(distribution: metadata.Distribution, repository: Path) -> str:
    """Return the version of a distribution, with its commit if that is known.

    The version is empty for a distribution of a repository's own, and for that of a place which is not told.
    """
    if not _is_of_a_folder(distribution):
        return distribution.version
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not origin.get("url") or _is_within(distribution, repository):
        return ""
    commit = origin.get("vcs_info", {}).get("commit_id", "")
    return f"{distribution.version} (commit {commit[:9]})" if commit else distribution.version


def _repository(root: Path) -> Path:
    """Return the top folder of the repository that a folder is in; the folder itself if there is none."""
    here = root.resolve()
    return next((one for one in (here, *here.parents) if (one / ".git").exists()), here)


def _is_within(distribution: metadata.Distribution, folder: Path) -> bool:
    """Return whether a distribution of a folder or a repository is of a place in this folder (PEP 610)."""
    origin = distribution.read_text("direct_url.json")
    if origin is None:
        return path_in(folder, str(distribution.locate_file(""))) is not None
    url = urlsplit(json.loads(origin).get("url", ""))
    return url.scheme == "file" and path_in(folder, url2pathname(url.path)) is not None


def _is_elsewhere(file: str, here: Path) -> bool:
    """Return whether a module is neither of this folder nor installed, and neither of Python nor of this package.

    A link from this folder to another leads elsewhere.
    """
    if not file or any(one in Path(file).parts for one in _FOLDERS):
        return False
    real = Path(os.path.realpath(file))
    return not any(real.is_relative_to(folder) for folder in (here, *_python_folders()))


@lru_cache(1)
def _python_folders() -> tuple[Path, ...]:
    """Return the folders of the standard library and of this package."""
    library = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))
    return (Path(__file__).resolve().parent, *(Path(one).resolve() for one in library if one))


def _text(file: str) -> str:
    """Return the text of a source, as far as names are of interest; empty for a file that cannot be read."""
    try:
        return Path(file).read_bytes().decode("ascii", "replace") if file.endswith(".py") else ""
    except OSError:
        return ""


def _imports(file: str) -> Iterator[str]:
    """Yield the names at the top of what the source of a module imports, at any place."""
    for node in nodes_of(file):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
