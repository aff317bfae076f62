"""Tests of pytest-benchmark and of CodSpeed in a project's test files, found without importing the files."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FIXTURES: Final = frozenset({"benchmark", "codspeed_benchmark"})
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
    """Find the tests below a folder, in files with names such as `test_*.py`."""
    patterns: list[str] = []
    marked: list[str] = []
    for file in _test_files(root, file_names):
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError):  # pytest reports such a file
            continue
        name = file.relative_to(root).as_posix()
        tests = list(_tests(tree.body, name, _has_module_mark(tree)))
        asking = [test for test, kind in tests if kind == "fixture"]
        patterns += [name] if asking and len(asking) == len(tests) else asking
        marked += [test for test, kind in tests if kind == "marker"]
    return BenchmarkTests(patterns, marked)


def _test_files(folder: Path, file_names: Sequence[str]) -> Iterator[Path]:
    for one in sorted(folder.iterdir()):
        if one.name.startswith(".") or one.name in _SKIPPED or (one / "pyvenv.cfg").exists():
            continue
        if one.is_dir() and not one.is_symlink():
            yield from _test_files(one, file_names)
        elif any(fnmatch.fnmatch(one.name, pattern) for pattern in file_names):
            yield one


def _tests(body: Sequence[ast.stmt], prefix: str, is_marked: bool) -> Iterator[tuple[str, str]]:  # noqa: FBT001 - of the enclosing node
    """Yield the node id of each test, with the thing that makes a benchmark of it: `fixture`, `marker` or nothing."""
    for one in body:
        if isinstance(one, ast.ClassDef) and one.name.startswith("Test"):
            yield from _tests(one.body, f"{prefix}::{one.name}", is_marked or _is_decorated(one))
        elif isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and one.name.startswith("test"):
            arguments = {argument.arg for argument in (*one.args.args, *one.args.kwonlyargs)}
            by_marker = "marker" if is_marked or _is_decorated(one) else ""
            yield f"{prefix}::{one.name}", "fixture" if arguments & _FIXTURES else by_marker


def _is_decorated(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(_is_marker(one) for one in node.decorator_list)


def _has_module_mark(tree: ast.Module) -> bool:
    for one in tree.body:
        if isinstance(one, ast.Assign) and any(ast.unparse(target) == "pytestmark" for target in one.targets):
            marks = one.value.elts if isinstance(one.value, (ast.List, ast.Tuple)) else [one.value]
            return any(map(_is_marker, marks))
    return False


def _is_marker(node: ast.expr) -> bool:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node) in _MARKERS
