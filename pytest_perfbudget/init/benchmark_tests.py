"""Tests of pytest-benchmark and of CodSpeed in a project's test files, found without importing the files."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.init.benchmark_fixtures import BenchmarkFixtures, asked_fixtures, used_fixtures

_MARKERS: Final = ("pytest.mark.benchmark", "pytest.mark.codspeed_benchmark")
_SKIPPED: Final = ("node_modules", "site-packages", "__pycache__", "build", "dist", "venv")


@dataclass(frozen=True, slots=True)
class BenchmarkTests:
    """The node ids of tests that ask for a benchmark fixture, and of tests that have a benchmark marker instead.

    `patterns` has a file instead of its tests where all of the file's tests ask for the fixture.
    """

    patterns: Sequence[str]
    marked: Sequence[str]


def find_benchmarks(root: Path, file_names: Sequence[str]) -> BenchmarkTests:
    """Find the tests below a folder, in files with names such as `test_*.py`.

    A test may ask for a benchmark fixture through fixtures of its file and of each conftest.py above the file.
    """
    patterns: list[str] = []
    marked: list[str] = []
    for file, tree, outer in _test_files(root, file_names, BenchmarkFixtures()):
        name = file.relative_to(root).as_posix()
        fixtures = outer.within(tree)
        tests = list(_tests(tree.body, name, _module_marks(tree), fixtures))
        asking = [test for test, kind in tests if kind == "fixture"]
        patterns += [name] if asking and len(asking) == len(tests) else asking
        marked += [test for test, kind in tests if kind == "marker"]
    return BenchmarkTests(patterns, marked)


def _test_files(
    folder: Path, file_names: Sequence[str], outer: BenchmarkFixtures
) -> Iterator[tuple[Path, ast.Module, BenchmarkFixtures]]:
    """Yield each test file, parsed, with the fixtures that are visible in its folder."""
    conftest = _parsed(folder / "conftest.py")
    visible = outer if conftest is None else outer.within(conftest)
    for one in sorted(folder.iterdir()):
        if one.name.startswith(".") or one.name in _SKIPPED or (one / "pyvenv.cfg").exists():
            continue
        if one.is_dir() and not one.is_symlink():
            yield from _test_files(one, file_names, visible)
        elif any(fnmatch.fnmatch(one.name, pattern) for pattern in file_names) and (tree := _parsed(one)):
            yield one, tree, visible


def _parsed(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # pytest reports such a file
        return None


def _tests(
    body: Sequence[ast.stmt], prefix: str, marks: Sequence[ast.expr], fixtures: BenchmarkFixtures
) -> Iterator[tuple[str, str]]:
    """Yield the node id of each test, with the thing that makes a benchmark of it: `fixture`, `marker` or nothing.

    Args:
        body: the statements of a file or of a class.
        prefix: the node id of the file or of the class.
        marks: the marks of the file and of the classes around.
        fixtures: the fixtures that give a benchmark fixture.
    """
    for one in body:
        if isinstance(one, ast.ClassDef) and one.name.startswith("Test"):
            yield from _tests(one.body, f"{prefix}::{one.name}", [*marks, *one.decorator_list], fixtures)
        elif isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and one.name.startswith("test"):
            asked = asked_fixtures(one) | {*used_fixtures(marks)}
            by_marker = "marker" if any(map(_is_marker, [*marks, *one.decorator_list])) else ""
            yield f"{prefix}::{one.name}", "fixture" if fixtures.serve(asked) else by_marker


def _module_marks(tree: ast.Module) -> Sequence[ast.expr]:
    for one in tree.body:
        if isinstance(one, ast.Assign) and any(ast.unparse(target) == "pytestmark" for target in one.targets):
            return one.value.elts if isinstance(one.value, (ast.List, ast.Tuple)) else [one.value]
    return ()


def _is_marker(node: ast.expr) -> bool:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node) in _MARKERS
