"""Which commit the working tree is at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

DIRTY: Final = "+"
"""Behind a commit: with changes that are not in it."""

_SECONDS = 20


def current_commit(folder: Path) -> str:
    """Return the commit's abbreviated name, with `DIRTY` if tracked files differ from it; empty outside git."""
    commit = _git(folder, "rev-parse", "--short=9", "HEAD")
    if not commit:
        return ""
    return commit + (DIRTY if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        found = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
