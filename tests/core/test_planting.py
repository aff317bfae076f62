"""The planting of a known slowdown."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.planting import is_test_file, planted, words_of

MODULE = '''"""A shop."""
from __future__ import annotations

import functools


@functools.cache
def price(number: int) -> int:
    """Return a price."""
    def inner() -> int:
        return number
    return inner() * 2

def prices(): yield 1

async def sold(): return 1

def unnamed(): return 3

class Shop:
    @property
    def total(self): return price(4)
'''
NAMES = {"price", "prices", "sold", "inner", "total"}


def test_named_functions_and_methods_become_slower_and_return_the_same() -> None:
    text, number = planted(MODULE, NAMES)
    assert number == 2
    assert text.count("@_planted_slowdown") == 2
    assert text.startswith('"""A shop."""\nfrom __future__ import annotations\n\ndef _planted_slowdown(function):')
    module: dict[str, object] = {"__name__": "shop"}
    exec(text, module)
    shop = module["Shop"]
    assert callable(shop)
    assert shop().total == 8
    assert getattr(module["price"], "__wrapped__").__qualname__ == "price"  # noqa: B009


def test_the_calls_of_a_named_class_become_slower() -> None:
    module = "class Bag:\n    def __init__(self): pass\n    def __call__(self): pass\n    def __len__(self): return 1\n"
    assert planted(module, {"Bag"})[1] == 2
    assert planted(module, {"bag"}) == (module, 0)


@pytest.mark.parametrize("text", ["def price(:", "", "price = 1\n", "\0"])
def test_a_text_without_such_a_function_stays(text: str) -> None:
    assert planted(text, NAMES) == (text, 0)


@pytest.mark.parametrize(
    "path", ["tests/work.py", "test_a.py", "a/b_test.py", "conftest.py", "docs/conf.py", "setup.py"]
)
def test_tests_and_tools_are_left_alone(path: str) -> None:
    assert is_test_file(path)
    assert not is_test_file("src/shop/work.py")


def test_words_are_identifiers() -> None:
    assert words_of("perf(shop.price, 2) # a-b") == {"perf", "shop", "price", "a", "b"}
