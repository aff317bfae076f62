"""A test of the same name that is another one."""

from __future__ import annotations

from typing import Any

import pytest
from programs import FASTER_MS, SEQUENTIAL, shop, shop_tests
from repositories import Repository
from scripting import times

pytestmark = pytest.mark.usefixtures("brief")

CHANGED = shop_tests(call='perf(shop.work, name="step")\nassert True')
SKIP = '[tool.perfbudget.duet]\nchanged_tests = "skip"\n'
HEADS = '[tool.perfbudget.duet]\ntests_from = "head"\n'


def test_a_changed_test_is_compared_all_the_same_and_named(repository: Repository) -> None:
    repository.file("shop.py", shop(1.1))
    result = repository.against_base("-k", "call", tests=CHANGED)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  the test, or a fixture of it, differs from that of HEAD: the test itself may do more work",
            "  whether the code is slower, too, shows a pull request that leaves the test as it is",
            "changed: test_it.py::test_call step: *, or a fixture of it, differs from that of HEAD, compared all the same; *",
        ]
    )
    result.stdout.no_fnmatch_line("*tests_from*")  # a test that measures less would do so on both sides then


def with_fixture(
    name: str,
    *,
    size: int = 2,
    few: int = 2,
    number: int = 5,
    price: int = 7,
    other: int = 1,
    comment: str = "many",
    doc: str = "A kind",
) -> dict[str, str]:
    """Return a folder with a test, and the conftest that its fixture comes from."""
    conftest = f"""
import pytest
from product import client
FEW = {few}
OTHER = {other}
def number():
    return {number}  # {comment}
class Kind:
    {doc!r}
@pytest.fixture
def some(client):
    return [*range({size}), FEW, number(), Kind()]
"""
    test = f"""
import shop
class TestIt:
    PRICE = {price}
    def test_{name}(self, perf, some): perf(shop.work)
"""
    return {f"{name}/conftest.py": conftest, f"{name}/test_{name}.py": test}


CHANGES: dict[str, dict[str, Any]] = {
    "fixture": {"size": 3},
    "named_value": {"few": 3},
    "called_function": {"number": 6},
    "value_of_its_class": {"price": 8},
    "other_value": {"other": 2},
    "comment": {"comment": "some"},
    "docstring": {"doc": "Another"},
    "fixture_of_the_product": {},
}


def test_a_test_is_changed_if_a_fixture_or_a_value_that_it_names_is(repository: Repository) -> None:
    """A test that does more would look like slower code."""
    product = "import pytest\n@pytest.fixture\ndef client(): return {}\n"
    before = [with_fixture(name) for name in CHANGES]
    repository.commit({"product.py": product.format(1)} | {name: text for one in before for name, text in one.items()})
    repository.file("product.py", product.format(2))
    for name, change in CHANGES.items():
        for file, text in with_fixture(name, **change).items():
            repository.file(file, text)
    repository.against_base(*CHANGES, pyproject=SKIP).assert_outcomes(passed=8)
    assert times(repository) == {
        "TestIt::test_fixture work": "changed",
        "TestIt::test_named_value work": "changed",
        "TestIt::test_called_function work": "changed",
        "TestIt::test_value_of_its_class work": "changed",
        "TestIt::test_other_value work": "unchanged",
        "TestIt::test_comment work": "unchanged",
        "TestIt::test_docstring work": "unchanged",
        "TestIt::test_fixture_of_the_product work": "unchanged",
    }


def test_changed_tests_can_be_left_out_of_the_gate(repository: Repository) -> None:
    repository.file("shop.py", shop(1.1))
    result = repository.against_base("--perf-strict", "-k", "call", tests=CHANGED, pyproject=SKIP)
    result.assert_outcomes(passed=1)
    assert times(repository) == {"test_call step": "changed"}
    result.stdout.fnmatch_lines(["changed: test_it.py::test_call step: *, not gated; +*"])


def test_a_test_with_another_comment_or_limit_is_not_changed(repository: Repository) -> None:
    tests = shop_tests(marks=["perf_budget(p95_ms=9)"], body="shop.work()  # once")
    result = repository.against_base("-k", "body", tests=tests)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("changed: *")


def test_the_heads_tests_can_run_on_both_sides(repository: Repository) -> None:
    """A test that the base does not have is compared then."""
    repository.file("shop.py", shop(1.1))
    more = shop_tests(more="def test_more(perf): perf(shop.work)")
    repository.against_base("-k", "more", tests=more, pyproject=HEADS).assert_outcomes(failed=1)
    assert times(repository) == {"test_more work": "regressed"}


def test_a_parameter_that_is_a_path_into_the_working_tree_is_the_same_test(repository: Repository) -> None:
    tests = (
        "from pathlib import Path\nimport shop\n"
        "@pytest.mark.parametrize('path', [Path(__file__).parent / 'shop.py'], ids=str)\n"
        "def test_path(perf, path): perf(shop.work)\n"
    )
    repository.commit(tests=tests)
    repository.file("shop.py", shop(1.1))
    repository.against_base().assert_outcomes(failed=1)
    assert set(times(repository).values()) == {"regressed"}
    repository.file("shop.py", shop(FASTER_MS))
    repository.against_base(pyproject=SEQUENTIAL).assert_outcomes(passed=1)
    assert set(times(repository).values()) == {"improved"}
