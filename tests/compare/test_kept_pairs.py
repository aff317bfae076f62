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
        self.has_failed = False
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

    def __init__(self, available: int = 10**12, most: int = 9, error: Exception | None = None) -> None:
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
        ([1, 1], 2, 100, 0),
        ([2, 2], 2, 14, 1),
        ([2, 2], 2, 2, 0),
        ([4, 4], 60, 40, 0),
        ([4, 4], 20, 80, 3),
        ([2, 10], 2, 12, 1),
        ([2, 10, 10], 3, 12, 9),
        ([20, 20], 2, 100, 9),
    ],
    ids=["none", "one", "cleared", "all", "few left", "rare", "some", "one needs all", "two need all", "the most"],
)
def test_pairs_are_started_after_two_suspects_where_two_more_are_to_be_expected(
    taken: list[int], done: int, left: int, expected: int
) -> None:
    assert Kept().pairs.missing(taken, done, left) == expected


def test_pair_n_is_the_nth_fresh_pair_of_each_test() -> None:
    kept = Kept()
    kept.pairs.start(TESTS, 2)
    assert kept.living == [2, 3]
    assert kept.measure(1, "a.py::t") is None  # the first pair of a test is a fresh pair
    assert [kept.measure(number, "a.py::t") for number in (2, 3)] == [FOUND, FOUND]
    assert kept.measure(4, "a.py::t") is None
    assert kept.measure(2, "b.py::t") is None  # a test that the pairs have not collected
    assert kept.living == [2, 3]
    assert kept.pairs.missing([4, 4], 2, 100) == 1
    kept.pairs.end()
    assert kept.living == []


def test_a_pair_that_has_measured_another_test_is_marked_as_shared() -> None:
    kept = Kept()
    kept.pairs.start(TESTS, 1)
    found = [kept.measure(2, nodeid) for nodeid in ("a.py::t", "a.py::t", "a.py::u", "a.py::t")]
    assert [one is not None and one.runs[""].is_shared for one in found] == [False, False, True, True]


def test_only_as_many_pairs_stay_as_memory_allows() -> None:
    kept = Kept(available=0)
    kept.pairs.start(TESTS, 4)
    assert kept.living == []
    assert kept.pairs.missing([4, 4], 2, 100) == 0
    kept = Kept()
    kept.pairs.start(TESTS, 4)
    kept.available = 1600 * MB - 1  # eight times the memory of a pair
    assert kept.measure(3, "a.py::t") == FOUND
    assert kept.living == [2]
    assert kept.pairs.missing([4, 4], 2, 100) == 0


def test_a_pair_that_has_not_come_to_the_end_of_a_further_run_measures_no_other_test() -> None:
    """What its processes would say next belongs to that run."""
    kept = Kept()
    kept.pairs.start(TESTS, 2)
    kept.made[0].has_failed = True
    assert kept.measure(2, "a.py::t") == FOUND
    assert kept.living == []


@pytest.mark.parametrize("found", [WorkerError("died"), Attempt(problem="the test fails")], ids=["died", "fails"])
def test_after_a_failure_fresh_pairs_measure(found: Attempt[Pair] | Exception) -> None:
    """Perhaps a fixture can be set up only once in a process."""
    kept = Kept()
    kept.pairs.start(TESTS, 2)
    assert kept.measure(2, "a.py::t", found) is None
    assert kept.living == []
    assert kept.measure(2, "a.py::u") is None
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

def leaks():
    before = set(threading.enumerate()), children()
    yield
    assert (set(threading.enumerate()), children()) == before

leaks_of_a_test = pytest.fixture(autouse=True, name="leaks_of_a_test")(leaks)
leaks_of_the_session = pytest.fixture(autouse=True, scope="session", name="leaks_of_the_session")(leaks)
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
    """Two fresh pairs of the first two tests and of the last; a pair that stays for the three in between, with a fresh
    pair of each; besides these the session and the screening pair.
    """
    add_to_conftest(repository, NOTE)
    repository.commit(tests=MANY)
    repository.file("shop.py", shop(1.25))
    repository.against_base(subprocess=True).assert_outcomes(failed=6)
    assert number_of_processes(starts) == 1 + 2 * (1 + 3 * 2 + 1 + 3)
    assert set(times(repository).values()) == {"regressed"}


POLLUTED = """
from scripted import advance
LEFT = []

def work(number):
    if number < 3: LEFT.append(number)
    advance(1.25 if LEFT else 1)
"""
CLEANED = """
from scripted import advance
FAST = []

def work(number):
    advance(1.25 if number < 3 or not FAST else 1)
"""
NUMBERED = """
import pytest, shop

@pytest.mark.parametrize("number", range(6))
def test_it(perf, number): perf(shop.work, number)
"""
TEARDOWN = """
import shop

@pytest.fixture(scope="session", autouse=True)
def server():
    yield
    getattr(shop, "FAST", []).append(1)
"""


def slower_tests(repository: Repository) -> list[str]:
    return [name for name, verdict in times(repository).items() if verdict == "regressed"]


def test_what_a_slower_test_leaves_behind_makes_no_other_test_fail(repository: Repository) -> None:
    """Pairs of new processes do not have what was left, so those that stay are not believed."""
    repository.commit({"shop.py": POLLUTED.replace("LEFT else", "[] else")}, tests=NUMBERED)
    repository.file("shop.py", POLLUTED)
    repository.against_base(subprocess=True).assert_outcomes(failed=3, passed=3)
    assert slower_tests(repository) == [f"test_it[{number}] work" for number in range(3)]


def test_what_a_teardown_leaves_behind_lets_no_slower_test_pass(repository: Repository) -> None:
    """The fixtures of a pair that stays are torn down after each test, those of the session after the last."""
    add_to_conftest(repository, TEARDOWN)
    repository.commit({"shop.py": CLEANED.replace("1.25", "1")}, tests=NUMBERED)
    repository.file("shop.py", CLEANED)
    repository.against_base(subprocess=True).assert_outcomes(failed=6)
    assert len(slower_tests(repository)) == 6


OPEN = """
from pytest_perfbudget.core.pair_rules import PairRules
PairRules.needs_second = lambda *_: True
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="child processes are listed by /proc")
def test_a_suites_own_leak_checks_see_no_second_pair(repository: Repository) -> None:
    """On a noisy machine, each test of unchanged code may need it."""
    add_to_conftest(repository, OPEN)
    repository.commit(tests=MANY + LEAKS)
    repository.against_base(subprocess=True).assert_outcomes(passed=6, errors=0)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="child processes are listed by /proc")
def test_a_suites_own_leak_checks_see_no_pair_that_stays(repository: Repository) -> None:
    """Also where the last tests are not compared."""
    skips = "\ndef test_skipped(perf): pytest.skip()\ndef test_plain(): pass\n"
    repository.commit(tests=MANY + LEAKS + skips)
    repository.file("shop.py", shop(1.25))
    repository.against_base(subprocess=True).assert_outcomes(failed=6, passed=1, skipped=1, errors=0)
