"""Modules that a pull request lets its tests import from another file, while the base's file is still there.

A fast copy of a module beside the tests stands in for the module, which the pull request may make slow. A module that
was moved is another case, for its file in the base is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A module that is imported from another file than in the base.

    Attributes:
        module: the name of the module.
        head: its file in the pull request, relative to the top folder.
        base: its file in the base.
    """

    module: str
    head: str
    base: str


def other_files(
    head: Mapping[str, str], base: Mapping[str, str], top: Path, tree: Path, tests: Sequence[PurePosixPath] = ()
) -> list[OtherFile]:
    """Return the modules that the head imports from a new file instead of the base's file, which the head still has.

    A file that both commits have is nothing that the pull request adds: which of two namesakes is imported may depend
    on the order of the tests. Helpers of tests are left out, because they are compared with the base's helpers.

    Args:
        head: the files of the head's modules by name, relative to the top folder; see `Answer.modules`.
        base: the same of the base.
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
        tests: the folders and files that belong to the tests, relative to the top folder.
    """
    both = (OtherFile(name, head[name], place) for name, place in sorted(base.items()) if name in head)
    return [
        one
        for one in both
        if one.head != one.base
        and (top / one.base).is_file()
        and not (tree / one.head).exists()
        and not any(PurePosixPath(one.base).is_relative_to(folder) for folder in tests)
    ]
