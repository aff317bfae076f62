"""Plugins that shuffle or multiply tests."""

from __future__ import annotations

import pytest
from programs import shop
from repositories import Repository
from scripting import TWO_WORKERS, Neighbour, times

RANDOM = """
import random, shop
@pytest.fixture
def size(): return random.randrange(1, 1000)
def test_drawn(perf, size): perf(lambda: advance(size / 100), name="draw")
def test_it(perf): perf(shop.work)
"""


@pytest.mark.parametrize(
    ("workers", "ms", "verdict"),
    [((), 1, "unchanged"), (("-n", "2"), 3, "regressed")],
    ids=["plain, clean", "n2, slower"],
)
def test_pytest_randomly_draws_the_same_numbers_for_both_commits(
    crowded: Repository, with_neighbour: Neighbour, workers: tuple[str, ...], ms: float, verdict: str
) -> None:
    """Without one seed for all processes, a test's inputs differ, and with them its time."""
    with_neighbour("pytest_randomly")
    crowded.commit(tests=RANDOM)
    crowded.file("shop.py", shop(ms))
    crowded.against_base(*workers, subprocess=True)
    assert times(crowded) == {"test_drawn draw": "unchanged", "test_it work": verdict}


@pytest.mark.parametrize(
    ("mark", "arguments", "head"),
    [
        ("@pytest.mark.repeat(2)\n", (), (1, "unchanged")),
        ("", ("--count", "2"), (3, "regressed")),
        ("", ("--count", "2", *TWO_WORKERS), (3, "regressed")),
    ],
)
def test_each_repetition_of_pytest_repeat_is_compared(
    repository: Repository, with_neighbour: Neighbour, mark: str, arguments: tuple[str, ...], head: tuple[float, str]
) -> None:
    with_neighbour("pytest_repeat")
    ms, verdict = head
    repository.commit(tests=f"import shop\n{mark}def test_it(perf): perf(shop.work)\n")
    repository.file("shop.py", shop(ms))
    repository.against_base("-p", "pytest_repeat", *arguments, subprocess=True)
    assert times(repository) == {"test_it[1-2] work": verdict, "test_it[2-2] work": verdict}
