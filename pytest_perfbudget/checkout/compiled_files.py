"""The compiled files that a pull request commits, and that Python may run instead of their source."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.git import git

_HEADER: Final = 8
_BY_HASH: Final = 1
"""The bit of the header's flags by which a file names the hash of its source instead of the source's time.

Nothing shows that such a file was compiled from the source whose hash it names. The time of a source is that of its
checkout, which no commit knows.
"""


def compiled_files(base: Base) -> list[str]:
    """Return the files, by their paths from the top of the repository.

    Args:
        base: the commit that the pull request is compared with.

    Raises:
        GitError: git cannot compare the commits.
    """
    changed = git(base.top, "diff", "--name-only", "--no-renames", "-z", "--diff-filter=d", base.commit, "--", "*.pyc")
    return sorted(one for one in changed.split("\0") if one and _names_hash(base.top / one))


def _names_hash(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            header = opened.read(_HEADER)
    except OSError:
        return False
    return len(header) == _HEADER and bool(header[-4] & _BY_HASH)
