"""`--perf-policy=base`: data outside of the folder of tests that a pull request changes, so that a test has less to do."""

from __future__ import annotations

import json

import pytest
from repositories import Repository
from scripting import CONFTEST

SHOP = "import scripted\n\ndef work(orders):\n    scripted.advance(len(orders) / 100)\n"
SLOWER = SHOP.replace("/ 100", "/ 50")
TESTS = """
from pathlib import Path
from shop import work

ORDERS = Path(__file__).parents[1] / "data" / "orders.txt"

def test_it(perf):
    perf(work, ORDERS.read_text())
"""
READER = SHOP + "\ndef read():\n    return open('data/orders.txt').read()\n"


def propose(repository: Repository, head: dict[str, str], shop: str = SHOP) -> pytest.RunResult:
    (repository.pytester.path / "test_it.py").unlink()
    base = {"pytest.ini": "[pytest]\npythonpath = .\n", "conftest.py": CONFTEST, "shop.py": shop}
    repository.commit({**base, "tests/test_it.py": TESTS, "data/orders.txt": "o" * 100})
    for name, text in head.items():
        repository.file(name, text)
    return repository.against_base("--perf-policy=base", "--perf-only")


def loosened(repository: Repository) -> dict[str, str]:
    """Return the words about each changed test by their severity."""
    found = json.loads((repository.pytester.path / "report.json").read_text("utf-8"))["findings"]
    return {one["severity"]: one["headline"] for one in found if one["kind"] == "loosened"}


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_less_data_that_only_the_test_reads_fails_the_session(repository: Repository) -> None:
    """The code takes twice as long for each order, and the test has half of the orders."""
    result = propose(repository, {"shop.py": SLOWER, "data/orders.txt": "o" * 50})
    assert result.ret == 1
    result.assert_outcomes(passed=1)
    assert loosened(repository)["failure"].startswith(
        "changed by data/orders.txt, so that the test measures less: with the code of HEAD, work takes 500 us instead "
        "of 1 ms, so the session fails: a reviewer accepts this by the label "
    )
    assert repository.against_base("--perf-policy=head", "--perf-only").ret == 0  # accepted by the label


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_other_data_of_the_same_size_passes_and_slower_code_does_not(repository: Repository) -> None:
    assert propose(repository, {"data/orders.txt": "p" * 100}).ret == 0
    assert loosened(repository) == {}
    repository.file("shop.py", SLOWER)
    assert repository.against_base("--perf-policy=base", "--perf-only").ret == 1


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_less_data_that_the_code_reads_too_is_listed_for_the_reviewer(repository: Repository) -> None:
    """The data is part of the product then, which may have become faster by it."""
    result = propose(repository, {"data/orders.txt": "o" * 50}, READER)
    assert result.ret == 0
    assert loosened(repository)["warning"].startswith("changed by data/orders.txt, so that the test measures less: ")
