"""The further runs of a test in a fresh pair."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from repositories import Repository
from scripting import times

from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.evidence import Sides
from pytest_perfbudget.compare.pair_task import PairTask
from pytest_perfbudget.compare.repetitions import Repetitions, patience_s
from pytest_perfbudget.core.pair_runs import MOST_RUNS, RUNS, averaged, judged_together, pair_of_recordings
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import QUADS, Pair
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.errors import WorkerError

ASKED = PairedSlowdownTest(0.03, 0.001)
TASK = PairTask("a.py::t", ["work"], 1.0, rules={"work": ASKED.rules})
DAY_NS = 24 * 3600 * 10**9


def run(slowdown: float, base_ns: float = 1e6, turns: int = 40) -> Attempt[Pair]:
    """Return the measurements of a run in which the head is slower by a share."""

    def recording(time_ns: float) -> Recording:
        return Recording([BlockTime(time_ns, (), (), time_ns)] * turns, turns=range(turns))

    sides = Sides(recording(base_ns * (1 + slowdown)), recording(base_ns))
    pair = pair_of_recordings((sides.head, sides.base))
    assert pair is not None
    return Attempt({"work": pair}, {"work": sides})


def measured(
    known: Repetitions, *runs: Attempt[Pair] | WorkerError | None, first_ns: int = DAY_NS
) -> tuple[float, int]:
    """Return the slowdown over the runs of a fresh pair, and the number of runs."""
    first, *further = runs
    assert isinstance(first, Attempt)
    left: Iterator[Attempt[Pair] | WorkerError | None] = iter(further)
    taken = [first]

    def play(quads: int) -> Attempt[Pair] | None:
        del quads
        again = next(left)
        if isinstance(again, WorkerError):
            raise again
        if again is not None:
            taken.append(again)
        return again

    found = known.added(TASK, first, play, first_ns)
    return math.expm1(found.runs["work"].log_ratio), len(taken)


def test_a_pair_runs_the_test_twice() -> None:
    known = Repetitions()
    slowdown, number = measured(known, run(0.10), run(0.12))
    assert slowdown == pytest.approx(0.11, abs=0.001)
    assert number == RUNS == known.runs("a.py::t")


def test_runs_that_differ_have_more_runs_in_this_pair_and_in_the_next() -> None:
    known = Repetitions()
    slowdown, number = measured(known, *2 * [run(0.2), run(0.0), run(-0.2), run(0.01)])
    assert slowdown == pytest.approx(-0.005, abs=0.01)
    assert number == MOST_RUNS
    assert known.runs("a.py::t") == MOST_RUNS
    assert known.runs("a.py::other") == RUNS


def test_further_runs_end_where_they_have_taken_as_long_as_the_first() -> None:
    """The second run is there in any case, else nobody knows whether the place of the data matters."""
    assert measured(Repetitions(), run(0.2), run(0.0), run(-0.2), first_ns=-1)[1] == 2


@pytest.mark.parametrize(
    "again",
    [WorkerError("died"), None, Attempt[Pair](problem="ran before")],
    ids=["a dead process", "other modules", "a failure"],
)
def test_a_test_that_cannot_be_run_twice_keeps_its_first_run(again: Attempt[Pair] | WorkerError | None) -> None:
    known = Repetitions()
    assert measured(known, run(0.1), again)[0] == pytest.approx(0.1)
    assert known.runs("a.py::t") == 1


def test_a_run_whose_data_lie_worse_for_both_sides_counts() -> None:
    """The place of the data, and the weather, made code that walks over scattered objects 2.7 times slower."""
    runs = 2 * [run(0.1), run(0.0, 2.7e6), run(0.1, 2.7e6), run(0.0)]
    assert measured(Repetitions(), *runs)[0] == pytest.approx(0.049, abs=0.001)


def test_a_long_run_whose_data_lie_badly_has_no_rare_calls() -> None:
    """All runs count alike in the mean call, too: over all quads, the first run would be most of the mean."""
    runs = [run(0.21, turns=2 * QUADS), *(MOST_RUNS - 1) * [run(0.0, turns=QUADS // 4)]]
    assert math.log1p(measured(Repetitions(), *runs)[0]) == pytest.approx(math.log(1.21) / MOST_RUNS)


@pytest.mark.parametrize(("slowdown", "base_ns"), [(0.0, 1.5e5), (-0.7, 1e6)], ids=["both sides", "the head"])
def test_a_test_that_does_other_work_then_keeps_its_first_run(slowdown: float, base_ns: float) -> None:
    """The first run has filled a table, for instance, and further runs find it full."""
    known = Repetitions()
    assert measured(known, run(0.1), run(slowdown, base_ns))[0] == pytest.approx(0.1)
    assert known.runs("a.py::t") == RUNS  # the weather may have changed
    assert measured(known, run(0.1), run(slowdown, base_ns))[0] == pytest.approx(0.1)
    assert known.runs("a.py::t") == 1


@pytest.mark.parametrize(("slowdown", "is_short"), [(0.2, True), (0.05, False)])
def test_a_further_run_is_short_where_the_first_is_far_slower(slowdown: float, *, is_short: bool) -> None:
    """Two pairs decide then as a rule, and a short run shows whether the place of the data is the reason."""
    asked: list[int] = []

    def play(quads: int) -> Attempt[Pair]:
        asked.append(quads)
        return run(slowdown)

    Repetitions().added(TASK, run(slowdown), play, DAY_NS)
    assert asked == [4 if is_short else QUADS // RUNS]


def test_a_run_of_few_turns_is_the_only_run() -> None:
    """Such a call takes so long that a further run would take as long as a further pair."""
    assert measured(Repetitions(), run(0.1, turns=12))[1] == 1


def test_a_further_run_may_be_silent_for_ten_times_the_first() -> None:
    """A further run may hang, such as one that waits for what the first has taken, and is worth no long wait."""
    assert (patience_s(200_000_000), patience_s(3_000_000_000)) == (10.0, 30.0)


PLACES = (-0.17, 0.0, 0.0, 0.17)
"""The log ratios of runs of clean code by the places of its data, much as over scattered objects in slow weather."""


def judged(
    slowdown: float, draw: random.Random, runs: int, places: tuple[float, ...] = PLACES, *, only_first: bool = False
) -> bool:
    """Return whether a test is regressed whose time depends on the place of its data, with so many runs in a pair.

    Args:
        slowdown: the slowdown, in log time.
        draw: the source of the noise.
        runs: the number of runs in a fresh pair.
        places: the log ratios by the places of the data.
        only_first: whether further runs are not slower.
    """

    def pair(number: int) -> Pair:
        process = draw.gauss(0, 0.007)
        slower = [0.0 if only_first and at else slowdown for at in range(number)]
        return averaged(
            [Pair(process + one + draw.choice(places) + draw.gauss(0, 0.007), 0.005, 1e6) for one in slower]
        )

    asked = PairedSlowdownTest(0.03, 0.0002)
    screening = pair(1)
    if not asked.is_suspect(screening):
        return False
    asked = asked.after(screening)
    fresh: list[Pair] = []
    while asked.needs_fresh(fresh):
        fresh.append(pair(runs))
    return asked.confirmed(fresh).verdict is RegressionVerdict.REGRESSED


def test_several_runs_keep_the_place_of_the_data_from_failing_clean_code() -> None:
    draw = random.Random(5)
    assert sum(judged(0.0, draw, MOST_RUNS) for _ in range(2000)) <= 2
    assert sum(judged(0.0, draw, 1) for _ in range(800)) >= 4


@pytest.mark.parametrize("runs", [RUNS, MOST_RUNS])
def test_what_a_process_does_once_is_not_made_up_for_by_further_runs(runs: int) -> None:
    """The first runs are slower in all pairs alike, so the places of the data are not the reason."""
    draw = random.Random(7)
    assert sum(judged(0.1, draw, runs, (0.0,), only_first=True) for _ in range(100)) >= 98
    assert sum(judged(0.0, draw, runs, (0.0,), only_first=True) for _ in range(1000)) == 0


@pytest.mark.parametrize(("further", "judged_by"), [((0.0, 0.005, -0.005), 0.17), ((0.17, 0.0, -0.17), 0.0425)])
def test_first_runs_count_alone_only_where_further_runs_agree(further: tuple[float, ...], judged_by: float) -> None:
    """Otherwise the places of the data explain that the first runs of a few pairs are slower."""
    pair = averaged([Pair(one, 0.005, 1e6) for one in (0.17, *further)])
    assert [one.log_ratio for one in judged_together([pair] * 3)] == pytest.approx([judged_by] * 3)


def test_several_runs_find_what_the_place_of_the_data_hides() -> None:
    draw = random.Random(6)
    once = sum(judged(0.14, draw, 1) for _ in range(100))
    often = sum(judged(0.14, draw, MOST_RUNS) for _ in range(100))
    assert once + 15 <= often


ONCE = """
import os, shop
RAN = []

def test_it(perf):
    if "PERFBUDGET_FRESH" in os.environ:
        with open(os.environ["RUNS"], "a") as file:
            print(os.getpid(), file=file)
    assert {most} > len(RAN)
    RAN.append(1)
    perf(shop.work)
"""


@pytest.mark.parametrize(("most", "runs"), [(9, [1, 1, 2, 2]), (1, [1, 1, 2, 2, 1, 1])])
def test_a_test_that_fails_in_its_second_run_is_judged_by_its_first(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    most: int,
    runs: list[int],
) -> None:
    """The screening pair runs a test once. The first fresh pair finds out whether the test can be run twice."""
    noted = tmp_path_factory.mktemp("noted") / "runs"
    monkeypatch.setenv("RUNS", str(noted))
    tests = ONCE.replace("{most}", str(most))
    shop = "from scripted import advance\ndef work(): advance({})\n"
    repository.commit({"shop.py": shop.format(1)}, tests=tests)
    repository.file("shop.py", shop.format(1.2))
    repository.against_base().assert_outcomes(failed=1)
    assert set(times(repository).values()) == {"regressed"}
    found = Counter(noted.read_text("utf-8").split())
    assert [*found.values()][: len(runs)] == runs
