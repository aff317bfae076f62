"""The digest of the code that a baseline was made of, by which the commit with this code is found later.

The first baseline of a test is usually made before the test is committed, and a squash merge leaves the commit of a
baseline behind. The commit that brought the baseline's lines into the repository has the same code in both cases,
unless the code was changed between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from pytest_perfbudget.baseline.call_profiles import calls_file
from pytest_perfbudget.baseline.commit import DIRTY
from pytest_perfbudget.baseline.instruction_profiles import instructions_file
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git

_CODE: Final = frozenset(
    [".py", ".pyx", ".pxd", ".pxi", ".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".f90", ".so", ".pyd", ".toml", ".cfg"]
)
"""The files that count also if git does not track them yet; other new files may be anything."""

_INSTALLED: Final = frozenset(["site-packages", "dist-packages", "node_modules"])
_LENGTH: Final = 16
_MOST_COMMITS: Final = 10
"""The number of commits that are looked at: as a rule one commit brought the lines of a digest in."""

_LINK, _SUBMODULE = "120000", "160000"


def files_of(baseline: Path) -> list[Path]:
    """Return the files of a baseline: the file itself, and the files of profiles beside."""
    return [baseline, calls_file(baseline), instructions_file(baseline)]


def code_digest(folder: Path, baseline: Path) -> str:
    """Return the digest of the working tree; empty outside git, or if git cannot tell.

    Args:
        folder: a folder of the working tree.
        baseline: the file of the baseline, which does not count.
    """
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel")).resolve()
        files = _working_tree(top)
        tracked = _files_of(top, "HEAD")
    except GitError:
        return ""
    return _digest(files, tracked, _places(top, files_of(baseline)))


def commit_with_code(folder: Path, baseline: Path, digest: str, commit: str) -> str:
    """Return the abbreviated commit that brought a digest into the baseline, if the commit has the code; else empty.

    Args:
        folder: a folder of the working tree.
        baseline: the file of the baseline.
        digest: the digest of the code, as the file has it.
        commit: the commit of the lines, which may end with `DIRTY`, and need not exist any more.
    """
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel")).resolve()
        found = git(top, "log", f"-{_MOST_COMMITS}", "--format=%h", "--abbrev=9", f"-S{digest}", "--", str(baseline))
        try:
            tracked: Mapping[str, str] | None = _files_of(top, commit.removesuffix(DIRTY))
        except GitError:
            tracked = None
        besides = _places(top, files_of(baseline))
        return next((one for one in found.split() if _digest(_files_of(top, one), tracked, besides) == digest), "")
    except GitError:
        return ""


def _working_tree(top: Path) -> dict[str, str]:
    """Return the content of the working tree, by path: the hashes that git would give to the files.

    Raises:
        GitError: git cannot tell.
    """
    files: dict[str, str] = {}
    for entry in filter(None, git(top, "ls-files", "--stage", "-z").split("\0")):
        kind, content, stage = entry.partition("\t")[0].split(" ")
        if stage != "0":
            message = "a merge is not finished"
            raise GitError(message)
        files[entry.partition("\t")[2]] = f"{kind} {content}" if kind in (_LINK, _SUBMODULE) else content
    changed = git(top, "diff-files", "--name-only", "--ignore-submodules=none", "-z").split("\0")
    new = [one for one in git(top, "ls-files", "--others", "--exclude-standard", "-z").split("\0") if _is_code(one)]
    there = [one for one in [*changed, *new] if one and (top / one).is_file() and not (top / one).is_symlink()]
    for one in filter(None, changed):
        files.pop(one, None)
    contents = git(top, "hash-object", "--stdin-paths", text="\n".join([*there, ""])).split() if there else []
    return files | dict(zip(there, contents, strict=True))


def _files_of(top: Path, commit: str) -> dict[str, str]:
    """Return the content of a commit, by path.

    Raises:
        GitError: git does not have the commit.
    """
    files: dict[str, str] = {}
    for entry in filter(None, git(top, "ls-tree", "-r", "-z", "--full-tree", commit).split("\0")):
        kind, _, content = entry.partition("\t")[0].split(" ")
        files[entry.partition("\t")[2]] = f"{kind} {content}" if kind in (_LINK, _SUBMODULE) else content
    return files


def _digest(files: Mapping[str, str], tracked: Collection[str] | None, besides: Collection[str]) -> str:
    """Return the digest of files: of those that a commit has, if that is known, and of all other code."""
    counting = [
        f"{content} {path}\0"
        for path, content in sorted(files.items())
        if path not in besides and (tracked is None or path in tracked or _is_code(path))
    ]
    return hashlib.sha256("".join(counting).encode("utf-8", "surrogateescape")).hexdigest()[:_LENGTH]


def _is_code(path: str) -> bool:
    place = PurePosixPath(path)
    return place.suffix in _CODE and _INSTALLED.isdisjoint(place.parts)


def _places(top: Path, files: Collection[Path]) -> set[str]:
    """Return the paths of files from the top of the repository, without files outside."""
    found = [one.resolve() for one in files]
    return {one.relative_to(top).as_posix() for one in found if one.is_relative_to(top)}
