"""Tests that another plugin measures or runs in threads are not repeated, and say so."""

from __future__ import annotations

import pytest
from scripting import Project

OPTIONS = """
def pytest_addoption(parser):
    parser.addoption("--memray", action="store_true")
    parser.addoption("--parallel-threads", default=1)

@pytest.fixture
def codspeed_benchmark():
    return lambda function: function()
"""


@pytest.fixture
def crowded(project: Project) -> Project:
    """A project with the options and the fixture of such plugins."""
    conftest = (project.pytester.path / "conftest.py").read_text("utf-8")
    project.file("conftest.py", conftest + OPTIONS)
    return project


@pytest.mark.parametrize(
    ("test", "arguments"),
    [
        ("@pytest.mark.limit_memory('1 MB')\n{mark}\ndef test_it(): CALLS.append(1)", ("--memray",)),
        ("{mark}\ndef test_it(): CALLS.append(1)", ("--parallel-threads", "2")),
        ("{mark}\ndef test_it(codspeed_benchmark): codspeed_benchmark(lambda: CALLS.append(1))", ()),
    ],
    ids=["memray", "run-parallel", "codspeed"],
)
def test_such_a_test_is_executed_once_and_unmeasured(crowded: Project, test: str, arguments: tuple[str, ...]) -> None:
    program = test.format(mark="@pytest.mark.perf_budget(p95_ms=5)")
    tests = f"CALLS = []\n{program}\ndef test_calls(): assert CALLS == [1]\n"
    result = crowded.run(tests, "-Wignore", *arguments)
    result.assert_outcomes(passed=2)
    assert crowded.verdicts() == {"test_it p95": "unmeasured"}
    result.stdout.fnmatch_lines(["unmeasured: *another plugin measures this test or runs it in threads*"])


@pytest.mark.parametrize("arguments", [(), ("--memray",)], ids=["no limit_memory", "no limit_memory, memray"])
def test_without_such_a_limit_the_test_is_measured(crowded: Project, arguments: tuple[str, ...]) -> None:
    crowded.run("@pytest.mark.perf_budget(p95_ms=5)\ndef test_it(): advance(1)\n", *arguments).assert_outcomes(passed=1)
    assert crowded.verdicts() == {"test_it p95": "within"}


def test_doctests_and_custom_items_are_no_perf_tests(project: Project) -> None:
    """Neither a pattern nor a marker that a hook adds makes them perf tests."""
    conftest = (project.pytester.path / "conftest.py").read_text("utf-8")
    mark = "\ndef pytest_collection_modifyitems(items):\n    for one in items: one.add_marker(pytest.mark.perf_budget(p95_ms=5))\n"
    custom = """
class Item(pytest.Item):
    def runtest(self): pass

class File(pytest.File):
    def collect(self): yield Item.from_parent(self, name="case")

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".case": return File.from_parent(parent, path=file_path)
"""
    project.file("conftest.py", conftest + mark + custom)
    project.file("a.case", "")
    project.file("helper.py", 'def double(n):\n    """\n    >>> double(2)\n    4\n    """\n    return 2 * n\n')
    table = '[tool.perfbudget.budgets]\n"*" = { p95_ms = 5 }\n'
    result = project.run("def test_it(): advance(1)\n", "--doctest-modules", "--perf-strict", pyproject=table)
    result.assert_outcomes(passed=3)
    assert project.verdicts() == {"test_it p95": "within"}
