"""The code of a pull request that may be slower while the pull request's own tests measure other code."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from pytest_perfbudget.checkout.named_files import WORD, is_named
from pytest_perfbudget.checkout.revision import Base, changed_paths
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git


class HiddenCode:
    """The code under test that a pull request changes.

    Args:
        base: the commit.
        tests: the folders and files that belong to the tests, relative to the top folder.
    """

    def __init__(self, base: Base, tests: Sequence[PurePosixPath]) -> None:
        self._base = base
        self._tests = tests
        self._named: dict[frozenset[str], bool] = {}

    def may_have(self, function: str, file: str, ran: Iterable[str] = ()) -> bool:
        """Return whether a function of the base may be slower in the pull request, in the same file or in another.

        A function is as fast as in the base if neither its file nor anything that it may use has changed: a namesake
        elsewhere is other code, which the test has not measured. The functions of a file that is gone may have been
        moved.

        Args:
            function: the function as `module:name`.
            file: the function's file in the base, relative to the top folder.
            ran: the files that the base's own test runs, relative to the top folder.
        """
        if not (self._base.top / file).is_file():
            return function.rpartition(":")[2].rpartition(".")[2] in self._defined
        used = frozenset([file, *ran])
        return bool(self.changed & used) or self._changes_named_in(used)

    def _changes_named_in(self, files: frozenset[str]) -> bool:
        """Return whether some files name a changed module or a changed file of data, such as one with constants."""
        if files not in self._named:
            words = {
                word for one in files for word in WORD.findall(_read(self._base.top / one).decode(errors="replace"))
            }
            self._named[files] = any(is_named(one, words) for one in self.changed)
        return self._named[files]

    def is_only_renamed(self, names: Mapping[str, str]) -> bool:
        """Return whether the code has each of some names in the place of another, and nothing beside in which to hide.

        A slow copy of the code under test needs a new function, or the callers of the code, which call something else
        then.

        Args:
            names: the new names by the names in the base.
        """
        if not names:
            return False
        paths = [one for one in self.changed if one.endswith(".py")]
        before = _Names.of({one: self._shown(one) for one in paths})
        after = _Names.of({one: _read(self._base.top / one) for one in paths if (self._base.top / one).is_file()})
        found = all(
            old in before.defined and old not in after.defined and new in after.defined and new not in before.defined
            for old, new in names.items()
        )
        renamed = Counter({names.get(name, name): number for name, number in before.defined.items()})
        is_called = all(after.used[new] >= before.used[old] for old, new in names.items())
        return found and is_called and not after.defined - renamed

    def _shown(self, path: str) -> str | None:
        with suppress(GitError):  # a new file
            return git(self._base.top, "show", f"{self._base.commit}:{path}")
        return None

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


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of the functions, classes and modules that some files define, and the names that the files use."""

    defined: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, texts: Mapping[str, str | bytes | None]) -> _Names:
        """Return the names in Python files.

        Args:
            texts: the text of each file by its path; None for no file.
        """
        found = cls()
        for path, text in texts.items():
            if text is None:
                continue
            place = PurePosixPath(path)
            found.defined.update([*place.parent.parts, *([] if place.stem == "__init__" else [place.stem])])
            with suppress(SyntaxError, ValueError):
                for one in ast.walk(ast.parse(text)):
                    if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                        found.defined[one.name] += 1
                    elif isinstance(one, ast.Lambda):
                        found.defined["<lambda>"] += 1
                    elif isinstance(one, ast.Name):
                        found.used[one.id] += 1
                    elif isinstance(one, ast.Attribute):
                        found.used[one.attr] += 1
                    elif isinstance(one, (ast.Import, ast.ImportFrom)):
                        found.used.update(word for alias in one.names for word in alias.name.split("."))
                        found.used.update((getattr(one, "module", None) or "").split("."))
        return found


def functions_in(file: Path) -> frozenset[str]:
    """Return the names of the functions and methods that a file defines; none for a file that cannot be read."""
    try:
        tree = ast.parse(_read(file))
    except (SyntaxError, ValueError):
        return frozenset()
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)))


def _read(file: Path) -> bytes:
    """Return the content of a file, whatever its encoding; nothing for a file that cannot be read."""
    try:
        return file.read_bytes()
    except OSError:
        return b""
