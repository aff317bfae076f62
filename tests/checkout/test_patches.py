"""The changes of tests and of a conftest.py that may patch the code under test, and those that do not."""

from __future__ import annotations

import pytest

from pytest_perfbudget.checkout.patches import has_patches, may_patch

BEFORE = "import pytest, shop\nfrom shop import price\n"
FIXTURE = "@pytest.fixture\ndef orders(): return price()\n"


@pytest.mark.parametrize(
    ("added", "patches"),
    [
        pytest.param("from shop import cost\n", False, id="another name of a known module"),
        pytest.param("SIZE = 10\nNAMES: list = ['a']\n", False, id="constants"),
        pytest.param(FIXTURE, False, id="a fixture"),
        pytest.param(FIXTURE.replace("fixture", "fixture(scope='session')"), False, id="a fixture with a scope"),
        pytest.param("'''For the shop.'''\n", False, id="a docstring"),
        pytest.param("shop.price = None\n", True, id="an attribute"),
        pytest.param("vars(shop)['price'] = None\n", True, id="an entry of a namespace"),
        pytest.param("setattr(shop, 'price', None)\n", True, id="setattr"),
        pytest.param("DONE = setattr(shop, 'price', None)\n", True, id="a constant that is made by a call"),
        pytest.param(FIXTURE.replace("fixture", "fixture(autouse=True)"), True, id="a fixture that no test asks for"),
        pytest.param(FIXTURE.replace("orders()", "orders(a=patch())"), True, id="a call in a signature"),
        pytest.param("import quick\n", True, id="another module"),
        pytest.param(FIXTURE.replace("return price()", "import quick"), True, id="another module in a fixture"),
        pytest.param("def pytest_configure(): shop.price = None\n", True, id="a hook"),
        pytest.param("if shop: shop.price = None\n", True, id="a condition"),
        pytest.param("def (\n", True, id="no Python"),
    ],
)
def test_only_imports_constants_and_fixtures_that_a_test_asks_for_patch_nothing(added: str, *, patches: bool) -> None:
    assert may_patch(BEFORE, BEFORE + added) is patches


def test_statements_that_were_there_before_do_not_count() -> None:
    assert not may_patch(f"{BEFORE}shop.price = None\n", f"shop.price = None\n{BEFORE}")


TEST = "import shop\ndef test_it(perf{}):\n    {}perf(shop.price)\n"


@pytest.mark.parametrize(
    ("argument", "line", "patches"),
    [
        ("", "orders = 1; ", False),
        ("", "shop.cost = None; ", True),
        ("", "vars(shop).update(cost=None); ", True),
        (", monkeypatch", "", True),
        (", mocker", "", True),
    ],
)
def test_a_test_patches_by_an_attribute_or_by_names_that_are_for_that(
    argument: str, line: str, *, patches: bool
) -> None:
    assert has_patches(TEST.format("", ""), TEST.format(argument, line)) is patches


def test_a_patch_that_was_there_before_does_not_count() -> None:
    patched = TEST.format("", "shop.cost = None; ")
    assert not has_patches(patched, f"import os\n{patched}")
