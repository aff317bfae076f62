"""The line of a marker as the source of its limits."""

from __future__ import annotations

import pytest
from scripting import CONFTEST, Project

IMPORTS = 2
"""The lines of imports before the text of the tests."""


def sources(project: Project, tests: str) -> list[str]:
    """Return the sources of the limits of a session's measurements."""
    project.run(tests)
    return [budget["source"] for one in project.report["measurements"] for budget in one["budgets"]]


@pytest.mark.parametrize(
    ("tests", "line"),
    [
        ("@pytest.mark.perf_budget(p95_ms=50)\ndef test_it(): advance(ms=10)\n", 1),
        (
            "@pytest.mark.parametrize('ms', [10])\n@pytest.mark.perf_budget(p95_ms=50)\ndef test_it(ms): advance(ms)\n",
            2,
        ),
        ("class TestApi:\n\n    @pytest.mark.perf_budget(p95_ms=50)\n    def test_it(self): advance(ms=10)\n", 3),
        ("@pytest.mark.perf_budget(p95_ms=50)\nclass TestApi:\n    def test_it(self): advance(ms=10)\n", 1),
        ("\npytestmark = [\n    pytest.mark.perf_budget(p95_ms=50),\n]\ndef test_it(): advance(ms=10)\n", 3),
    ],
    ids=["function", "below another decorator", "method", "class", "module"],
)
def test_a_limit_names_the_line_of_its_marker(project: Project, tests: str, line: int) -> None:
    assert sources(project, tests) == [f"perf_budget marker in test_it.py:{IMPORTS + line}"]


def test_each_of_several_named_markers_has_its_own_line(project: Project) -> None:
    found = sources(
        project,
        """
@pytest.mark.perf_budget("parse", p95_ms=50)
@pytest.mark.perf_budget("render", p95_ms=60)
def test_it(perf):
    for name in ("parse", "render"):
        perf(lambda: advance(ms=10), name=name)
""",
    )
    assert found == [f"perf_budget marker in test_it.py:{IMPORTS + line}" for line in (2, 3)]


UNCERTAIN = {
    "another name": """
quick = pytest.mark.perf_budget(p95_ms=50)

@quick
# was: @pytest.mark.perf_budget(p95_ms=10)
def test_it(): advance(ms=10)
""",
    "a parameter": """
@pytest.mark.parametrize("ms", [pytest.param(10, marks=pytest.mark.perf_budget(p95_ms=50))])
def test_it(ms): advance(ms)
""",
    "another name beside it": """
quick = pytest.mark.perf_budget("render", p95_ms=50)

@quick
@pytest.mark.perf_budget("parse", p95_ms=50)
def test_it(perf):
    for name in ("parse", "render"):
        perf(lambda: advance(ms=10), name=name)
""",
    "a base class": """
@pytest.mark.perf_budget(p95_ms=50)
class Base: ...

class TestIt(Base):
    def test_it(self): advance(ms=10)
""",
}


@pytest.mark.parametrize("means", UNCERTAIN)
def test_a_marker_without_a_certain_line_names_its_test(project: Project, means: str) -> None:
    found = sources(project, UNCERTAIN[means])
    assert found
    assert all(one.startswith("perf_budget marker of test_it.py::") for one in found)


ADDS = """
def pytest_collection_modifyitems(items):
    for item in items:
        if "slow" not in item.name:
            item.add_marker(pytest.mark.perf_budget({arguments}))
"""


@pytest.mark.parametrize("arguments", ["p95_ms=50", "p95_ms=LIMIT_MS", "**{'p95_ms': LIMIT_MS}"])
def test_a_marker_that_a_conftest_adds_has_its_line_there(project: Project, arguments: str) -> None:
    before = CONFTEST + "LIMIT_MS = 50\n"
    project.file("conftest.py", before + ADDS.format(arguments=arguments))
    line = before.count("\n") + 5
    assert sources(project, "def test_it(): advance(ms=10)\n") == [f"perf_budget marker in conftest.py:{line}"]


def test_a_call_with_another_limit_is_not_taken_for_it(project: Project) -> None:
    project.file(
        "conftest.py", CONFTEST + ADDS.format(arguments="p95_ms=50") + "OTHER = pytest.mark.perf_budget(p95_ms=9)\n"
    )
    (source,) = sources(project, "def test_it(): advance(ms=10)\n")
    assert source.startswith("perf_budget marker in conftest.py:")


def test_the_marker_of_another_test_is_not_taken_for_it(project: Project) -> None:
    """A conftest may have the marker from a module of which pytest knows nothing."""
    project.file("budgets.py", "import pytest\nQUICK = pytest.mark.perf_budget(p95_ms=50)\n")
    adds = ADDS.format(arguments="").replace("pytest.mark.perf_budget()", "budgets.QUICK")
    project.file("conftest.py", f"import budgets\n{CONFTEST}{adds}")
    other = "@pytest.mark.perf_budget(p95_ms=50)\ndef test_slow(): advance(ms=10)\n"
    found = sources(project, f"def test_it(): advance(ms=10)\n{other}")
    assert found == ["perf_budget marker of test_it.py::test_it", "perf_budget marker in test_it.py:4"]


def test_of_two_calls_that_can_have_made_a_marker_neither_is_named(project: Project) -> None:
    project.file(
        "conftest.py", CONFTEST + ADDS.format(arguments="p95_ms=50") + "OTHER = pytest.mark.perf_budget(p95_ms=50)\n"
    )
    assert sources(project, "def test_it(): advance(ms=10)\n") == ["perf_budget marker of test_it.py::test_it"]


@pytest.mark.parametrize("means", UNCERTAIN)
def test_a_call_in_a_conftest_is_not_taken_for_a_marker_of_a_test(project: Project, means: str) -> None:
    project.file("conftest.py", CONFTEST + "OTHER = pytest.mark.perf_budget(p95_ms=50)\n")
    found = sources(project, UNCERTAIN[means])
    assert all("conftest.py" not in one for one in found)


def test_the_body_of_a_class_and_its_decorator_have_lines_of_their_own(project: Project) -> None:
    found = sources(
        project,
        """
@pytest.mark.perf_budget(p95_ms=50)
class TestIt:
    pytestmark = [pytest.mark.slow, pytest.mark.perf_budget(median_ms=50)]

    def test_it(self): advance(ms=10)
""",
    )
    assert sorted(found) == [f"perf_budget marker in test_it.py:{line + 2}" for line in (2, 4)]
