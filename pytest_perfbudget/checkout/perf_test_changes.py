"""The perf tests that a pull request may have changed, by the text of their files and of the files that these name."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final, TypeGuard

from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.code_names import renamed_words
from pytest_perfbudget.checkout.head_tests import sources_of
from pytest_perfbudget.checkout.named_files import WORD, is_named
from pytest_perfbudget.checkout.patches import has_patches, may_patch
from pytest_perfbudget.checkout.session_shape import shaping_files
from pytest_perfbudget.checkout.test_inputs import inputs_among, is_of_code
from pytest_perfbudget.core.measurement import file_of, function_of

_CONFTEST: Final = "conftest.py"
_BEFORE_TESTS: Final = (_CONFTEST, "__init__.py")
"""The files that run before the tests below their folder."""
_LISTING: Final = {"glob", "rglob", "iglob", "iterdir", "listdir", "scandir", "walk"}
"""The words of code that may read any file of data in a folder."""
_TEST: Final = re.compile("test", re.IGNORECASE)


class PerfTestChanges:
    """The changes of a pull request to its perf tests.

    A test may be changed if its own text is, the rest of its file without other tests, a conftest.py above, or a
    helper or a file of data in its folder of tests whose name stands in these, or a file of data elsewhere that they
    name. Code outside of the folder of tests is the code under test.

    Args:
        tests: the tests of the base.
        testpaths: pytest's setting of that name.
    """

    def __init__(self, tests: BaseTests, testpaths: Sequence[str] = ()) -> None:
        self._tests = tests
        self._testpaths = testpaths
        self._around: dict[str, bool] = {}

    def may_change(self, nodeid: str) -> bool:
        """Return whether the pull request may have changed what a test measures."""
        file = file_of(nodeid)
        if file not in self._around:
            self._around[file] = self._changes_around(file)
        if self._around[file] or file not in self._tests.changed:
            return self._around[file]
        name = function_of(nodeid).removeprefix(f"{file}::").partition("::")[0]
        return _without_others(self._text(file), name) != _without_others(self._tests.shown(file), name)

    def is_own(self, nodeid: str) -> bool:
        """Return whether what changed is more than a conftest.py: the test's file, a helper or data that it names."""
        file = file_of(nodeid)
        return file in self._tests.changed or self._changes_named(file) or bool(self._data(file))

    def files(self, nodeid: str) -> list[str]:
        """Return the changed files of the test's side: its own, each conftest.py above, helpers, and data."""
        file = file_of(nodeid)
        sources = sources_of(self._tests.root, file, self._testpaths)
        words = self._words_of(file, sources)
        beside = sorted(self._changed_beside(file, sources))
        named = [one for one in beside if _runs_before(one, file) or _is_used(one, words)]
        return [*([file] if file in self._tests.changed else []), *named, *self.inputs(nodeid)]

    def may_patch(self, nodeid: str) -> bool:
        """Return whether the test's side has changed by statements that may patch the code under test.

        A conftest.py is there for all tests below, so all of its statements but some may do so.
        """
        file = file_of(nodeid)
        plugins = self._shaping(file)
        return any(
            (may_patch if _runs_before(one, file) or one in plugins else has_patches)(
                self._tests.shown(one), self._text(one)
            )
            for one in self.files(nodeid)
            if one.endswith(".py")
        )

    def has_patches(self, nodeid: str) -> bool:
        """Return whether the test's side has changed by statements that usually patch something."""
        modules = [one for one in self.files(nodeid) if one.endswith(".py")]
        return any(has_patches(self._tests.shown(one), self._text(one)) for one in modules)

    def renames(self, nodeid: str) -> dict[str, str]:
        """Return the names by which alone a test and its helpers differ from the base's, by the name in the base.

        The result is empty if anything else differs, such as a number, or data that the test reads.
        """
        if self.inputs(nodeid):
            return {}
        file = file_of(nodeid)
        sources = sources_of(self._tests.root, file, self._testpaths)
        words = self._words_of(file, sources)
        beside = self._changed_beside(file, sources)
        helpers = [one for one in beside if _runs_before(one, file) or _is_used(one, words)]
        name = function_of(nodeid).removeprefix(f"{file}::").partition("::")[0]
        return renamed_words(
            [
                [
                    "\n".join(_without_others(one, name, ast.unparse))
                    for one in (self._tests.shown(file), self._text(file))
                ],
                # Of a base's file, git shows no newlines at the end.
                *([self._tests.shown(one), self._text(one).rstrip("\n")] for one in helpers),
            ]
        )

    def inputs(self, nodeid: str) -> list[str]:
        """Return the changed files outside of the folder of tests that belong to a test.

        These are data that the test's side names, settings of pytest that shape the tests, and plugins.
        """
        return [*self._data(file_of(nodeid)), *self._shaping(file_of(nodeid))]

    def _data(self, file: str) -> list[str]:
        sources = sources_of(self._tests.root, file, self._testpaths)
        outside = [one for one in self._tests.changed if not _belongs_to(one, sources)]
        return inputs_among(outside, self._words_of(file, sources)) if outside else []

    def _shaping(self, file: str) -> list[str]:
        """Return the changed files that shape all tests of a file; helpers in the folder of tests are named anyway."""
        sources = sources_of(self._tests.root, file, self._testpaths)
        above = [str(one / _CONFTEST) for one in PurePosixPath(file).parents]
        found = shaping_files(self._tests, map(self._text, [file, *above]))
        return [one for one in found if not _belongs_to(one, sources)]

    def changes_only_data_of_code(self, nodeid: str) -> bool:
        """Return whether nothing of a test has changed but data that the code under test names, too."""
        file = file_of(nodeid)
        sources = [*sources_of(self._tests.root, file, self._testpaths), PurePosixPath(file)]
        inputs = self._data(file)
        if not inputs or self._shaping(file) or any(_belongs_to(one, sources) for one in self._tests.changed):
            return False
        return all(is_of_code(self._tests.root, one, sources) for one in inputs)

    def _changes_named(self, file: str) -> bool:
        """Return whether a helper or a file of data has changed that the test's side names."""
        sources = sources_of(self._tests.root, file, self._testpaths)
        changed = [one for one in self._changed_beside(file, sources) if not _runs_before(one, file)]
        return bool(changed) and any(_is_used(one, self._words_of(file, sources)) for one in changed)

    def _changed_beside(self, file: str, sources: Sequence[PurePosixPath]) -> list[str]:
        return [one for one in self._tests.changed if one != file and _belongs_to(one, sources)]

    def _changes_around(self, file: str) -> bool:
        """Return whether a file of the test's side has changed, other than the file of the test itself."""
        sources = sources_of(self._tests.root, file, self._testpaths)
        changed = self._changed_beside(file, sources)
        is_before = any(_runs_before(one, file) for one in changed)
        return is_before or self._changes_named(file) or bool(self.inputs(file))

    def _words_of(self, file: str, sources: Sequence[PurePosixPath]) -> Collection[str]:
        """Return the words of a test file, of each conftest.py above, and of the helpers that these name."""
        root = self._tests.root
        above = [str(one / name) for one in PurePosixPath(file).parents for name in _BEFORE_TESTS]
        words = {word for one in (file, *above) for word in WORD.findall(self._text(one))}
        helpers = [
            one.relative_to(root).as_posix()
            for source in sources
            if (root / source).is_dir()
            for one in (root / source).rglob("*.py")
        ]
        while named := [one for one in helpers if is_named(one, words)]:
            helpers = [one for one in helpers if one not in named]
            words |= {word for one in named for word in WORD.findall(self._text(one))}
        return words

    def _text(self, file: str) -> str:
        try:
            return (self._tests.root / file).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return ""


