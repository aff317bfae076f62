"""The tests of a checkout whose names are nearest to a name that a user has mistyped; no code of the checkout runs."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import GitError, nearest
from pytest_perfbudget.git import git

_MOST: Final = 3
_CUTOFF: Final = 0.6


def near_test(folder: Path, test: str) -> str:
    """Return `` (did you mean 'x' or 'y'?)`` for the tests nearest to a name.

    A test that is named without its file may be in several files. The text is empty if the test is there, or none is
    near.

    Args:
        folder: the folder in which pytest runs.
        test: the test as an argument of pytest there.
    """
    file, _, name = test.partition("[")[0].partition("::")
    if (folder / file).is_file():
        known = list(_tests_of(folder / file))
        return "" if not name or name in known else nearest(name, known)
    files = _python_files(folder)
    is_path = file.endswith(".py") or "/" in file
    named = [] if is_path else _named(folder, files, f"{file}::{name}" if name else file)
    if not named:
        return nearest(file, files) if name or is_path else ""
    return f" (did you mean {' or '.join(map(repr, named))}?)"


def _named(folder: Path, files: Sequence[str], name: str) -> list[str]:
    """Return the tests whose names are nearest to that of a function, or of a class with its function."""
    ids: dict[str, list[str]] = {}
    for path in files:
        for one in _tests_of(folder / path):
            short = one if "::" in name else one.rpartition("::")[2]
            if ("::" in name) is ("::" in short):
                ids.setdefault(short, []).append(f"{path}::{one}")
    near = [name] if name in ids else difflib.get_close_matches(name, sorted(ids), n=_MOST, cutoff=_CUTOFF)
    return [one for known in near for one in ids[known]][:_MOST]


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
