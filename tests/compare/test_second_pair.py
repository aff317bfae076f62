"""The second screening pair, which tells whether a process of the first pair is off."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
from comparing import context

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare import pair_maker
from pytest_perfbudget.compare.base_checkout import BaseCheckout, Launch
from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.pair_runner import PairRunner
from pytest_perfbudget.compare.pair_task import PairTask
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair, joined
from pytest_perfbudget.errors import WorkerError
from pytest_perfbudget.processes.process import ProcessStart
from pytest_perfbudget.processes.protocol import Request

TEST = PairedSlowdownTest(0.05, 0.01)
TASK = PairTask("a.py::t", [""], 1.0, rules={"": TEST.rules})


class ScriptedPair(nullcontext[None]):
    """A pair that starts no process; each measurement takes the next log ratio of its number."""

    perf_tests = ("a.py::t",)

    def __init__(self, number: int, counting: Counting) -> None:
        super().__init__()
        self.number = number
        self.counting = counting
        self.has_ended = False

    def be_patient(self, seconds: float) -> None:
        del seconds

    def __exit__(self, *_: object) -> None:
        self.has_ended = True


class Scripted:
    """A runner whose pairs are scripted: the results of the first and of the second screening pair, test by test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: Sequence[float], second: Sequence[object]) -> None:
        self.left = {0: list[object](first), 1: list(second)}
        self.made: list[ScriptedPair] = []
        monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
        side = Launch(Request([], "", [], ()), ProcessStart(0, 60.0))
        checkout = SimpleNamespace(
            launches=lambda *_args, **_more: (side, side),
            untracked=SimpleNamespace(carried=()),
            further_files=("more.py",),
        )
        monkeypatch.setattr(pair_maker, "Side", lambda request, start: (request, start))
        monkeypatch.setattr(pair_maker, "Duet", self._duet)
        monkeypatch.setattr(PairRunner, "_play", self._play)
        self.runner = PairRunner(context(), cast("Base", None), cast("BaseCheckout", checkout))

    def _duet(self, head: tuple[Request, object], _base: object, *, number: int, **_: object) -> ScriptedPair:
        self.made.append(ScriptedPair(number, head[0].counting))
        return self.made[-1]

    def _play(self, pair: Any, *_: object) -> Attempt[Pair]:
        found = self.left[pair.number].pop(0)
        if isinstance(found, Exception):
            raise found
        return Attempt({} if found is None else {"": Pair(cast("float", found), 0.004, 1e6)})

    def prepare(self, done: Sequence[str] = (), *, is_last: bool = False) -> None:
        self.runner.prepare(["a.py::t", "a.py::u"], done, is_last=is_last)

    def screen(self) -> Pair:
        return self.runner.screen(TASK, ["a.py::t", "a.py::u"]).runs[""]


def test_a_pair_that_shows_no_slowdown_has_no_second_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted(monkeypatch, [0.0, -0.01], [])
    assert [scripted.screen().log_ratio for _ in range(2)] == [0.0, -0.01]
    assert [one.number for one in scripted.made] == [0]


def test_what_the_first_pair_leaves_open_is_measured_by_a_second_pair_that_ends_with_the_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A suite may look for processes and threads that a test leaves behind."""
    scripted = Scripted(monkeypatch, [0.04], [0.0])
    assert scripted.screen().log_ratio == pytest.approx(0.02)
    assert [(one.number, one.counting) for one in scripted.made] == [(0, Counting.UNPROFILED), (1, Counting.NONE)]
    assert [one.has_ended for one in scripted.made] == [False, True]


def test_once_needed_the_second_pair_is_started_between_tests_and_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted(monkeypatch, [0.04] * 4, [0.0] * 4)
    scripted.prepare()
    assert scripted.made == []
    scripted.screen()
    scripted.prepare()
    for _ in range(2):
        scripted.screen()
        scripted.prepare()
    assert [one.number for one in scripted.made] == [0, 1, 1]
    assert not scripted.made[-1].has_ended
    scripted.prepare(is_last=True)  # the fixtures of the session are torn down after that test
    assert scripted.made[-1].has_ended
    scripted.screen()
    assert [one.has_ended for one in scripted.made] == [False, True, True, True]
    scripted.runner.end_screening()
    assert all(one.has_ended for one in scripted.made)


def test_the_second_pair_is_not_started_for_a_single_test(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted(monkeypatch, [0.04], [0.0])
    scripted.screen()
    scripted.prepare(done=["a.py::t"])
    assert len(scripted.made) == 2


def test_a_pair_that_is_far_slower_needs_fresh_pairs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted(monkeypatch, [0.2], [])
    assert scripted.screen().log_ratio == 0.2


def test_without_the_second_pair_the_first_counts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted(monkeypatch, [0.04, 0.04], [WorkerError("died")])
    assert [scripted.screen().log_ratio for _ in range(2)] == [0.04, 0.04]
    scripted = Scripted(monkeypatch, [0.04], [None])
    assert scripted.screen().log_ratio == 0.04


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (Pair(0.0, 0.004, 1e6), False),
        (Pair(0.04, 0.004, 1e6), True),
        (Pair(-0.08, 0.004, 1e6), True),
        (Pair(-0.7, 0.004, 1e6), True),
        (Pair(0.2, 0.004, 1e6), False),
        (Pair(0.04, 0.004, 170e6), False),
        (Pair(0.06, 0.01, 1e6, spread=0.03), False),
        (Pair(0.04, 0.004, 1e6, mean=Pair(0.5, 0.01, 1e6)), False),
    ],
    ids=["clean", "open", "off", "far faster", "far slower", "a long call", "a load", "rare calls"],
)
def test_a_second_pair_is_needed_where_the_first_leaves_a_slowdown_open(pair: Pair, *, expected: bool) -> None:
    assert TEST.rules.needs_second(pair) is expected


def test_two_pairs_together_differ_by_less_and_are_judged_as_one() -> None:
    off = Pair(0.04, 0.004, 1e6)
    assert TEST.is_suspect(off)
    both = joined(off, Pair(0.0, 0.004, 1e6))
    assert both.log_ratio == pytest.approx(0.02)
    assert both.spread == pytest.approx(0.01 / 2**0.5)
    assert not TEST.is_suspect(joined(off, Pair(-0.01, 0.004, 1e6)))
    assert TEST.is_suspect(joined(off, off))
    precise = joined(Pair(0.04, 0.03, 1e6), Pair(0.0, 0.001, 1e6))
    assert precise.log_ratio < 0.01
    assert joined(Pair(0.0, 0.01, 1e6, mean=off), off).mean is None
