"""Changed files, and which of them a test run cannot read: documentation, pictures and workflows.

The decision is careful: a file of data, a lock file, and any file beside code or tests counts as code, because a test
may read the file; so does a document that code or tests name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
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
_QUOTES: Final = ('"', "'")
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


def names_in_code(path: str) -> list[str]:
    """Return the ends of texts by which any code names a file: `"docs/page.md"` ends with `page.md"`."""
    name = path.rpartition("/")[2]
    return [f"{name}{quote}" for quote in _QUOTES]


def names_in_tests(path: str) -> list[str]:
    """Return the parts of texts by which tests name a file with others: `"docs"`, `"docs/`, `*.md"`."""
    folder, has_folder, _ = path.partition("/")
    _, has_suffix, suffix = path.rpartition(".")
    starts = [f"{quote}{folder}{end}" for quote in _QUOTES for end in (quote, "/") if has_folder]
    return [*starts, *(f"*.{suffix}{quote}" for quote in _QUOTES if has_suffix)]


def that_may_run(
    paths: Iterable[str], links: Mapping[str, str] = MappingProxyType({}), named: Collection[str] = ()
) -> list[str]:
    """Return the files, in order, whose change can change the time of a test.

    Args:
        paths: the changed files.
        links: the target of each symbolic link: code may read a document by another name.
        named: the files that code or tests name.
    """
    targets = {target for link, target in links.items() if may_run(link)}
    return sorted(
        {path for path in paths if may_run(path) or path in named or not targets.isdisjoint(_with_folders(path))}
    )


def _with_folders(path: str) -> list[str]:
    """Return a path and the folders above it; `.` is the top."""
    parts = path.split("/")
    return [".", *("/".join(parts[: number + 1]) for number in range(len(parts)))]
