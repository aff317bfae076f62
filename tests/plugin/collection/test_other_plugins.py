"""Items of other kinds are no perf tests; tests/neighbours has the plugins that measure tests themselves."""

from __future__ import annotations

from scripting import Project


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
