"""Pairs of processes that stay from test to test, and measure suspects in the place of fresh pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from programs import shop
from repositories import Repository
from scripting import add_to_conftest, times

from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.kept_pairs import KeptPairs
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.errors import WorkerError
from pytest_perfbudget.processes.duet import Duet

if TYPE_CHECKING:
    from typing_extensions import Self

TESTS = ["a.py::t", "a.py::u", "a.py::v"]
FOUND = Attempt({"": Pair(0.1, 0.004, 1e6)})
MB = 10**6


class ScriptedPair:
    """A pair that starts no process."""

    def __init__(self, number: int, error: Exception | None = None) -> None:
        self.number = number
        self.pids = (2 * number, 2 * number + 1)
        self.has_ended = False
        self._error = error

    def __enter__(self) -> Self:
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        self.has_ended = True

    def be_patient(self, seconds: float) -> None:
        del seconds


class Kept:
    """Pairs that are scripted, on a machine with so much memory, where each process takes 100 MB."""

    def __init__(self, available: int = 10**12, most: int = 10, error: Exception | None = None) -> None:
        self.available = available
        self.made: list[ScriptedPair] = []
        self._error = error
        self.pairs = KeptPairs(self._make, tuple, most, available=lambda: self.available, resident=lambda _: 100 * MB)

    def _make(self, tests: Sequence[str], number: int) -> Duet:
        assert tests == TESTS
        self.made.append(ScriptedPair(number, self._error))
        return self.made[-1]  # type: ignore[return-value]

    def measure(self, number: int, nodeid: str, found: Attempt[Pair] | Exception = FOUND) -> Attempt[Pair] | None:
        def play(pair: Duet, _carried: object) -> Attempt[Pair]:
            assert pair.number == number  # type: ignore[attr-defined]
            if isinstance(found, Exception):
                raise found
            return found

        return self.pairs.measure(number, nodeid, 60.0, play)

    @property
    def living(self) -> list[int]:
        return [one.number for one in self.made if not one.has_ended]


@pytest.mark.parametrize(
    ("taken", "done", "left", "expected"),
    [
        ([], 0, 100, 0),
        ([2], 1, 100, 0),
        ([2, 2], 2, 14, 2),
        ([2, 2], 2, 2, 0),
        ([4, 4], 60, 40, 0),
        ([4, 4], 20, 80, 4),
        ([2, 10], 2, 12, 2),
        ([2, 10, 10], 3, 12, 10),
        ([20, 20], 2, 100, 10),
    ],
    ids=["none", "first", "all", "too few left", "rare", "some", "one needs all", "two need all", "the most"],
)
def test_pairs_are_started_after_two_suspects_where_two_more_are_to_be_expected(
    taken: list[int], done: int, left: int, expected: int
) -> None:
    assert Kept().pairs.missing(taken, done, left) == expected


def test_pair_n_is_the_nth_fresh_pair_of_each_test() -> None:
    kept = Kept()
    kept.pairs.start(TESTS, 2)
    assert [kept.measure(number, "a.py::t") for number in (1, 2)] == [FOUND, FOUND]
    assert kept.measure(3, "a.py::t") is None  # a fresh pair
    assert kept.measure(1, "b.py::t") is None  # a test that the pairs have not collected
    assert kept.living == [1, 2]
    assert kept.pairs.missing([4, 4], 2, 100) == 2
    kept.pairs.end()
    assert kept.living == []


def test_the_pairs_of_a_later_test_are_marked_as_shared() -> None:
    kept = Kept()
    kept.pairs.start(TESTS, 1)
    first, second = kept.measure(1, "a.py::t"), kept.measure(1, "a.py::u")
    assert first is not None
    assert second is not None
    assert (first.is_shared, first.runs[""].is_shared) == (False, False)
    assert (second.is_shared, second.runs[""].is_shared) == (True, True)


def test_only_as_many_pairs_stay_as_memory_allows() -> None:
    kept = Kept(available=0)
    kept.pairs.start(TESTS, 4)
    assert kept.living == []
    assert kept.pairs.missing([4, 4], 2, 100) == 0
    kept = Kept()
    kept.pairs.start(TESTS, 4)
    kept.available = 1600 * MB - 1  # eight times the memory of a pair
    assert kept.measure(2, "a.py::t") == FOUND
    assert kept.living == [1]
    assert kept.pairs.missing([4, 4], 2, 100) == 0


@pytest.mark.parametrize("found", [WorkerError("died"), Attempt(problem="the test fails")], ids=["died", "fails"])
def test_after_a_failure_fresh_pairs_measure(found: Attempt[Pair] | Exception) -> None:
    """Perhaps a fixture can be set up only once in a process."""
    kept = Kept()
    kept.pairs.start(TESTS, 2)
    assert kept.measure(1, "a.py::t", found) is None
    assert kept.living == []
    assert kept.measure(1, "a.py::u") is None
    assert kept.pairs.missing([4, 4], 2, 100) == 0


@pytest.mark.parametrize("error", [WorkerError("died"), OSError("no process")], ids=["died", "no process"])
def test_pairs_that_cannot_be_started_are_done_without(error: Exception) -> None:
    kept = Kept(error=error)
    kept.pairs.start(TESTS, 2)
    assert kept.pairs.missing([4, 4], 2, 100) == 0


MANY = """
import pytest, shop

