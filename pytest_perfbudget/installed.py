"""The distributions that are installed in the environment of this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path


def installed_versions() -> dict[str, str]:
    """Return the version of each installed distribution, by name."""
    return {name: version for name, _, version in (one.rpartition("-") for one in sorted(installed_names()))}


def installed_names() -> Iterator[str]:
    """Yield the name and the version of each installed distribution, by the name of its folder: `scipy-1.11`.

    A distribution from a folder or a repository is left out: the project itself may have a new version at each commit.
    """
    for path in map(Path, sys.path):
        if path.name in ("site-packages", "dist-packages"):
            for one in path.glob("*.dist-info"):
                if not (one / "direct_url.json").exists():
                    yield one.stem
