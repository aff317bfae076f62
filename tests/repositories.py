"""Real git repositories for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

_IDENTITY = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main")
# Submodules from folders are what git forbids since CVE-2022-39253, and what a test has.
_LOCAL = ("-c", "protocol.file.allow=always")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it says."""
    ended = subprocess.run(
        ["git", *_IDENTITY, *_LOCAL, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


def commit(folder: Path, files: dict[str, str], message: str = "m") -> str:
    """Write files, commit them, and return the commit; a folder that is no repository becomes one."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")
