"""The names of spans in the code of a project: code that did not run in this process has them, too."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_perfbudget.paths import own_modules
from pytest_perfbudget.sources import nodes_of

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
    for file in {*own_modules(root).values()}:
        yield from _names_in(file)


def _names_in(file: str) -> Iterator[str]:
    """Yield the texts that a source gives to `track`, under whatever name it imports the function or the package.

    A module of the project may hand the function on, so it may be imported from anywhere.
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
            if is_track and isinstance(name, str):
                yield name
