"""The names of spans in the code of a project: code that did not run in this process has them, too."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

from pytest_perfbudget.paths import own_modules
from pytest_perfbudget.sources import nodes_of
from pytest_perfbudget.tracing.tracked import track

_TRACK: Final = "track"
_PACKAGE: Final = "pytest_perfbudget"
_SQLITE: Final = f"{_PACKAGE}.tracing.sqlite"


def tracked_names(root: Path) -> Iterator[str]:
    """Yield the names that the imported modules of a project give to `track`, by their source.

    A worker of pytest-xdist runs a part of the tests, and a test may run alone: what other tests would have recorded is
    not known there, and the source is.

    Args:
        root: the folder of the project.
    """
    if (module := sys.modules.get(_SQLITE)) is not None:
        yield module.NAME
    for name, file in own_modules(root).items():
        yield from _names_in(file, _names_of(sys.modules.get(name)))


def _names_in(file: str, own: Mapping[str, object]) -> Iterator[str]:
    """Yield the texts that a source gives to `track`, under whatever name it imports the function or the package.

    A module of the project may hand the function on, so it may be imported from anywhere.

    Args:
        file: the source of a module.
        own: the names of that module.
    """
    nodes = nodes_of(file)
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    functions = {one.asname or one.name for node in imports for one in node.names if one.name == _TRACK}
    modules = {
        one.asname or one.name
        for node in nodes
        if isinstance(node, ast.Import)
        for one in node.names
        if one.name.partition(".")[0] == _PACKAGE
    }
    for node in nodes:
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called, name = ast.unparse(node.func), node.args[0].value
            is_track = called in functions or called in {f"{one}.{_TRACK}" for one in modules}
            if (is_track or _is_track(called, own)) and isinstance(name, str):
                yield name


def _is_track(called: str, own: Mapping[str, object]) -> bool:
    """Return whether a name with dots is `track`, such as that of another module of the project."""
    first, *others = called.split(".")
    found = own.get(first)
    for one in others:
        found = _names_of(found).get(one)
    return found is track


def _names_of(module: object) -> Mapping[str, object]:
    """Return the names of a module; none of another object, and of a lazy module without its import."""
    if not isinstance(module, ModuleType):
        return {}
    names: Mapping[str, object] = object.__getattribute__(module, "__dict__")
    return names
