"""Changed files, and which of them a test run cannot read: documentation, pictures and workflows.

The decision is by path alone, and careful: a file of data, a lock file, and any file beside code or tests counts as
code, because a test may read the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

_PROSE: Final = (".md", ".markdown", ".rst", ".adoc")
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico")
_FOLDERS_OF_PROSE: Final = {"doc", "docs"}
_NAMED: Final = re.compile(
    r"(readme|license|licence|copying|notice|authors|contributors|changelog|changes|news)(\.txt)?"
)
_OF_GITHUB: Final = re.compile(
    r"\.github/(workflows/[^/]+\.ya?ml|issue_template/.+|(dependabot|labeler|release|funding)\.ya?ml|codeowners)"
)
_AT_THE_TOP: Final = {".gitignore", ".mailmap", ".editorconfig", "codeowners"}


def may_run(path: str) -> bool:
    """Return whether a change of a file can change the time of a test.

    Args:
        path: the path from the top of the repository, with `/` between its parts.
    """
    lower = path.lower()
    *folders, name = lower.split("/")
    is_prose = name.endswith((*_PROSE, *_PICTURES))
    if not folders:
        return not (is_prose or _NAMED.fullmatch(name) or name in _AT_THE_TOP)
    if folders[0] == ".github":
        return not (is_prose or _OF_GITHUB.fullmatch(lower))
    return not (is_prose and folders[0] in _FOLDERS_OF_PROSE)


def that_may_run(paths: Iterable[str], links: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Return the files, in order, whose change can change the time of a test.

    Args:
        paths: the changed files.
        links: the target of each symbolic link: code may read a document by another name.
    """
    targets = {target for link, target in links.items() if may_run(link)}
    return sorted({path for path in paths if may_run(path) or not targets.isdisjoint(_with_folders(path))})


def _with_folders(path: str) -> list[str]:
    """Return a path and the folders above it; `.` is the top."""
    parts = path.split("/")
    return [".", *("/".join(parts[: number + 1]) for number in range(len(parts)))]
