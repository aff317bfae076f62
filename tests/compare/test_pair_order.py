"""The pairs that a runner starts: the side that comes first, whose advantage cancels out over pairs, and their end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from comparing import context
from repositories import Repository
from scripting import times

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare import pair_maker, pair_runner
from pytest_perfbudget.compare.base_checkout import BaseCheckout, Launch
from pytest_perfbudget.compare.confirm import Attempt, once_more
from pytest_perfbudget.compare.pair_runner import PairRunner
from pytest_perfbudget.compare.pair_task import PairTask
from pytest_perfbudget.compare.played_pair import attempt_of
from pytest_perfbudget.core.pair_rules import PairRules
from pytest_perfbudget.core.pairs import FEWEST_TO_END, Pair
from pytest_perfbudget.errors import WorkerError
from pytest_perfbudget.processes.duet import IsDecided
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
    pairs: list[bool] = []

    def noted(*args: Any) -> Attempt[Pair]:
        found = attempt_of(*args)
        pairs.extend(one.base_is_first for one in found.runs.values())
        return found

    monkeypatch.setattr(pair_runner, "attempt_of", noted)
    repository.commit({"shop.py": SHOP.format("base", 1)}, tests=TESTS)
    repository.file("shop.py", SHOP.format("head", 6))
    repository.against_base().assert_outcomes(failed=1)
    assert set(times(repository).values()) == {"regressed"}
    sides = order.read_text("utf-8").split()
    assert sides[:4] == ["head", "base", "base", "head"]
    assert pairs[:2] == [False, True]  # the estimate of each pair knows the order


NOISY = """
import random
from scripted import advance
SIDE = {side!r}
draw = random.Random(SIDE).gauss
def work(): advance({ms} * (1 + draw(0, 0.03)))
"""


def note_turns(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that will have the number of turns of each pair that measures a test."""
    turns: list[int] = []
    screens, measures = PairRunner.screen, PairRunner.measure

    def noted(take: Callable[..., Attempt[Pair]], *args: Any, **settings: Any) -> Attempt[Pair]:
        found = take(*args, **settings)
        turns.extend(len(one.head.turns) for one in found.sides.values())
        return found

    monkeypatch.setattr(PairRunner, "screen", lambda *args: noted(screens, *args))
    monkeypatch.setattr(PairRunner, "measure", lambda *args, **settings: noted(measures, *args, **settings))
    monkeypatch.setenv("ORDER", str(repository.pytester.path.parent / "order"))
    return turns


