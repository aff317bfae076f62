"""The test files that a change affects: they come first, so that a red test shows early. Nothing is left out."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping


def affected_files(
    changed: Collection[str], texts: Mapping[str, str], profiles: Mapping[str, Iterable[str]]
) -> set[str]:
    """Return the test files whose tests run changed code, as far as that is known.

    Args:
        changed: the changed files.
        texts: the texts of the test files, by their paths; the paths are of the same folder as those of `changed`.
        profiles: for test files that the baseline knows, the functions `module:name` that their tests call.
    """
    modules = {name for path in changed for name in module_names(path)}
    found = set()
    for file, text in texts.items():
        called = {function.partition(":")[0] for function in profiles.get(file, ())} or imported(text)
        if file in changed or not modules.isdisjoint(called):
            found.add(file)
    return found


def module_names(path: str) -> set[str]:
    """Return the names that the module of a file may have: `shop.work` and `src.shop.work` for `src/shop/work.py`."""
    stem, _, suffix = path.rpartition(".")
    if suffix not in ("py", "pyx"):
        return set()
    parts = stem.removesuffix("/__init__").split("/")
    return {".".join(parts[at:]) for at in range(len(parts))}


def imported(text: str) -> set[str]:
    """Return the modules that a file imports; none if the text is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
