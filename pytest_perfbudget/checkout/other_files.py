"""Modules that a pull request lets its tests import from another file, while the base's file is still there.

A fast copy of a module beside the tests stands in for the module, which the pull request may make slow. A module that
was moved is another case, for its file in the base is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pytest_perfbudget.checkout.hidden_code import functions_in
from pytest_perfbudget.checkout.installed_copies import EXTENSIONS


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A module that is imported from another file than in the base.

    Attributes:
        module: the name of the module.
        head: its file in the pull request, relative to the top folder.
        base: its file in the base.
        is_hiding: whether the pull request changes code that the head's tests do not import any more.
    """

    module: str
    head: str
    base: str
    is_hiding: bool = False


def other_files(
    head: Mapping[str, str],
    base: Mapping[str, str],
    top: Path,
    tree: Path,
    tests: Sequence[PurePosixPath] = (),
    *,
    changed: Callable[[], Collection[str]] = tuple,
) -> list[OtherFile]:
    """Return the modules that the head imports from another file instead of the base's file, which the head still has.

    Which of two namesakes in both commits is imported may depend on the order of the tests; these are left out if
    nothing hides behind them. Helpers of tests are left out, because they are compared with the base's helpers, and so
    is an extension module that is built beside its source.

    Args:
        head: the files of the head's modules by name, relative to the top folder; see `Answer.modules`.
        base: the same of the base.
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
        tests: the folders and files that belong to the tests, relative to the top folder.
        changed: a function that returns the code under test that the pull request changes, relative to the top folder.
    """
    both = (OtherFile(name, head[name], place) for name, place in sorted(base.items()) if name in head)
    shadowed = [one for one in both if one.head != one.base and not _is_built_beside(one)]
    imported = set(head.values())
    lost = {one for one in base.values() if one not in imported and (top / one).is_file() and not _is_in(one, tests)}
    shadowed = [one for one in shadowed if one.base in lost]
    if not shadowed:
        return []
    changing = {one for one in lost if _differs(top / one, tree / one)}
    # What a shadowed module imports is lost with the module, and may be what has become slower.
    hiding = {one for one in changing if not _is_emptied(top / one, tree / one)}
    elsewhere = hiding - {one.base for one in shadowed}
    found = [
        replace(
            one,
            is_hiding=one.base in hiding
            or bool(elsewhere)
            or (one.base in changing and _is_moved(one, top, tree, set(changed()) - imported)),
        )
        for one in shadowed
    ]
    return [one for one in found if one.is_hiding or not (tree / one.head).exists()]


def _is_in(file: str, folders: Sequence[PurePosixPath]) -> bool:
    return any(PurePosixPath(file).is_relative_to(folder) for folder in folders)


def _is_built_beside(one: OtherFile) -> bool:
    """Return whether the head imports an extension module that was built from the base's file, beside this file."""
    head, base = PurePosixPath(one.head), PurePosixPath(one.base)
    return head.name.endswith(EXTENSIONS) and (head.parent, head.name.partition(".")[0]) == (base.parent, base.stem)


def _differs(head: Path, base: Path) -> bool:
    try:
        return head.read_bytes() != base.read_bytes()
    except OSError:
        return True


def _is_emptied(head: Path, base: Path) -> bool:
    """Return whether a module has lost its functions, such as one that only imports the moved code for old callers."""
    before = functions_in(base)
    return bool(before) and not before & functions_in(head)


def _is_moved(one: OtherFile, top: Path, tree: Path, changed: Collection[str]) -> bool:
    """Return whether code that no test of the head imports has the functions of the base's file and of the copy."""
    copied = functions_in(tree / one.base) & functions_in(top / one.head)
    return any(copied & functions_in(top / file) for file in changed)
