"""The dependencies of a session as a text, and the comparison of such texts.

With a lock file, the text is its digest. Otherwise the text has the versions of the distributions that the project
uses: `numpy 1.26.4, scipy 1.11.4`. A session of a part of the tests may use fewer of them, so a distribution that a
text does not have is not known there, and has not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

_DIGEST: Final = ""
"""The name for a digest among the names of distributions."""


def dependencies_text(versions: Mapping[str, str]) -> str:
    """Return the text of distributions with these versions, by name."""
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def changed_dependencies(before: str, after: str) -> tuple[str, str] | None:
    """Return what differs between two texts, in either; None if nothing that both have."""
    first, second = told_dependencies([before, after])
    return None if first == second else (first, second)


def told_dependencies(texts: Sequence[str]) -> list[str]:
    """Return for each text the dependencies that are not the same in all texts.

    A dependency that is not known is that of the text before, or else of the text after. The results are equal where
    the dependencies are.
    """
    distinct = {text: _versions(text) for text in dict.fromkeys(texts)}
    known: dict[str, set[str]] = {}
    for versions in distinct.values():
        for name, version in versions.items():
            known.setdefault(name, set()).add(version)
    varying = sorted(name for name, versions in known.items() if len(versions) > 1)
    columns = [filled([distinct[text].get(name, "") for text in texts]) for name in varying]
    rows = zip(*columns, strict=True) if columns else [()] * len(texts)
    return [", ".join(f"{name} {one}".strip() for name, one in zip(varying, row, strict=True)) for row in rows]


def filled(words: Sequence[str]) -> list[str]:
    """Return words, each empty word replaced by the word before, or else by the first that is not empty."""
    last = next(filter(None, words), "")
    found = []
    for word in words:
        last = word or last
        found.append(last)
    return found


def _versions(text: str) -> dict[str, str]:
    found = {}
    for one in filter(None, text.split(", ")):
        name, _, version = one.rpartition(" ")
        found[name or _DIGEST] = version
    return found
