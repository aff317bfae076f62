"""A digest of the project's lock file, which has the versions of its dependencies."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

LOCK_FILES: Final = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "conda-lock.yml", "pixi.lock")
_DIGITS: Final = 8
_OWN_VERSION: Final = re.compile(rb"^version = .*\n(?=source = \{ (?:editable|virtual|directory) = )", re.MULTILINE)
"""The version of a package of the project itself in uv's lock file, which a release changes and no dependency does."""


def lock_digest(root: Path) -> str:
    """Return a digest that changes with the versions of the dependencies; empty if there is no lock file.

    Args:
        root: the folder in which the lock file would be, or above it.
    """
    for folder in (root, *root.parents):
        for name in LOCK_FILES:
            if (file := folder / name).is_file():
                return hashlib.sha256(_OWN_VERSION.sub(b"", file.read_bytes())).hexdigest()[:_DIGITS]
        if (folder / ".git").exists():  # a lock file above the repository is of another project
            break
    return ""
