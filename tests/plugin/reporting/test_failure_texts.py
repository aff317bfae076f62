"""The texts of failed tests: the terminal tells a remedy once, and a JUnit file tells it for each test."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from scripting import Project

CHEAPER = "Make the code cheaper, or raise the limit at the place that the failure names if the cost is intended."
GUIDE = "What this means: perfbudget guide exceeded"
SLOW = """
@pytest.mark.perf_budget(p95_ms=5)
def test_{name}(): advance(9)
"""
OTHER = "def test_other(): assert 0\n"


def test_three_tests_that_fail_for_the_same_reason_tell_the_remedy_once(each_way: Project) -> None:
    tests = "".join(SLOW.format(name=name) for name in "abc") + OTHER
    result = each_way.run(tests, "--junit-xml=junit.xml", "-rf")
    text = result.stdout.str()
    assert text.count(CHEAPER) == 1
    assert f"\nFor this test and 2 above: {CHEAPER}\n{GUIDE}\n" in text
    assert text.count(GUIDE) == 1
    assert text.count("\np95 9 ms exceeds its budget of 5 ms") == 3
    assert text.count("[gw") == (4 if "2" in each_way.arguments else 0)  # as ever, the worker once for each test
    result.stdout.fnmatch_lines_random([f"FAILED test_it.py::test_{name} - Failed: p95 9 ms exc*" for name in "abc"])
    result.stdout.fnmatch_lines(["E   assert 0"])
    failed = ET.parse(each_way.pytester.path / "junit.xml").iter("failure")
    assert sum(CHEAPER in (one.text or "") and GUIDE in (one.text or "") for one in failed) == 3


def test_a_single_failure_tells_its_remedy_as_it_is(lean: Project) -> None:
    text = lean.run(SLOW.format(name="a") + OTHER).stdout.str()
    assert f"\n{CHEAPER}\n{GUIDE}\n" in text


def test_another_remedy_stays_with_its_own_test(lean: Project) -> None:
    load = "@pytest.mark.perf_budget(max_calls=1)\ndef test_z(): advance(1), advance(1)\n"
    text = lean.run(SLOW.format(name="a") + load + SLOW.format(name="b"), "--perf-histogram").stdout.str()
    assert text.count(CHEAPER) == 1
    assert f"\nFor this test and 2 above: {CHEAPER}\n" in text


def test_a_line_and_a_short_traceback_are_as_ever(lean: Project) -> None:
    tests = SLOW.format(name="a") + SLOW.format(name="b")
    lean.run(tests, "--tb=line").stdout.fnmatch_lines_random(["*: Failed: p95 9 ms exceeds *"])
    assert CHEAPER in lean.run(tests, "--tb=short").stdout.str()
    assert CHEAPER not in lean.run(tests, "--tb=no").stdout.str()


WORK = """
import pytest
from scripted import advance

def spin():
    advance(60)
    return sum(range(50_000))

@pytest.fixture
def work():
    return spin
"""
SPINS = """
import pytest
pytestmark = pytest.mark.perf_budget(median_ms=50)
def test_one(work): work()
def test_two(work): work()
"""


def test_functions_of_one_name_in_two_conftests_are_not_one_thing_in_common(each_way: Project) -> None:
    for folder in "ab":
        each_way.file(f"{folder}/conftest.py", WORK)
        each_way.file(f"{folder}/test_{folder}.py", SPINS)
    text = each_way.run("def test_plain(): pass\n").stdout.str()
    assert [line.strip() for line in text.splitlines() if "most of their time" in line] == [
        f"2 tests that fail spend most of their time in conftest:spin in {folder}/conftest.py" for folder in "ab"
    ]
