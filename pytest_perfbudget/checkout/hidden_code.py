"""The code of a pull request that may be slower while the pull request's own tests measure other code."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from pytest_perfbudget.checkout.code_names import CodeNames, renamed_words
from pytest_perfbudget.checkout.named_files import WORD, is_named
from pytest_perfbudget.checkout.revision import Base, changed_paths, text_of
from pytest_perfbudget.core.changed_files import may_run
from pytest_perfbudget.git import grep


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

        A slow copy of the code under test needs callers, which call something else then. So new code may stand beside
        the renamed code, if nothing else uses the new code.

        Args:
            names: the new names by the names in the base.
        """
        if not names:
            return False
        paths = [one for one in self.changed if one.endswith(".py")]
        before = CodeNames.of({one: text_of(self._base, one) for one in paths})
        after = CodeNames.of({one: _read(self._base.top / one) for one in paths if (self._base.top / one).is_file()})
        further = after.further(before, names)
        # A module may shadow another, and a method an inherited one: unchanged code uses them by the same name.
        known = {one[-1] for one in further if one in after.modules or one[:-1] not in after.modules}
        return after.is_renamed(before, names) and after.is_apart(further) and not self._names_elsewhere(known, ())

    def is_renamed_throughout(self, names: Mapping[str, str]) -> bool:
        """Return whether the pull request changes nothing in the code but names, some names among them.

        The names may be exchanged then, so that the base's tests run other code with the head's code.

        Args:
            names: the new names by the names in the base.
        """
        paths = [one for one in self.changed if may_run(one)]
        texts = [[text_of(self._base, one), _text(self._base.top / one)] for one in paths]
        if not names or not all(one.endswith(".py") for one in paths) or any(None in pair for pair in texts):
            return False
        renamed = renamed_words([[text or "" for text in pair] for pair in texts])
        before = CodeNames.of({one: pair[0] for one, pair in zip(paths, texts, strict=True)})
        defined = {part for name in before.defined for part in name}
        are_those = all(renamed.get(old) == new and old in defined for old, new in names.items())
        return are_those and not self._names_elsewhere(names, paths)

    def _names_elsewhere(self, names: Collection[str], changed: Collection[str]) -> bool:
        """Return whether code of the base has some names, apart from the tests and from some files.

        Raises:
            GitError: git cannot search.
        """
        if not names:
            return False
        patterns = [word for name in names for word in ("-e", name)]
        found = grep(self._base.top, "-l", "-z", "-w", "-F", *patterns, self._base.commit, "--", "*.py")
        files = {one.removeprefix(f"{self._base.commit}:") for one in found.split("\0") if one} - {*changed}
        return any(not self._is_of_tests(PurePosixPath(one)) for one in files)

    @cached_property
    def changed(self) -> frozenset[str]:
        """The changed files that are not of the tests, relative to the top folder."""
        paths = map(PurePosixPath, changed_paths(self._base.top, self._base.commit))
        return frozenset(str(one) for one in paths if not self._is_of_tests(one))

    def _is_of_tests(self, file: PurePosixPath) -> bool:
        return any(file.is_relative_to(folder) for folder in self._tests)

    @property
    def changes_code(self) -> bool:
        """Whether a file has changed that can change the time of a test."""
        return any(map(may_run, self.changed))

    @cached_property
    def _defined(self) -> frozenset[str]:
        """The names of the functions that the changed files define."""
        modules = [self._base.top / one for one in self.changed if one.endswith(".py")]
        return frozenset().union(*map(functions_in, modules))


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


def _text(file: Path) -> str | None:
    """Return the text of a file as git shows it, without newlines at the end; None if there is none."""
    try:
        return file.read_text("utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError):
        return None
