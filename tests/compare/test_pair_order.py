"""The side that comes first in a pair: an advantage of the process that starts first cancels out over pairs."""

from __future__ import annotations

import pytest
from repositories import Repository
from scripting import times

SHOP = "from scripted import advance\nSIDE = {!r}\ndef work(): advance({})\n"
TESTS = """
import os, pytest, shop

@pytest.fixture(scope="module", autouse=True)
def set_up():
    if "PERFBUDGET_FRESH" in os.environ:
        with open(os.environ["ORDER"], "a") as file:
            print(shop.SIDE, file=file)

def test_it(perf): perf(shop.work)
"""


def test_the_base_comes_first_in_every_other_pair_of_a_test(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = repository.pytester.path.parent / "order"
    monkeypatch.setenv("ORDER", str(order))
    repository.commit({"shop.py": SHOP.format("base", 1)}, tests=TESTS)
    repository.file("shop.py", SHOP.format("head", 6))
    repository.against_base().assert_outcomes(failed=1)
    assert set(times(repository).values()) == {"regressed"}
    sides = order.read_text("utf-8").split()
    assert sides[:4] == ["head", "base", "base", "head"]
