"""A project's own fixtures that ask for a benchmark fixture, found without importing the files."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_BENCHMARK: Final = frozenset({"benchmark", "codspeed_benchmark"})
_DECORATORS: Final = ("fixture", "pytest.fixture", "pytest_asyncio.fixture")
_USE: Final = ("mark.usefixtures", "pytest.mark.usefixtures")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class BenchmarkFixtures:
    """The fixtures that give a test a benchmark fixture, as far as they are visible from a place.

    Attributes:
        names: their names.
        is_automatic: whether every test uses one of them (`autouse`).
    """

    names: Collection[str] = _BENCHMARK
    is_automatic: bool = False

    def within(self, tree: ast.Module) -> BenchmarkFixtures:
        """Return the fixtures that are visible within a conftest.py or a test file, and for a conftest.py below it.

        A fixture of the file replaces the fixture of the same name, and may ask for the replaced one.
        """
        own = list(_fixtures(tree.body))
        names = {*self.names} - {one.name for one in own}
        for _ in own:  # each turn follows the fixtures by a further step
            names |= {
                one.name for one in own if any(_is_found(asked, one.name, names, self.names) for asked in one.asks)
            }
        return BenchmarkFixtures(names, self.is_automatic or any(one.is_automatic and one.name in names for one in own))

    def serve(self, asked: Collection[str]) -> bool:
        """Return whether a test that asks for these fixtures gets a benchmark fixture."""
        return self.is_automatic or not {*asked}.isdisjoint(self.names)


@dataclass(frozen=True, slots=True)
class _Fixture:
    name: str
    asks: Collection[str]
    is_automatic: bool


def asked_fixtures(function: Function) -> set[str]:
    """Return the names of the fixtures that a test or a fixture asks for, by arguments or by `usefixtures`."""
    arguments = function.args
    named = {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    return named | {*used_fixtures(function.decorator_list)}


def used_fixtures(marks: Sequence[ast.expr]) -> Iterator[str]:
    """Yield the names in `pytest.mark.usefixtures(...)` among marks."""
    for mark in marks:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) in _USE:
            yield from (str(one.value) for one in mark.args if isinstance(one, ast.Constant))


def _is_found(asked: str, asking: str, names: Collection[str], outer: Collection[str]) -> bool:
    return asked in (outer if asked == asking else names)


def _fixtures(body: Sequence[ast.stmt]) -> Iterator[_Fixture]:
    """Yield the fixtures of a file and of its classes."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _fixtures(node.body)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for one in node.decorator_list:
                called, keywords = (one.func, one.keywords) if isinstance(one, ast.Call) else (one, [])
                if ast.unparse(called) in _DECORATORS:
                    options = {each.arg: ast.unparse(each.value) for each in keywords}
                    name = options.get("name", "").strip("'\"") or node.name
                    yield _Fixture(name, asked_fixtures(node), options.get("autouse") == "True")
