"""The files that a text names, by the words of the text."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Final

WORD: Final = re.compile(r"\w+")


def is_named(file: str, words: Collection[str]) -> bool:
    """Return whether words name a module, or a file of data by its own name or by that of its folder."""
    path = PurePosixPath(file)
    if path.suffix == ".py":
        return (path.parent.name if path.stem == "__init__" else path.stem) in words
    names = [set(WORD.findall(one)) for one in (path.stem, path.parent.name)]
    return any(name and name.issubset(words) for name in names)
