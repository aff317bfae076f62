"""Where the code of a test comes from: which modules are the checkout's, and whether two tests are the same."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
from pathlib import Path

import pytest

_AMBIGUOUS = {"__main__", "__mp_main__"}
_OWN = "pytest_perfbudget"


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

    That is every module from the working tree, and every one of which the checkout has a file of its own: an
    installed copy of the project is head and base at once.

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
        if not file or name in _AMBIGUOUS or name.partition(".")[0] == _OWN or Path(file).is_relative_to(tree):
            continue
        path = Path(file)
        if home and path.is_relative_to(home):
            continue
        if path.is_relative_to(top) and "site-packages" not in path.relative_to(top).parts:
            return f"{name!r} from {file}"
        stem = Path(*name.split("."))
        if any((root / stem).with_suffix(".py").is_file() or (root / stem / "__init__.py").is_file() for root in roots):
            remedy = "install it editable (pip install -e), or the base by setup of [tool.perfbudget.duet]"
            return f"{name!r} from {file}, where it is installed: {remedy}"
    return ""
