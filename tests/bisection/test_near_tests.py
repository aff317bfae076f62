"""The test that a user meant who has mistyped its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import commit

from pytest_perfbudget.bisection.near_tests import near_test

TESTS = """
import no_such_module

class TestShop:
    async def test_checkout(self): ...

def test_login(): ...

def helper(): ...
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    commit(tmp_path, {"tests/test_api.py": TESTS, "tests/broken.py": "def", "api.py": ""})
    return tmp_path


@pytest.mark.parametrize(
    ("test", "meant"),
    [
        ("tests/test_api.py::test_logn", "test_login"),
        ("tests/test_api.py::test_logn[1-a::b]", "test_login"),
        ("tests/test_api.py::TestShop::test_chekout", "TestShop::test_checkout"),
        ("tests/test_apis.py::test_login", "tests/test_api.py"),
        ("test_login", "tests/test_api.py::test_login"),
        ("test_chekout", "tests/test_api.py::TestShop::test_checkout"),
    ],
)
def test_the_nearest_name_is_proposed(shop: Path, test: str, meant: str) -> None:
    assert near_test(shop, test) == f" (did you mean {meant!r}?)"


@pytest.mark.parametrize(
    "test", ["tests/test_api.py::test_login", "tests/test_api.py", "tests/broken.py::test_x", "zzz"]
)
def test_a_name_that_is_right_or_far_from_all_is_left_alone(shop: Path, test: str) -> None:
    assert near_test(shop, test) == ""


SAME = "def test_order(): ..."
IN_CLASS = "class TestOrders:\n    def test_order(self): ..."


@pytest.mark.parametrize(
    ("test", "meant"),
    [
        (
            "test_order",
            "'a/test_x.py::test_order' or 'b/test_x.py::test_order' or 'c/test_x.py::TestOrders::test_order'",
        ),
        (
            "test_ordr",
            "'a/test_x.py::test_order' or 'b/test_x.py::test_order' or 'c/test_x.py::TestOrders::test_order'",
        ),
        ("test_orders", "'d/test_x.py::test_orders'"),
        ("TestOrders::test_order", "'c/test_x.py::TestOrders::test_order'"),
        ("TestOrder::test_ordr[1]", "'c/test_x.py::TestOrders::test_order'"),
        ("a/test_x::test_order", "'a/test_x.py'"),
    ],
)
def test_a_test_without_its_file_may_be_in_several(tmp_path: Path, test: str, meant: str) -> None:
    files = {"a": SAME, "b": SAME, "c": IN_CLASS, "d": "def test_orders(): ..."}
    commit(tmp_path, {f"{folder}/test_x.py": text for folder, text in files.items()})
    assert near_test(tmp_path, test) == f" (did you mean {meant}?)"


@pytest.mark.parametrize("test", ["TestCheckout::test_pay", "zzz"])
def test_a_test_without_its_file_that_is_far_from_all_is_left_alone(tmp_path: Path, test: str) -> None:
    commit(tmp_path, {"c/test_x.py": IN_CLASS})
    assert near_test(tmp_path, test) == ""


def test_a_folder_outside_git_has_no_names(tmp_path: Path) -> None:
    assert near_test(tmp_path, "tests/test_api.py::test_login") == ""
