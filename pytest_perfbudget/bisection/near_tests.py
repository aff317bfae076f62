"""The test of a checkout whose name is nearest to a name that a user has mistyped; no code of the checkout runs."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pytest_perfbudget.errors import GitError, nearest
from pytest_perfbudget.git import git


def near_test(folder: Path, test: str) -> str:
    """Return `` (did you mean 'x'?)`` for the test nearest to a name; empty if the test is there, or none is near.

    Args:
        folder: the folder in which pytest runs.
        test: the test as an argument of pytest there.
    """
    file, _, name = test.partition("[")[0].partition("::")
    if (folder / file).is_file():
        known = list(_tests_of(folder / file))
        return "" if not name or name in known else nearest(name, known)
    files = _python_files(folder)
    if name or file.endswith(".py"):
        return nearest(file, files)
    ids = {one.rpartition("::")[2]: f"{path}::{one}" for path in files for one in _tests_of(folder / path)}
    close = difflib.get_close_matches(file, sorted(ids), n=1)
    return f" (did you mean {ids[close[0]]!r}?)" if close else ""


def _python_files(folder: Path) -> Sequence[str]:
    with suppress(GitError):
        return git(folder, "ls-files", "--", "*.py").splitlines()
    return ()


def _tests_of(file: Path) -> Iterator[str]:
    """Yield the names of the tests in a file, as pytest has them after the name of the file."""
    with suppress(OSError, SyntaxError, ValueError):
        yield from _names(ast.parse(file.read_text("utf-8")).body, "")


def _names(body: Sequence[ast.stmt], prefix: str) -> Iterator[str]:
    for one in body:
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and one.name.startswith("test"):
            yield prefix + one.name
        elif isinstance(one, ast.ClassDef):
            yield from _names(one.body, f"{prefix}{one.name}::")
