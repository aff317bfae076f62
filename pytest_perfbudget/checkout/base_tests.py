"""The tests of the base, by the text of its files: whether a pull request leaves them out, or lets them fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.checkout.pytest_settings import FILES as CONFIGURATIONS
from pytest_perfbudget.checkout.pytest_settings import pytest_settings
from pytest_perfbudget.checkout.revision import Base, changed_paths, linked_paths, text_of
from pytest_perfbudget.core.changed_files import that_may_run
from pytest_perfbudget.core.collection_rules import CollectionRules
from pytest_perfbudget.core.measurement import file_of, function_of
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git, grep
from pytest_perfbudget.table_name import may_have_table

_CONFTEST: Final = "conftest.py"
_WORD: Final = re.compile(r"\w+")


class BaseTests:
    """The tests of the base, and what the pull request changes around them.

    Args:
        base: the commit.
        root: pytest's root folder.
        configuration: the file of pytest's configuration; None if there is none.
        is_given: whether the user has chosen this file (`-c`), so that the base has its settings there, too.

    Attributes:
        base: the commit.
        root: pytest's root folder, resolved.
    """

    def __init__(self, base: Base, root: Path, configuration: Path | None = None, *, is_given: bool = False) -> None:
        self.base = base
        self._configuration = configuration
        self._is_given = is_given
        self.root = root.resolve()

    def shown(self, file: str) -> str:
        """Return the text of a file of the base, by its path from the root folder; empty if there is no such file."""
        with suppress(ValueError):
            place = (self.root / file).resolve().relative_to(self.base.top.resolve()).as_posix()
            return text_of(self.base, place) or ""
        return ""

    def adds(self, nodeid: str, word: str) -> bool:
        """Return whether the pull request may have added `skip` or `xfail` to a test that did not have the word.

        The test's file, a conftest.py or a configuration of pytest differs then, or a module that they name has the
        word more often, and the base's test does not say so.
        """
        if word in self._text_of(nodeid):
            return False
        file = file_of(nodeid)
        changed = self.changed & {file, *CONFIGURATIONS}
        changed |= {one for one in self.changed if Path(one).name == _CONFTEST}
        return bool(changed) or any(self.adds_word(one, word) for one in self._named(file))

    def new_name(self, nodeid: str) -> str:
        """Return the name of the function in the test's file that is new and has the body of a test that is gone.

        The name is empty if there is no such function.
        """
        before, after = (_bodies(text) for text in (self.shown(file_of(nodeid)), self._text(file_of(nodeid))))
        body = before.get(function_of(nodeid).rpartition("::")[2])
        return next((name for name, own in after.items() if own == body and name not in before), "")

    def has_file_of(self, nodeid: str) -> bool:
        """Return whether the base has the file of a test."""
        return bool(self.shown(file_of(nodeid)))

    @property
    def conftest_differs(self) -> bool:
        """Whether the pull request changes a conftest.py."""
        return any(Path(one).name == _CONFTEST for one in self.changed)

    @cached_property
    def pytest_settings(self) -> Mapping[str, Any]:
        """The settings of pytest in the base."""
        names = [str(self._configuration)] if self._is_given else CONFIGURATIONS
        found = (pytest_settings(self.shown(name), Path(name).name) for name in names)
        return next((one for one in found if one is not None), {})

    @cached_property
    def own_pytest_settings(self) -> Mapping[str, Any]:
        """The settings of pytest in the pull request."""
        file = self._configuration
        found = None if file is None else pytest_settings(self._text(str(file)), file.name)
        return found or {}

    @property
    def rules(self) -> CollectionRules:
        """The rules of the base's collection."""
        return CollectionRules.from_settings(self.pytest_settings, lambda file: self.shown(file) or None)

    @property
    def own_rules(self) -> CollectionRules:
        """The rules of the pull request's collection."""
        return CollectionRules.from_settings(self.own_pytest_settings, self._own_options)

    def _own_options(self, file: str) -> str | None:
        """Return the text of a file of options in the working tree; None if there is none, or not in the repository."""
        is_inside = (self.root / file).resolve().is_relative_to(self.base.top.resolve())
        return (self._text(file) or None) if is_inside else None

    @property
    def options_differ(self) -> bool:
        """Whether the options that pytest adds (`addopts`) differ from those of the base."""
        return "addopts" in self.rules.differing(self.own_rules)

    @property
    def settings_above(self) -> str:
        """The file of the base above the root folder with settings that the pull request cuts off; empty if none is.

        A new `pytest.ini` in a folder makes this folder the root folder: the table and each conftest.py above it are
        not read any more.
        """
        names = [self.root / name for name in CONFIGURATIONS]
        if self._configuration is None or any(self._has_settings(one) for one in names):
            return ""
        top = self.base.top.resolve()
        above = (one / name for one in self.root.parents if one.is_relative_to(top) for name in CONFIGURATIONS)
        found = (one.relative_to(top).as_posix() for one in above if self._has_settings(one))
        return next(found, "")

    def _has_settings(self, file: Path) -> bool:
        """Return whether a file of the base makes its folder the root folder, or has this plugin's table."""
        place = file.relative_to(self.base.top.resolve()).as_posix()
        if not git(self.base.top, "ls-tree", "--full-tree", "--name-only", self.base.commit, "--", place):
            return False
        text = self.shown(str(file))
        has_table = file.name == "pyproject.toml" and may_have_table(text.encode())
        # An empty file counts, too.
        return has_table or pytest_settings(text or "\n", file.name) is not None

    def adds_word(self, file: str, word: str) -> bool:
        """Return whether a file has a word more often than in the base."""
        return self._text(file).count(word) > self.shown(file).count(word)

    def files(self, words: str = "") -> list[str]:
        """Return the files of the base below the root folder, by their paths from there.

        Args:
            words: a regular expression that a line of each file matches; empty for all files.

        Raises:
            GitError: git cannot list the files.
        """
        top, commit = self.base.top.resolve(), self.base.commit
        place = self.root.relative_to(top).as_posix()
        if words:
            try:
                listed = grep(top, "-l", "-z", "-E", words, commit, "--", place)
            except GitError:  # any file may have them
                words = ""
        if not words:
            listed = git(top, "ls-tree", "-r", "-z", "--name-only", "--full-name", commit, "--", place)
        found = (top / one.removeprefix(f"{commit}:") for one in listed.split("\0") if one)
        return [one.relative_to(self.root).as_posix() for one in found if one.is_relative_to(self.root)]

    @property
    def changes_that_run(self) -> Sequence[str]:
        """The changed files that a test run may read, by their paths from the top of the repository."""
        return that_may_run(self._changed_paths, linked_paths(self.base.top))

    @cached_property
    def _changed_paths(self) -> list[str]:
        return changed_paths(self.base.top, self.base.commit)

    @cached_property
    def changed(self) -> frozenset[str]:
        """The changed files, by their paths from the root folder."""
        found = (self.base.top.resolve() / one for one in self._changed_paths)
        return frozenset(one.relative_to(self.root).as_posix() for one in found if one.is_relative_to(self.root))

    def _named(self, file: str) -> Iterator[str]:
        """Yield the changed modules whose names stand in a test file or in a conftest.py above the file."""
        above = [parent / _CONFTEST for parent in Path(file).parents]
        words = set(_WORD.findall("\n".join(self._text(str(one)) for one in (file, *above))))
        for one in self.changed:
            path = Path(one)
            if path.suffix == ".py" and (path.parent.name if path.stem == "__init__" else path.stem) in words:
                yield one

    def _text(self, file: str) -> str:
        """Return the text of a file of the working tree; empty if there is none."""
        with suppress(OSError, UnicodeDecodeError):
            return (self.root / file).read_text("utf-8")
        return ""

    def _text_of(self, nodeid: str) -> str:
        """Return the text of the base's test with its decorators, its classes' decorators and the file's marks."""
        text = self.shown(file_of(nodeid))
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            return ""
        name = function_of(nodeid).rpartition("::")[2]
        parts: list[ast.AST] = []
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
                parts += [node, *node.decorator_list]
            elif isinstance(node, ast.ClassDef):
                parts += node.decorator_list
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
                parts.append(node)
        return "\n".join(ast.unparse(one) for one in parts)


def _bodies(text: str) -> dict[str, str]:
    """Return the functions of a file by their names, each with its parameters and its body as text."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    functions = [one for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return {one.name: "\n".join(map(ast.unparse, [one.args, *one.body])) for one in functions}
