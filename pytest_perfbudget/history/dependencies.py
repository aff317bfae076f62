"""A digest of the dependencies: of the project's lock file, or of the installed packages if there is no lock file."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LOCK_FILES: Final = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "conda-lock.yml", "pixi.lock")
_DIGITS: Final = 8


def dependencies_digest(root: Path) -> str:
    """Return a digest that changes with the versions of the dependencies.

    Args:
        root: the folder in which the lock file would be, or above it.
    """
    for folder in (root, *root.parents):
        for name in LOCK_FILES:
            if (file := folder / name).is_file():
                return hashlib.sha256(file.read_bytes()).hexdigest()[:_DIGITS]
        if (folder / ".git").exists():  # a lock file above the repository is of another project
            break
    return hashlib.sha256("\n".join(sorted(_installed())).encode()).hexdigest()[:_DIGITS]


def _installed() -> Iterator[str]:
    """Yield the name and the version of each installed package, by the name of its folder.

    A package from a folder or a repository is left out: the project itself may have a new version with each commit.
    """
    for path in map(Path, sys.path):
        if path.name in ("site-packages", "dist-packages"):
            for one in path.glob("*.dist-info"):
                if not (one / "direct_url.json").exists():
                    yield one.stem
