"""What a fresh process inherits from its session."""

from __future__ import annotations

from pathlib import Path

import pytest
from programs import FASTER_MS, shop
from repositories import Repository
from scripting import times

from pytest_perfbudget.compare.launcher import SLOTS, ProcessLauncher
from pytest_perfbudget.processes.protocol import Request


def launcher() -> ProcessLauncher:
    return ProcessLauncher(Request(["-q"], "", [], ()), Path("/nowhere"))


def test_each_process_has_a_hash_seed_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    made = launcher()
    assert len({made.seed() for _ in range(5)}) == 5
    monkeypatch.setenv("PYTHONHASHSEED", "random")
    assert len({launcher().seed() for _ in range(5)}) == 5


def test_the_users_hash_seed_holds_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    assert launcher().seed() == 7


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_no_two_processes_have_one_worker_id(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    ids = [f"gw{number}" for number in range(workers)] or [""]
    found = list(filter(None, ids))
    for one in ids:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", one)
        monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(max(workers, 1)))
        found += [launcher().worker_id(slot) for slot in range(SLOTS)]
    assert len(set(found)) == len(found)
    assert len(found) <= launcher().request([]).workers


@pytest.mark.parametrize("workers", [1, 3])
def test_pairs_that_stay_have_the_last_worker_ids(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """A suite may have few databases, each with the number of a worker."""
    known, found = [], []
    for number in range(workers):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(workers))
        made = launcher()
        known += [int(made.worker_id(slot)[2:]) for slot in range(SLOTS)]
        found += [int(made.worker_id(SLOTS + slot)[2:]) for slot in range(2 * made.kept)]
    assert len({*known, *found}) == len(known) + len(found)
    assert max(known) < min(found)
    assert max(found) < made.workers(SLOTS)


def test_added_arguments_reach_each_process() -> None:
    made = launcher()
    made.add_arguments(["--seed=1"])
    assert made.request(["a.py::t"]).arguments == ["-q", "--seed=1"]


RANDOMLY = """
import os, random

def pytest_addoption(parser):
    parser.addoption("--randomly-seed", type=int)
    parser.addoption("--randomly-dont-reorganize", action="store_true")

def pytest_configure(config):
    config.pluginmanager.register(object(), "randomly")
    if config.option.randomly_seed is None:
        config.option.randomly_seed = random.SystemRandom().getrandbits(30)
"""


def test_all_processes_have_the_seed_of_pytest_randomly(repository: Repository) -> None:
    conftest = (repository.pytester.path / "conftest.py").read_text("utf-8")
    seeds = repository.pytester.path.parent / "seeds"
    tests = f"""
import shop
def test_it(perf, request):
    with open({str(seeds)!r}, "a") as file: print(request.config.option.randomly_seed, file=file)
    perf(shop.work)
"""
    repository.commit({"conftest.py": conftest + RANDOMLY}, tests=tests)
    repository.file("shop.py", shop(FASTER_MS))
    repository.against_base().assert_outcomes(passed=1)
    found = seeds.read_text("utf-8").split()
    assert len(found) >= 3  # the session, the head, the base
    assert len(set(found)) == 1


LEAKS = """
import threading, shop

def children():
    with open(f"/proc/self/task/{threading.get_native_id()}/children") as file: return set(file.read().split())

@pytest.fixture(autouse=True)
def leaks():
    before = set(threading.enumerate()), children()
    yield
    assert (set(threading.enumerate()), children()) == before

def test_it(perf): perf(shop.work)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="child processes are listed by /proc")
def test_a_suites_own_leak_checks_see_no_new_thread_and_no_new_process(repository: Repository) -> None:
    """The screening pair stands before the first fixture, and fresh pairs are gone after the test."""
    repository.commit(tests=LEAKS)
    repository.file("shop.py", shop(1.1))
    repository.against_base(subprocess=True).assert_outcomes(failed=1, errors=0)
    assert times(repository) == {"test_it work": "regressed"}


def test_pytest_timeout_sets_no_timer_in_a_fresh_process(repository: Repository) -> None:
    pytest.importorskip("pytest_timeout", reason="pytest-timeout is not installed")
    tests = """
import os, shop
def test_it(perf, request):
    if os.environ.get("PERFBUDGET_FRESH"):
        assert request.config.hook.pytest_timeout_set_timer(item=request.node, settings=None) is True
    perf(shop.work)
"""
    repository.commit(tests=tests)
    repository.file("shop.py", shop(FASTER_MS))
    repository.against_base("-p", "pytest_timeout").assert_outcomes(passed=1)
    assert times(repository) == {"test_it work": "improved"}