@pytest.mark.parametrize("number", range(6))
def test_it(perf, number): perf(shop.work)
"""
NOTE = """
import os
with open(os.environ["STARTS"], "a") as file:
    print(os.getpid(), file=file)
"""
LEAKS = """
import threading

def children():
    with open(f"/proc/self/task/{threading.get_native_id()}/children") as file: return set(file.read().split())

@pytest.fixture(autouse=True)
def leaks():
    before = set(threading.enumerate()), children()
    yield
    assert (set(threading.enumerate()), children()) == before
"""


@pytest.fixture
def starts(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line for each process that loads the conftest of the project."""
    found = repository.pytester.path.parent / "starts"
    monkeypatch.setenv("STARTS", str(found))
    return found


def number_of_processes(starts: Path) -> int:
    return len(set(starts.read_text("utf-8").split()))


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="the available memory is not known")
def test_many_slower_tests_share_their_pairs(repository: Repository, starts: Path) -> None:
    """Two fresh pairs of each of the first two tests; two that stay for three tests, of which the second and the third
    need a new pair that agrees; two fresh pairs of the last test; besides these the session and the screening pair.
    """
    add_to_conftest(repository, NOTE)
    repository.commit(tests=MANY)
    repository.file("shop.py", shop(1.25))
    repository.against_base(subprocess=True).assert_outcomes(failed=6)
    assert number_of_processes(starts) == 1 + 2 * (1 + 4 + 2 + 2 + 2)
    assert set(times(repository).values()) == {"regressed"}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="child processes are listed by /proc")
def test_a_suites_own_leak_checks_see_no_pair_that_stays(repository: Repository) -> None:
    repository.commit(tests=MANY + LEAKS)
    repository.file("shop.py", shop(1.25))
    repository.against_base(subprocess=True).assert_outcomes(failed=6, errors=0)


LEFT_BEHIND = """
from scripted import advance
LEFT = []

def work(number):
    if number < 3: LEFT.append(number)
    advance(1.25 if LEFT else 1)
"""
NUMBERED = """
import pytest, shop

@pytest.mark.parametrize("number", range(8))
def test_it(perf, number): perf(shop.work, number)
"""


def test_what_a_slower_test_leaves_behind_makes_no_other_test_fail(repository: Repository) -> None:
    """Pairs of new processes do not have what was left, so those that stay are not believed."""
    repository.commit({"shop.py": LEFT_BEHIND.replace("LEFT else", "[] else")}, tests=NUMBERED)
    repository.file("shop.py", LEFT_BEHIND)
    repository.against_base(subprocess=True).assert_outcomes(failed=3, passed=5)
    slower = [name for name, verdict in times(repository).items() if verdict == "regressed"]
    assert slower == [f"test_it[{number}] work" for number in range(3)]
