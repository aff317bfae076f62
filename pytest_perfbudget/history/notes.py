"""The history in git's notes: a file for each commit, with a line of JSON for each session.

The notes of several jobs have a union, and no conflict: a push adds the sessions that are new, and removes those that
are too old. A push that another job has overtaken begins again with the notes of that job.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.core.history.retention import removable
from pytest_perfbudget.core.history.session import READ, HistorySession
from pytest_perfbudget.errors import GitError, HistoryError
from pytest_perfbudget.git import git

NOTES: Final = "refs/notes/perfbudget"
_MOST_TRIES: Final = 30
"""The most pushes: of several jobs that push together, one at least succeeds each time."""
_MOST_ALIKE: Final = 3
"""The most failures in a row for which no other job is the reason."""
_SECONDS: Final = 120.0

_ORDER: Final = "push"
"""The key of the number of a session's push: the order of pushes is known, and the clocks of machines may be wrong."""

Files = dict[str, list[str]]
"""The lines of each file, by its path."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """The sessions that stay in the notes.

    Attributes:
        now_s: the present time, in s since 1970.
        oldest_s: the time before which sessions are too old.
        anchor: the commit whose sessions are never too old; empty if there is none.
    """

    now_s: float
    oldest_s: float
    anchor: str = ""


def push(folder: Path, remote: str, sessions: Iterable[HistorySession], keeping: Keeping | None = None) -> int:
    """Add sessions to the notes of a remote; sessions without a commit, and those that are there already, are left out.

    A session whose line is damaged is pushed anew, and the damaged line removed. Sessions that are too old are removed
    by the way; see `core.history.retention`. Lines of later versions and of others stay.

    Args:
        folder: a folder of the repository.
        remote: the name or the address of the remote.
        sessions: the sessions.
        keeping: the sessions that stay; None if all do.

    Returns:
        The number of sessions that were new.

    Raises:
        HistoryError: git cannot fetch or push.
    """
    given = {one.circumstances.id: one for one in sessions if one.circumstances.commit}
    alike, last = 0, ""
    for _ in range(_MOST_TRIES):
        tip = _fetched(folder, remote)
        files = _files(folder, tip)
        found = [(line, _session(line)) for lines in files.values() for line in lines]
        damaged = {line for line, data in found if (id_ := data.get("id")) in given and not _is_whole(data, given[id_])}
        known = {data["id"] for line, data in found if "id" in data and line not in damaged}
        new = [one for id_, one in given.items() if id_ not in known]
        if not new:
            return 0
        name = f"refs/perfbudget/{uuid.uuid4().hex}"
        try:
            whole = {path: [line for line in lines if line not in damaged] for path, lines in files.items()}
            kept = whole if keeping is None else _kept(whole, keeping)
            git(folder, "fast-import", "--quiet", text=_stream(name, tip, files, kept, new), seconds=_SECONDS)
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
        except (ValueError, RecursionError):
            unread += 1
    return sorted(found, key=lambda one: one.circumstances.at_s), unread


def _fetched(folder: Path, remote: str) -> str:
    """Fetch the notes of a remote, and return their commit; empty if the remote has none."""
    try:
        tip = git(folder, "ls-remote", remote, NOTES, seconds=_SECONDS).partition("\t")[0]
        if tip:  # what was pushed since then has this commit among its ancestors
            git(folder, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, NOTES, seconds=_SECONDS)
    except GitError as error:
        message = f"history: the remote {remote!r} cannot be read: {error}; --remote names another of `git remote`"
        raise HistoryError(message) from None
    return tip


def _files(folder: Path, tip: str) -> Files:
    """Return the lines of all notes."""
    if not tip:
        return {}
    listed = [line.partition("\t") for line in git(folder, "ls-tree", "-r", tip).splitlines()]
    paths = {path: entry.split()[2] for entry, _, path in listed}
    header = f"@{uuid.uuid4().hex} "  # drawn anew, so that no line of a note can begin with it
    text = git(
        folder,
        "cat-file",
        f"--batch={header}%(objectname)",
        text="".join(f"{one}\n" for one in paths.values()),
        seconds=_SECONDS,
    )
    contents: dict[str, list[str]] = {}
    present: list[str] = []
    for line in text.split("\n"):
        if line.startswith(header):
            present = contents[line.removeprefix(header)] = []
        elif line.strip():
            present.append(line)
    return {path: contents.get(name, []) for path, name in paths.items()}


def _session(line: str) -> dict[str, Any]:
    """Return the session in a line as builtins; empty if the line is of another kind."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) and isinstance(data.get("id", ""), str) else {}


def _is_whole(data: Mapping[str, Any], session: HistorySession) -> bool:
    """Return whether a line with the identity of a session can be read, now or by a later version.

    Equal content shows that at once; to read a line takes longer.
    """
    version = data.get("version")
    if isinstance(version, int) and version > max(READ):
        return True
    if data == {_ORDER: data.get(_ORDER), **session.to_dict()}:
        return True
    try:
        HistorySession.from_dict(data)
    except ValueError:
        return False
    return True


def _kept(files: Files, keeping: Keeping) -> Files:
    """Return the lines of all notes without the sessions that are too old."""
    lines = [(line, _session(line)) for found in files.values() for line in found]
    ours = sorted(
        ((line, one) for line, one in lines if _is_ours(one)), key=lambda one: (_order(one[1]), one[1]["at_s"])
    )
    number = removable([one["at_s"] for _, one in ours], keeping.now_s, keeping.oldest_s)
    old = {
        line
        for line, one in ours[:number]
        if one["at_s"] < keeping.oldest_s and not (keeping.anchor and one.get("commit") == keeping.anchor)
    }
    return {path: [line for line in found if line not in old] for path, found in files.items()}


def _is_ours(session: Mapping[str, Any]) -> bool:
    return session.get("version") in READ and isinstance(session.get("at_s"), (int, float))


def _order(session: Mapping[str, Any]) -> int:
    """Return the number of the push that added a session; 0 for sessions of earlier versions, which have none."""
    order = session.get(_ORDER)
    return order if isinstance(order, int) else 0


def _stream(name: str, tip: str, files: Files, kept: Files, new: Iterable[HistorySession]) -> str:
    """Return the input of `git fast-import` for a commit with further sessions, and without those that are not kept."""
    paths = {path.replace("/", ""): path for path in files}  # git's own notes are in folders if there are many
    changed = {path: list(lines) for path, lines in kept.items() if lines != files[path]}
    order = 1 + max((_order(_session(line)) for lines in files.values() for line in lines), default=0)
    latest_s = 0.0
    for one in new:
        commit = one.circumstances.commit
        path = paths.get(commit, commit)
        lines = changed.setdefault(path, list(kept.get(path, ())))
        lines.append(json.dumps({_ORDER: order, **one.to_dict()}, separators=(",", ":")))
        latest_s = max(latest_s, one.circumstances.at_s)
    return "".join(_commands(name, tip, changed, int(latest_s)))


def _commands(name: str, tip: str, changed: Mapping[str, list[str]], at_s: int) -> Iterator[str]:
    yield f"commit {name}\ncommitter pytest-perfbudget <> {at_s} +0000\n{_data('Sessions of pytest-perfbudget')}"
    if tip:
        yield f"from {tip}\n"
    for path, lines in sorted(changed.items()):
        if lines:
            yield f"M 100644 inline {path}\n{_data(''.join(f'{line}{chr(10)}' for line in lines))}"
        else:
            yield f"D {path}\n"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
