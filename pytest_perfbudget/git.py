"""The user's own git: asked in one place, with nothing of the user's that could answer in its stead."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import GitError

_SECONDS: Final = 20.0

_INHERITED: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
)
"""A hook's process has them set, and they would turn every command towards the hook's repository."""


def git(folder: Path, *arguments: str, seconds: float = _SECONDS) -> str:
    """Return what git says, without the end of its last line.

    Raises:
        GitError: there is no git, it fails, or takes longer than `seconds`; the message is its own last line.
    """
    # Behind options of git's own, each `-c name=value`.
    command = f"git {next(one for one in arguments if one != '-c' and '=' not in one)}"
    kept = {name: value for name, value in os.environ.items() if name not in _INHERITED}
    # No question that nobody would see, no lock that would stand in the user's way, no translation.
    environment = {**kept, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        found = subprocess.run(  # noqa: S603 - no shell, and a revision is checked where it comes in
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{command} took longer than {seconds:.0f} s"
        raise GitError(message) from None
    except OSError as error:
        message = f"git could not be run: {error.strerror}"
        raise GitError(message) from None
    if found.returncode != 0:
        said = [line.strip() for line in found.stderr.splitlines() if line.strip()]
        message = f"{command}: {(said or [f'exit code {found.returncode}'])[-1].removeprefix('fatal: ')}"
        raise GitError(message)
    return found.stdout.rstrip("\n")
