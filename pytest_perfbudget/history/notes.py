"""The history in git's notes: a file for each commit, with a line of JSON for each session.

Sessions are only ever added, so that the notes of several jobs have a union, and no conflict. A push that another job
has overtaken takes the union again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pytest_perfbudget.core.history.session import HistorySession
from pytest_perfbudget.errors import GitError, HistoryError
from pytest_perfbudget.git import git

NOTES: Final = "refs/notes/perfbudget"
_MOST_TRIES: Final = 30
"""The most pushes: of several jobs that push together, one at least succeeds each time."""
_MOST_ALIKE: Final = 3
"""The most failures in a row for which no other job is the reason."""
_SECONDS: Final = 120.0
_HEADER: Final = "@"

Files = dict[str, list[str]]
"""The lines of each file, by its path."""


def push(folder: Path, remote: str, sessions: Iterable[HistorySession]) -> int:
    """Add sessions to the notes of a remote; sessions without a commit, and those that are there already, are left out.

    Args:
        folder: a folder of the repository.
        remote: the name or the address of the remote.
        sessions: the sessions.

    Returns:
        The number of sessions that were new.

    Raises:
        HistoryError: git cannot fetch or push.
    """
    given = [one for one in sessions if one.circumstances.commit]
    alike, last = 0, ""
    for _ in range(_MOST_TRIES):
        tip = _fetched(folder, remote)
        files = _files(folder, tip)
        known = {found for lines in files.values() for line in lines if (found := _id(line))}
        new = [one for one in given if one.circumstances.id not in known]
        if not new:
            return 0
        name = f"refs/perfbudget/{uuid.uuid4().hex}"
        try:
            git(folder, "fast-import", "--quiet", text=_stream(name, tip, files, new), seconds=_SECONDS)
            git(folder, "push", "--quiet", "--no-verify", remote, f"{name}:{NOTES}", seconds=_SECONDS)
        except GitError as error:
            alike = alike + 1 if tip == last else 1
            last = tip
            if alike == _MOST_ALIKE:
                message = f"history push: {error}"
                raise HistoryError(message) from None
        else:
            return len(new)
        finally:
            git(folder, "update-ref", "-d", name)
    message = f"history push: other jobs were quicker {_MOST_TRIES} times: push again"
    raise HistoryError(message)


def pull(folder: Path, remote: str) -> tuple[list[HistorySession], int]:
    """Return the sessions in the notes of a remote, the oldest first, and the number of lines that are none.

    Args:
        folder: a folder of the repository.
        remote: the name or the address of the remote.

    Raises:
        HistoryError: git cannot fetch.
    """
    found, unread = [], 0
    for line in (line for lines in _files(folder, _fetched(folder, remote)).values() for line in lines):
        try:
            found.append(HistorySession.from_dict(json.loads(line)))
        except ValueError:
            unread += 1
    return sorted(found, key=lambda one: one.circumstances.at_s), unread


def _fetched(folder: Path, remote: str) -> str:
    """Fetch the notes of a remote, and return their commit; empty if the remote has none."""
    try:
        tip = git(folder, "ls-remote", remote, NOTES, seconds=_SECONDS).partition("\t")[0]
        if tip:  # what was pushed since then has this commit among its ancestors
            git(folder, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, NOTES, seconds=_SECONDS)
    except GitError as error:
        message = f"history: the remote {remote!r} cannot be read: {error}"
        raise HistoryError(message) from None
    return tip


def _files(folder: Path, tip: str) -> Files:
    """Return the lines of all notes."""
    if not tip:
        return {}
    listed = [line.partition("\t") for line in git(folder, "ls-tree", "-r", tip).splitlines()]
    paths = {path: entry.split()[2] for entry, _, path in listed}
    text = git(
        folder,
        "cat-file",
        f"--batch={_HEADER}%(objectname)",
        text="".join(f"{one}\n" for one in paths.values()),
        seconds=_SECONDS,
    )
    contents: dict[str, list[str]] = {}
    present: list[str] = []
    for line in text.split("\n"):
        if line.startswith(_HEADER):
            present = contents[line.removeprefix(_HEADER)] = []
        elif line.strip():
            present.append(line)
    return {path: contents.get(name, []) for path, name in paths.items()}


def _id(line: str) -> str:
    """Return the identity of the session in a line; empty if the line is of another kind."""
    try:
        data = json.loads(line)
    except ValueError:
        return ""
    return str(data.get("id", "")) if isinstance(data, dict) else ""


def _stream(name: str, tip: str, files: Files, new: Iterable[HistorySession]) -> str:
    """Return the input of `git fast-import` for a commit with further sessions."""
    paths = {path.replace("/", ""): path for path in files}  # git's own notes are in folders if there are many
    added: Files = {}
    latest_s = 0.0
    for one in new:
        commit = one.circumstances.commit
        path = paths.get(commit, commit)
        added.setdefault(path, list(files.get(path, ()))).append(json.dumps(one.to_dict(), separators=(",", ":")))
        latest_s = max(latest_s, one.circumstances.at_s)
    return "".join(_commands(name, tip, added, int(latest_s)))


def _commands(name: str, tip: str, added: Mapping[str, list[str]], at_s: int) -> Iterator[str]:
    yield f"commit {name}\ncommitter pytest-perfbudget <> {at_s} +0000\n{_data('Sessions of pytest-perfbudget')}"
    if tip:
        yield f"from {tip}\n"
    for path, lines in sorted(added.items()):
        yield f"M 100644 inline {path}\n{_data(''.join(f'{line}{chr(10)}' for line in lines))}"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
