"""The digest of the files that a baseline was made of, by which the commit with these files is found later.

The first baseline of a test is usually made before the test is committed, and a squash merge leaves the commit of a
baseline behind. The commit that took the baseline in has the same files in both cases, unless a file was changed
between.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from pytest_perfbudget.baseline.call_profiles import calls_file
from pytest_perfbudget.baseline.instruction_profiles import instructions_file
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git

_LENGTH: Final = 16
_MOST_COMMITS: Final = 30
"""The number of commits that are looked at: the last ones that have changed the baseline."""

_MOST_BYTES: Final = 50_000_000
"""The size of new files from which there is no digest: git would read all of them."""


def files_of(baseline: Path) -> list[Path]:
    """Return the files of a baseline: the file itself, and the files of profiles beside."""
    return [baseline, calls_file(baseline), instructions_file(baseline)]


def code_digest(folder: Path, baseline: Path) -> str:
    """Return the digest of all files that git tracks, or would track (`git add --all`); empty if git cannot tell.

    Args:
        folder: a folder of the working tree.
        baseline: the file of the baseline, which does not count.
    """
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel")).resolve()
        with tempfile.TemporaryDirectory() as made:
            return _digest(_staged(top, Path(made)), _places(top, baseline))
    except (GitError, OSError, ValueError):
        return ""


def commits_with_code(folder: Path, baseline: Path, digests: Collection[str]) -> dict[str, str]:
    """Return the abbreviated commit of each digest whose files a commit has that has changed the baseline.

    Args:
        folder: a folder of the working tree.
        baseline: the file of the baseline.
        digests: digests of files, as the baseline has them.
    """
    found: dict[str, str] = {}
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel")).resolve()
        besides = _places(top, baseline)
        listed = git(top, "log", f"-{_MOST_COMMITS}", "--format=%h", "--abbrev=9", "--", str(baseline))
        for commit in listed.split():
            digest = _digest(git(top, "ls-tree", "-r", "-z", "--full-tree", commit), besides)
            if digest in digests:
                found.setdefault(digest, commit)
            if len(found) == len(set(digests)):
                break
    except (GitError, OSError, ValueError):
        pass
    return found


def _staged(top: Path, made: Path) -> str:
    """Return git's list of the working tree, as if all files had been added; the repository itself is not changed.

    Args:
        top: the top folder of the working tree.
        made: an empty folder, for an index and objects.

    Raises:
        GitError: git cannot tell.
        OSError: a file cannot be read.
    """
    index, objects = (
        top / one for one in git(top, "rev-parse", "--git-path", "index", "--git-path", "objects").split("\n")
    )
    tags = git(top, "ls-files", "-v", "-z").split("\0")
    new = filter(None, git(top, "ls-files", "--others", "--exclude-standard", "-z").split("\0"))
    if any(tag[:1] == "S" or tag[:1].islower() for tag in tags):
        message = "git is told not to look at some files"
        raise GitError(message)
    if sum((top / one).lstat().st_size for one in new) > _MOST_BYTES:
        message = "the new files are too large"
        raise GitError(message)
    if index.exists():
        shutil.copy2(index, made / "index")
    (made / "objects").mkdir()
    variables = {
        "GIT_INDEX_FILE": str(made / "index"),
        "GIT_OBJECT_DIRECTORY": str(made / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
    }
    git(top, "add", "--all", environment=variables)
    return git(top, "ls-files", "--stage", "-z", environment=variables)


def _digest(listed: str, besides: Collection[str]) -> str:
    """Return the digest of modes, contents and paths, as `git ls-files --stage` or `git ls-tree -r` lists them."""
    counting = sorted(_entries(listed, besides))
    return hashlib.sha256("\0".join(counting).encode("utf-8", "surrogateescape")).hexdigest()[:_LENGTH]


def _entries(listed: str, besides: Collection[str]) -> Iterator[str]:
    for entry in filter(None, listed.split("\0")):
        about, _, path = entry.partition("\t")
        mode, *more = about.split(" ")
        content = next(one for one in more if len(one) >= 40)  # the type or the stage stands beside
        if path not in besides and "__pycache__" not in PurePosixPath(path).parts:
            yield f"{mode} {content} {path}"


def _places(top: Path, baseline: Path) -> set[str]:
    """Return the paths of the files of a baseline, from the top of the repository."""
    return {Path(os.path.relpath(one.resolve(), top)).as_posix() for one in files_of(baseline)}
