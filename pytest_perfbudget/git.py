"""The only calls of the user's git, in an environment without prompts and without the variables of a git hook."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_perfbudget.command import CommandError, run
from pytest_perfbudget.errors import GitError

_SECONDS: Final = 20.0

_NOTHING_FOUND: Final = "git grep: exit code 1"
"""The message of a search without a match: git writes nothing, and ends with 1."""

_INHERITED: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
)
"""Variables that are set in the process of a git hook; they would direct every command to the hook's repository."""


def git(
    folder: Path,
    *arguments: str,
    seconds: float = _SECONDS,
    environment: Mapping[str, str] | None = None,
    text: str | None = None,
) -> str:
    """Run git and return its standard output, without newlines at the end.

    Args:
        folder: the folder in which git runs.
        arguments: git's arguments.
        seconds: the time after which git is ended.
        environment: further environment variables, such as those with a token; None if there are none.
        text: git's standard input; None for none.

    Raises:
        GitError: git is not there, fails, or takes longer than `seconds`; the message ends with git's own line about
            the problem if git wrote any.
    """
    # The subcommand follows git's own options, each of which is `-c name=value`.
    command = f"git {next(one for one in arguments if one != '-c' and '=' not in one)}"
    kept = {name: value for name, value in os.environ.items() if name not in _INHERITED}
    # No prompt, because nobody would see it; no optional lock, which would block the user's git; no translation.
    always = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        variables = {**kept, **always, **(environment or {})}
        found = run(["git", *arguments], folder, seconds=seconds, environment=variables, text=text)
    except CommandError as error:
        message = f"{command} {error}"
        raise GitError(message) from None
    if found.code != 0:
        said = found.errors.strip().splitlines() or [f"exit code {found.code}"]
        problem = _problem(said)
        if "dubious ownership" in said[0]:  # the last line is the command that trusts the repository
            problem = f"{said[0].removeprefix('fatal: ')}; if you trust it, run: {said[-1].strip()}"
        message = f"{command}: {problem}"
        raise GitError(message)
    return found.output.rstrip("\n")


def grep(folder: Path, *arguments: str) -> str:
    """Return what `git grep` prints; nothing if no file has the patterns.

    Args:
        folder: the folder in which git runs.
        arguments: the arguments of `git grep`.

    Raises:
        GitError: git cannot search, so that a file may have the patterns or not.
    """
    try:
        return git(folder, "grep", *arguments)
    except GitError as error:
        if str(error) == _NOTHING_FOUND:
            return ""
        raise


def _problem(said: Sequence[str]) -> str:
    """Return the line that names the problem, out of those that git wrote."""
    # Of a push, the line on the branch has the reason, and the last line has none.
    if rejected := next((line for line in said if line.lstrip().startswith("! [")), ""):
        return rejected.partition("! ")[2].strip()
    # What follows a fatal problem is advice, and may be several lines.
    fatal = next((at for at, line in enumerate(said) if line.startswith("fatal: ")), len(said) - 1)
    is_of_ssh = fatal > 0 and said[fatal].endswith("Could not read from remote repository.")  # ssh has said why
    return said[fatal - 1 if is_of_ssh else fatal].strip().removeprefix("fatal: ")


def log(folder: Path, fields: Sequence[str], *arguments: str, seconds: float = _SECONDS) -> list[list[str]]:
    """Return fields of commits, as git's log lists these.

    Args:
        folder: the folder in which git runs.
        fields: the placeholders of the fields, such as `%H`.
        arguments: the further arguments of `git log`.
        seconds: the time after which git is ended.

    Raises:
        GitError: see `git`; or the output has other fields.
    """
    # A subject may have any character except NUL, such as other ends of lines than a newline.
    form = f"--format={'%x00'.join(fields)}"
    listed = git(folder, "-c", "log.showSignature=false", "log", "-z", form, *arguments, seconds=seconds)
    found = listed.split("\0")
    if found.pop() or len(found) % len(fields):
        message = "git log: the output has other fields than those asked for; look for settings of log in git config"
        raise GitError(message)
    return [found[start : start + len(fields)] for start in range(0, len(found), len(fields))]
