"""Where a file lies in a project: a symbolic link is another way to the same place, an environment is no part of it."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

_INSTALLED = {"site-packages", "dist-packages"}


@cache
def path_in(folder: Path, path: str) -> Path | None:
    """Return a path from a folder on; None if it is elsewhere, or in an environment of Python's within the folder.

    Args:
        folder: without symbolic links.
        path: absolute; the way it names is looked at first, then where its links lead.
    """
    for found in (Path(path), Path(os.path.realpath(path))):
        if found.is_relative_to(folder) and ".." not in found.parts:
            return None if _is_installed(found, folder) else found.relative_to(folder)
    return None


def _is_installed(path: Path, folder: Path) -> bool:
    if not _INSTALLED.isdisjoint(path.relative_to(folder).parts):
        return True
    # Those of conda and pyenv have the whole of Python.
    return any(folder in prefix.parents and path.is_relative_to(prefix) for prefix in _prefixes())


@cache
def _prefixes() -> frozenset[Path]:
    named = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    return frozenset(map(Path, named | set(map(os.path.realpath, named))))
