"""The code of a pull request that may be slower while the pull request's own tests measure other code."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from pytest_perfbudget.checkout.revision import Base, changed_paths


class HiddenCode:
    """The code under test that a pull request changes.

    Args:
        base: the commit.
        tests: the folders and files that belong to the tests, relative to the top folder.
    """

    def __init__(self, base: Base, tests: Sequence[PurePosixPath]) -> None:
        self._base = base
        self._tests = tests

    def may_have(self, function: str, file: str) -> bool:
        """Return whether a function of the base may be slower in the pull request, in the same file or in another.

        A function that the pull request neither changes nor moves to other code under test is as fast as in the base.

        Args:
            function: the function as `module:name`.
            file: the function's file in the base, relative to the top folder.
        """
        is_changed = file in self.changed and (self._base.top / file).is_file()
        return is_changed or function.rpartition(":")[2].rpartition(".")[2] in self._defined

    @cached_property
    def changed(self) -> frozenset[str]:
        """The changed code, relative to the top folder."""
        paths = map(PurePosixPath, changed_paths(self._base.top, self._base.commit))
        return frozenset(str(one) for one in paths if not any(one.is_relative_to(folder) for folder in self._tests))

    @cached_property
    def _defined(self) -> frozenset[str]:
        """The names of the functions that the changed files define."""
        modules = [self._base.top / one for one in self.changed if one.endswith(".py")]
        return frozenset().union(*map(functions_in, modules))


def functions_in(file: Path) -> frozenset[str]:
    """Return the names of the functions and methods that a file defines; none for a file that cannot be read."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)))
