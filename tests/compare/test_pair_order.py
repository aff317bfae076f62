"""The side that comes first in a pair: an advantage of the process that starts first cancels out over pairs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from comparing import context
from repositories import Repository
from scripting import times

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare import pair_runner
from pytest_perfbudget.compare.base_checkout import BaseCheckout, Launch
from pytest_perfbudget.compare.pair_runner import PairRunner
from pytest_perfbudget.processes.process import ProcessStart
from pytest_perfbudget.processes.protocol import Request

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


def test_each_cpu_has_pairs_of_either_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the process that comes first is slower on one CPU only, the order would hide that."""
    side = Launch(Request([], "", [], ()), ProcessStart(0, 60.0))
    checkout = SimpleNamespace(launches=lambda *_args, **_settings: (side, side))
    made: list[tuple[int, int]] = []

    def note(*sides: object, cpu: int, number: int, **settings: int) -> None:
        del sides, settings
        made.append((number % 2, cpu))

    monkeypatch.setattr(pair_runner, "Side", lambda request, start: (request, start))
    monkeypatch.setattr(pair_runner, "cpus", lambda: [0, 1])
    monkeypatch.setattr(pair_runner, "Duet", note)
    runner = PairRunner(context(), cast("Base", None), cast("BaseCheckout", checkout))
    for number in range(1, 5):
        runner._pair(["a.py::t"], number=number)
    assert sorted(made) == [(0, 0), (0, 1), (1, 0), (1, 1)]
