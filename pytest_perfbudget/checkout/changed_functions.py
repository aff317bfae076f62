"""The functions of a project whose code differs between the working tree and a checkout."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def changed_functions(top: Path, tree: Path, modules: Mapping[str, str]) -> list[str]:
    """Return the functions that both sides have with other code, as `package.module:name`, in alphabetical order.

    Comments, layout, docstrings and the functions that are defined within have no part in the code of a function.

    Args:
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
        modules: the path of each module from the top, by the name of the module.
    """
    found: list[str] = []
    for name, place in modules.items():
        head, base = (_source(folder / place) for folder in (top, tree))
        if head == base:
            continue
        now, before = _functions(head), _functions(base)
        found += [f"{name}:{function}" for function in now.keys() & before.keys() if now[function] != before[function]]
    return sorted(found)


def _source(file: Path) -> bytes:
    """Return the source of a module; nothing for a file that cannot be read, and for an extension module."""
    try:
        return file.read_bytes() if file.suffix == ".py" else b""
    except OSError:
        return b""


def _functions(source: bytes) -> dict[str, str]:
    """Return the code of each function by its qualified name; of several with the same name, the last one."""
    try:
        return dict(_functions_of(ast.parse(source), ""))
    except (SyntaxError, ValueError):
        return {}


def _functions_of(node: ast.AST, place: str) -> Iterator[tuple[str, str]]:
    for one in ast.iter_child_nodes(node):
        inside = place
        if isinstance(one, (*_FUNCTIONS, ast.ClassDef)):
            inside = f"{place}{one.name}."
        yield from _functions_of(one, f"{inside}<locals>." if isinstance(one, _FUNCTIONS) else inside)
        if isinstance(one, _FUNCTIONS):
            yield f"{place}{one.name}", _code(one)


def _code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    has_docstring = ast.get_docstring(function, clean=False) is not None
    body = [
        ast.Pass() if isinstance(one, (*_FUNCTIONS, ast.ClassDef)) else one for one in function.body[has_docstring:]
    ]
    return ast.dump(ast.Module([function.args, *body, *function.decorator_list], []))  # type: ignore[list-item]
