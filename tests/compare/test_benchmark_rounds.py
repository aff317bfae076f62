"""Against a commit, pytest-benchmark's own second is spent only where a budget, the test or an option needs its rounds."""

from __future__ import annotations

import pytest
from programs import shop
from repositories import Repository
from scripting import BENCHMARK, TWO_WORKERS, times

MARKS = "@pytest.mark.benchmark(max_time=0.1)\n@pytest.mark.perf_budget{}\n"
TEST = "import pytest, shop\n" + MARKS + "def test_it(benchmark):\n    benchmark(shop.work)\n    {}\n"
MANY = 50


def rounds(repository: Repository) -> int:
    (found,) = repository.report["measurements"]
    return int(found["rounds"])


@pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_benchmark_without_a_budget_runs_briefly_and_is_compared(
    repository: Repository, workers: tuple[str, ...]
) -> None:
    repository.commit(tests=TEST.format("", ""))
    repository.file("shop.py", shop(3))
    result = repository.against_base(*BENCHMARK, *workers)
    result.assert_outcomes(failed=1)
    assert times(repository) == {"test_it": "regressed"}
    assert 0 < rounds(repository) < MANY
    result.stdout.no_fnmatch_line("*Legend*")


@pytest.mark.parametrize(
    ("budget", "read", "option"),
    [
        ("(mean_ms=900)", "", ()),
        ("", "assert benchmark.stats.stats.rounds > 50", ()),
        ("", "", ("--benchmark-json=rounds.json",)),
    ],
    ids=["budget", "test", "option"],
)
def test_a_benchmark_runs_in_full_where_its_rounds_are_needed(
    repository: Repository, budget: str, read: str, option: tuple[str, ...]
) -> None:
    repository.commit(tests=TEST.format(budget, read))
    repository.file("shop.py", shop(3))
    repository.against_base(*BENCHMARK, *option)
    assert rounds(repository) > MANY


@pytest.mark.parametrize(("budget", "are_few"), [("", True), ("(mean_ms=900)", False)])
def test_so_does_one_that_asks_for_a_number_of_rounds(repository: Repository, budget: str, *, are_few: bool) -> None:
    asks = TEST.replace("benchmark(shop.work)", "benchmark.pedantic(shop.work, rounds=60)")
    repository.commit(tests=asks.format(budget, ""))
    repository.file("shop.py", shop(3))
    repository.against_base(*BENCHMARK).assert_outcomes(failed=1)
    assert times(repository) == {"test_it": "regressed"}
    assert (rounds(repository) < MANY) == are_few


def test_a_benchmark_that_is_switched_off_stays_off(repository: Repository) -> None:
    repository.commit(tests=TEST.format("", ""))
    repository.against_base(*BENCHMARK, "--benchmark-disable").assert_outcomes(failed=1)
    assert times(repository) == {"test_it": "unmeasured"}
