"""The functions whose code differs between the working tree and a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_perfbudget.checkout.changed_functions import changed_functions

BASE = """
RATE = 2

def total(items, rate=RATE):
    "Return the sum."
    return sum(items) * rate

class Cart:
    def add(self, item):
        self.items.append(item)

    async def pay(self):
        def later():
            return 1
        return later()
"""


def changed(tmp_path: Path, head: str, base: str = BASE) -> list[str]:
    """Return the changed functions of a module, and those of modules that are the same or gone."""
    for side, source in (("top", head), ("tree", base)):
        (tmp_path / side / "shop").mkdir(parents=True)
        (tmp_path / side / "shop" / "cart.py").write_text(source, "utf-8")
        (tmp_path / side / "same.py").write_text("def same(): pass", "utf-8")
    modules = {"shop.cart": "shop/cart.py", "same": "same.py", "gone": "gone.py", "fast": "fast.so"}
    return changed_functions(tmp_path / "top", tmp_path / "tree", modules)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("sum(items) * rate", "sum(list(items)) * rate", ["shop.cart:total"]),
        ("rate=RATE", "rate=3", ["shop.cart:total"]),
        ("append(item)", "insert(0, item)", ["shop.cart:Cart.add"]),
        ("return later()", "return later() + 1", ["shop.cart:Cart.pay"]),
        ("return 1", "return 2", ["shop.cart:Cart.pay.<locals>.later"]),
        ("    def add", "    @traced\n    def add", ["shop.cart:Cart.add"]),
        ("RATE = 2", "RATE = 3", []),
        ("Return the sum.", "Return the sum of all.", []),
        ("    return sum", "    # the sum\n\n    return sum", []),
        ("def total", "def whole", []),
        ("def total", "def total(", []),
    ],
    ids=["body", "default", "method", "coroutine", "inner", "decorator", "constant", "docstring", "layout", "name", "syntax"],
)  # fmt: skip
def test_only_functions_that_both_sides_have_with_other_code_are_changed(
    tmp_path: Path, before: str, after: str, expected: list[str]
) -> None:
    assert changed(tmp_path, BASE.replace(before, after)) == expected