def test_pairs_that_only_count_have_one_quad(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count that has grown is counted three times more, and the time of the test is not suspect."""
    turns = note_turns(repository, monkeypatch)
    more = "def rest(): pass\ndef work(): [rest() for _ in range({})]; advance(10)\n"
    repository.commit({"shop.py": "from scripted import advance\nSIDE = 'base'\n" + more.format(20)}, tests=TESTS)
    repository.file("shop.py", "from scripted import advance\nSIDE = 'head'\n" + more.format(40))
    repository.against_base().assert_outcomes(failed=1)
    assert set(times(repository).values()) == {"unchanged"}
    assert turns[1:] == [2, 2, 2]


@pytest.mark.parametrize(("ms", "pairs", "ended"), [(10, 1, slice(1)), (20, 3, slice(1, None))])
def test_turns_end_where_the_verdict_needs_no_more_of_them(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, ms: int, pairs: int, ended: slice
) -> None:
    turns = note_turns(repository, monkeypatch)
    repository.commit({"shop.py": NOISY.format(side="base", ms=10)}, tests=TESTS)
    repository.file("shop.py", NOISY.format(side="head", ms=ms))
    repository.against_base()
    assert len(turns) == pairs
    assert max(turns[ended]) <= 2 * FEWEST_TO_END + 8  # 40 and more for the error that pairs near the limit need


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The number and the CPU of each pair of a runner whose processes are not started."""
    found: list[tuple[int, int]] = []

    def duet(*sides: object, cpu: int, number: int, **settings: int) -> AbstractContextManager[None]:
        del sides, settings
        found.append((number, cpu))
        return nullcontext()

    monkeypatch.setattr(pair_maker, "Side", lambda request, start: (request, start))
    monkeypatch.setattr(pair_maker, "cpus", lambda: [0, 1])
    monkeypatch.setattr(pair_maker, "Duet", duet)
    return found


def runner_of_pairs() -> PairRunner:
    side = Launch(Request([], "", [], ()), ProcessStart(0, 60.0))
    checkout = SimpleNamespace(
        launches=lambda *_args, **_settings: (side, side), untracked=SimpleNamespace(carried=()), further_files=()
    )
    return PairRunner(context(), cast("Base", None), cast("BaseCheckout", checkout))


def test_each_cpu_has_pairs_of_either_order(made: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the process that comes first is slower on one CPU only, the order would hide that."""
    monkeypatch.setattr(PairRunner, "_play", lambda *_, **__: Attempt())
    runner = runner_of_pairs()
    for _ in range(4):
        runner.measure(PairTask("a.py::t", [""], 1.0), own_file_only=False)
    assert sorted((number % 2, cpu) for number, cpu in made) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_pair_that_is_lost_is_repeated_in_its_order(
    made: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all pairs have the same side first if that of the other order always dies."""
    ends: Iterator[WorkerError | Attempt[Pair] | None] = iter([WorkerError("died"), None, Attempt(), Attempt()])

    def play(*args: object, **settings: object) -> Attempt[Pair] | None:
        del args, settings
        end = next(ends)
        if isinstance(end, WorkerError):
            raise end
        return end

    monkeypatch.setattr(PairRunner, "_play", play)
    runner = runner_of_pairs()
    task = PairTask("a.py::t", [""], 1.0)
    for _ in range(2):
        once_more(partial(runner.measure, task, own_file_only=False))
    assert [number for number, _ in made] == [1, 1, 1, 2]


def test_a_fresh_pair_sets_all_fixtures_up_again_for_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the data of a fixture for several tests lie elsewhere in memory, too. A screening pair goes on to other tests."""
    made: list[bool] = []

    class Lasting(nullcontext[object]):
        perf_tests = ()

        def be_patient(self, seconds: float) -> None:
            del seconds

    def duet(*_: object, releases: bool, **__: object) -> Lasting:
        made.append(releases)
        pair = Lasting()
        pair.enter_result = pair
        return pair

    monkeypatch.setattr(pair_maker, "Side", lambda request, start: (request, start))
    monkeypatch.setattr(pair_maker, "Duet", duet)
    monkeypatch.setattr(PairRunner, "_play", lambda *_, **__: Attempt())
    runner = runner_of_pairs()
    task = PairTask("a.py::t", [""], 1.0)
    runner.screen(task, ["a.py::t"])
    runner.measure(task, own_file_only=False)
    runner.end_screening()
    assert made == [False, True]


def test_a_screening_pair_ends_early_where_it_is_cleared_and_a_fresh_pair_where_the_head_is_far_slower(
    made: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that is slower in its first calls only would be suspect by a screening pair that ends there."""
    del made  # no process is started
    decided: list[tuple[bool, bool, bool]] = []

    class Noting(nullcontext[object]):
        perf_tests = ()

        def be_patient(self, seconds: float) -> None:
            del seconds

        def play(self, *_: object, is_decided: IsDecided, **__: object) -> None:
            far, clear = (Pair(by, 0.005, 1e6, mean=Pair(by, 0.005, 1e6)) for by in (0.3, 0.0))
            decided.append((is_decided("work", clear), is_decided("work", far), is_decided("other", clear)))
            message = "died"
            raise WorkerError(message)

    pair = Noting()
    pair.enter_result = pair
    monkeypatch.setattr(pair_maker, "Duet", lambda *_, **__: pair)
    task = PairTask("a.py::t", [""], 1.0, rules={"work": PairRules(math.log(1.03))})
    runner = runner_of_pairs()
    with pytest.raises(WorkerError):
        runner.screen(task, ["a.py::t"])
    with pytest.raises(WorkerError):
        runner.measure(task, own_file_only=False)
    assert decided == [(True, False, False), (False, True, False)]
