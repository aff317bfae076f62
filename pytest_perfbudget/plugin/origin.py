"""Where the code of a test comes from: which modules are the checkout's, and whether two tests are the same."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import sys
import textwrap
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from pytest_perfbudget.places import place_in

_AMBIGUOUS = {"__main__", "__mp_main__"}
_OWN = "pytest_perfbudget"
_EXTENSIONS = tuple(EXTENSION_SUFFIXES)


def own_source(item: pytest.Item) -> str:
    """Return a digest of a test's function, without what changes nothing: comments, layout, docstring, our marker."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(item, "obj", None))))  # type: ignore[arg-type]
    except (OSError, TypeError, SyntaxError, ValueError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.decorator_list = [one for one in node.decorator_list if "perf_budget" not in ast.unparse(one)]
            if ast.get_docstring(node) is not None:
                del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def foreign_module(top: Path, tree: Path, rootpath: Path, home: str = "") -> str:
    """Return a module that should be the checkout's and is another one, with its place; empty if there is none.

    That is every module from the working tree, every one that was installed as a copy from there, and every one of
    which the checkout has a file of its own: an installed copy of the project is head and base at once.

    Args:
        top: the working tree's top folder.
        tree: the checkout's.
        rootpath: pytest's root folder in the checkout.
        home: the virtual environment that was made for the checkout; empty if none was.
    """
    places = {tree, tree / "src", rootpath, rootpath / "src", *(Path(one) for one in sys.path if one)}
    roots = [place for place in places if place.is_relative_to(tree) and place.is_dir()]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name in _AMBIGUOUS or name.partition(".")[0] == _OWN:
            continue
        path, real = Path(file), Path(os.path.realpath(file))
        if real.is_relative_to(tree) or (home and path.is_relative_to(home)):
            continue
        place = place_in(top, str(real)) or place_in(top, file)
        if place is not None and (path.is_relative_to(top) or (tree / place).exists()):
            remedy = "name that folder from the file on that adds it to sys.path, or in pytest's pythonpath"
            return f"{name!r} from {file}, which is the working tree: {remedy}"
        if path.is_relative_to(tree):
            continue
        remedy = "install it editable (pip install -e), or the base by setup of [tool.perfbudget.duet]"
        if file in _copied(top):
            return f"{name!r} from {file}, a copy that was installed from the working tree: {remedy}"
        if name.partition(".")[0] not in sys.stdlib_module_names and _has_own(roots, name, path):
            return f"{name!r} from {file}, where it is installed: {remedy}"
    return ""


def _has_own(roots: Iterable[Path], name: str, file: Path) -> bool:
    """Return whether a folder has a file of its own where a module's is: `build.py` is not the package `build`."""
    stem = Path(*name.split("."))
    own = stem / "__init__.py" if file.stem == "__init__" else stem.with_suffix(".py")
    return any((root / own).is_file() for root in roots)


@cache
def _copied(top: Path) -> frozenset[str]:
    """Return the files of the distributions that were installed from somewhere in a folder, by what they say of it.

    Of editable ones these are their extension modules: the rest are what leads to the folder.
    """
    found: set[str] = set()
    for one in metadata.distributions():
        with suppress(OSError, ValueError, KeyError, TypeError):
            origin = json.loads(one.read_text("direct_url.json") or "{}")
            place = Path(url2pathname(urlsplit(origin.get("url", "")).path))
            if place_in(top, str(place)) is not None:
                is_editable = origin.get("dir_info", {}).get("editable", False)
                files = [file for file in one.files or () if not is_editable or file.name.endswith(_EXTENSIONS)]
                found |= {str(one.locate_file(file)) for file in files}
    return frozenset(found)
