"""JUnit files keep to the schema by which Jenkins' xUnit plugin checks them; Azure reads the same elements."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from scripting import Project

RESULT = {"type", "message"}
SCHEMA = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": (
        {"name", "classname", "time", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (RESULT, set()),
    "error": (RESULT, set()),
    "skipped": (RESULT, set()),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
}
"""The attributes and the elements within each element, of those that pytest may write."""

TESTS = """
@pytest.mark.perf_budget(p95_ms=5)
def test_within(): advance(1)

@pytest.mark.perf_budget(p95_ms=5)
def test_exceeded(): advance(9)

@pytest.mark.skip
def test_skipped(): pass
"""


def breaches(element: ET.Element) -> Iterator[str]:
    attributes, elements = SCHEMA.get(element.tag, (set(), set()))
    yield from (f"{element.tag} has {name}" for name in element.attrib if name not in attributes)
    for inner in element:
        if inner.tag not in elements:
            yield f"{inner.tag} in {element.tag}"
        yield from breaches(inner)


def test_the_default_family_keeps_to_the_schema(lean: Project) -> None:
    lean.run(TESTS, "--junitxml", "junit.xml").assert_outcomes(passed=1, failed=1, skipped=1)
    root = ET.parse(lean.pytester.path / "junit.xml").getroot()
    assert list(breaches(root)) == []
    (failure,) = root.iter("failure")
    assert "p95 9 ms exceeds its budget of 5 ms" in failure.attrib["message"]
    (suite,) = root.iter("testsuite")
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == ("3", "1", "1")


def test_the_family_with_properties_does_not(lean: Project) -> None:
    lean.run(TESTS, "--junitxml", "junit.xml", "-o", "junit_family=xunit1")
    root = ET.parse(lean.pytester.path / "junit.xml").getroot()
    assert "properties in testcase" in set(breaches(root))
    names = {one.attrib["name"] for one in root.iter("property")}
    assert names == {"perfbudget.p95"}