def _without_others(text: str, name: str, written: Callable[[ast.stmt], str] = ast.dump) -> list[str]:
    """Return the statements of a test file without other tests; the lines of a file that is no Python.

    Other tests that the test names, such as the class from which its class inherits, belong to the test. Names that
    only other tests use are not imported. Whatever no test names stays: the import itself may have an effect.

    Args:
        text: the text.
        name: the function of the test, or its class.
        written: a function that returns the text of a statement.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text.splitlines()
    others = {one.name: one for one in tree.body if _is_test(one) and one.name != name}
    kept = [one for one in tree.body if one not in others.values()]
    words = {word for one in kept for word in _names_in(one)}
    while named := [others.pop(one) for one in list(others) if one in words]:
        kept += named
        words |= {word for one in named for word in _names_in(one)}
    of_others = {word for one in others.values() for word in _words_in(one)}
    of_others -= {word for one in kept for word in _words_in(one)}
    return [written(part) for one in kept if (part := _without_imports(one, of_others)) is not None]


def _without_imports(statement: ast.stmt, names: Collection[str]) -> ast.stmt | None:
    """Return a statement that imports none of some names; None if nothing is left."""
    if not isinstance(statement, (ast.Import, ast.ImportFrom)):
        return statement
    left = [one for one in statement.names if (one.asname or one.name).partition(".")[0] not in names]
    statement.names = left
    return statement if left else None


def _words_in(statement: ast.stmt) -> Iterator[str]:
    """Yield the names in a statement that may stand for an imported name; a fixture may be named by a parameter."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return
    for one in ast.walk(statement):
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.arg):
            yield one.arg
        elif isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield from WORD.findall(one.value)


def _names_in(statement: ast.stmt) -> Iterator[str]:
    return (one.id for one in ast.walk(statement) if isinstance(one, ast.Name))


def _is_test(statement: ast.stmt) -> TypeGuard[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    if isinstance(statement, ast.ClassDef):
        return any(_TEST.match(getattr(one, "name", "")) for one in statement.body)
    # A fixture may have the word in its name, too.
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return _TEST.match(statement.name) is not None and "fixture" not in ast.dump(statement)


def _belongs_to(file: str, sources: Sequence[PurePosixPath]) -> bool:
    return any(PurePosixPath(file).is_relative_to(one) for one in sources)


def _is_used(file: str, words: Collection[str]) -> bool:
    """Return whether words name a helper or a file of data, or list the files of data."""
    return is_named(file, words) or (not file.endswith(".py") and not _LISTING.isdisjoint(words))


def _runs_before(one: str, file: str) -> bool:
    """Return whether a file runs before all tests of a test file: a conftest.py, or the package's `__init__.py`."""
    path = PurePosixPath(one)
    return path.name in _BEFORE_TESTS and PurePosixPath(file).is_relative_to(path.parent)
