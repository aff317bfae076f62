"""The perf tests of the base that pytest no longer collects, because a pull request changes how pytest collects.

The session cannot know of a test file that it does not visit, and the base is not asked for files that did not change.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.core.collection_rules import CollectionRules
from pytest_perfbudget.core.limits import Rule, pattern_matches
from pytest_perfbudget.core.measurement import file_of

_FIXTURES: Final = {"perf", "perf_load"}
_MARKER: Final = "perf_budget"
_CONFTEST: Final = "conftest.py"
_LEAVES_OUT: Final = "ignore"
"""The word in `collect_ignore`, `collect_ignore_glob` and `pytest_ignore_collect`."""


def uncollected(
    tests: BaseTests,
    collected: Collection[str],
    entries: Sequence[Rule],
    folders: Sequence[Path],
) -> dict[str, str]:
    """Return the perf tests of the base that the session has not collected, each with the change that is the reason.

    If no setting of the collection differs, and no conftest.py, there is none.

    Args:
        tests: the tests of the base.
        collected: the node ids of all tests that the session has collected, without the cases.
        entries: the entries of the base's table, which make perf tests of the tests that they cover.
        folders: the folders and files that the command line names; empty if there are none.
    """
    base, head = tests.rules, tests.own_rules
    settings = base.differing(head)
    conftests = [one for one in tests.changed if Path(one).name == _CONFTEST and tests.adds_word(one, _LEAVES_OUT)]
    if not (settings or conftests):
        return {}
    found = {}
    for file in _files(tests, entries):
        if not base.covers(file) or not _is_asked(tests.root / file, folders):
            continue
        reasons = [one for one in conftests if PurePosixPath(file).is_relative_to(PurePosixPath(one).parent)]
        text = tests.shown(file)
        covered: set[str] = set()
        if not (reasons or _may_ignore(tests, file)):  # an unchanged conftest.py may leave the file out on both sides
            reasons = [f"{one} of pytest's configuration" for one in settings]
            covered |= set(perf_tests_in(text, file, head, entries) if head.covers(file) else ())
        if not reasons:
            continue
        for name in perf_tests_in(text, file, base, entries):
            if name not in collected and name not in covered:
                found[name] = " and ".join(reasons)
    return found


def perf_tests_in(text: str, file: str, rules: CollectionRules, entries: Sequence[Rule]) -> Iterator[str]:
    """Yield the node ids of the perf tests in the text of a file, without their cases.

    Args:
        text: the text; a text that is no Python has no tests.
        file: the file, as node ids begin.
        rules: the rules by which functions are tests.
        entries: the entries of the table, which make perf tests of the tests that they cover.
    """
    with suppress(SyntaxError, ValueError):
        tree = ast.parse(text)
        for nodeid, is_measured in _tests(tree.body, file, rules, is_marked=_is_marked(tree.body)):
            if is_measured or any(one.matches(nodeid) for one in entries):
                yield nodeid


def _tests(
    body: Sequence[ast.stmt], above: str, rules: CollectionRules, *, is_marked: bool
) -> Iterator[tuple[str, bool]]:
    """Yield the tests of a module or class, each with whether its text makes a perf test of it."""
    for node in body:
        if isinstance(node, ast.ClassDef) and (rules.covers_class(node.name) or "TestCase" in _text(node.bases)):
            marked = is_marked or _MARKER in _text(node.decorator_list) or _is_marked(node.body)
            yield from _tests(node.body, f"{above}::{node.name}", rules, is_marked=marked)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and rules.covers_function(node.name):
            asked = {one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
            is_measured = is_marked or bool(_FIXTURES & asked) or _MARKER in _text(node.decorator_list)
            yield f"{above}::{node.name}", is_measured


def _is_marked(body: Sequence[ast.stmt]) -> bool:
    return any(
        isinstance(node, ast.Assign) and _text(node.targets) == "pytestmark" and _MARKER in ast.unparse(node.value)
        for node in body
    )


def _text(nodes: Sequence[ast.expr]) -> str:
    return "\n".join(map(ast.unparse, nodes))


def _files(tests: BaseTests, entries: Sequence[Rule]) -> list[str]:
    """Return the files of the base that may have perf tests."""
    named = [file_of(pattern) for one in entries for pattern in one.patterns]
    found = tests.files("perf")
    if named:
        found += [one for one in tests.files() if any(pattern_matches(pattern, one) for pattern in named)]
    return [one for one in dict.fromkeys(found) if one.endswith(".py")]


def _is_asked(file: Path, folders: Sequence[Path]) -> bool:
    return not folders or any(file.is_relative_to(one) for one in folders)


def _may_ignore(tests: BaseTests, file: str) -> bool:
    return any(_LEAVES_OUT in tests.shown(str(one / _CONFTEST)) for one in Path(file).parents)
