"""The syntax of the sources of a project's modules."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Sequence
from functools import lru_cache

_MOST_FILES = 10_000


@lru_cache(_MOST_FILES)
def nodes_of(file: str) -> Sequence[ast.Import | ast.ImportFrom | ast.Call]:
    """Return the imports and the calls in a source; none of a file that is no source, such as an extension module."""
    try:
        with tokenize.open(file) as source:  # by the encoding that the source declares
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return ()
    return [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom, ast.Call))]
