"""The further runs of a test in a fresh pair, each of which places the data of the test elsewhere in memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.pair_task import PairTask
from pytest_perfbudget.core.pair_runs import MOST_RUNS, RUNS, pair_of_recordings, runs_differ
from pytest_perfbudget.core.pairs import QUADS, Pair
from pytest_perfbudget.errors import WorkerError
from pytest_perfbudget.measure.clock import SYSTEM

_OTHER_RATIO: Final = math.log(2.5)
_OTHER_WORK: Final = math.log(5.0)
"""The change of the ratio of both sides, and that of a side's time, in log time, from which on a further run does other
work, such as that of a test which leaves something behind. The place of the data, and the weather, made walks over
scattered objects 2.7 times slower on both sides from one run to the next, and three times faster."""

_MOST_OTHERS: Final = 2
"""The number of pairs with such a run after which the test has one run in each pair."""

_QUADS_IF_FAR: Final = 4
"""The number of quads of a further run where the first is far slower: so many show whether the places of the data are
the reason."""


_PATIENCE: Final = 10.0
_LEAST_PATIENCE_S: Final = 10.0


def patience_s(first_ns: int) -> float:
    """Return for how many seconds a further run may be silent: many times the first run, which took `first_ns`."""
    return max(_LEAST_PATIENCE_S, _PATIENCE * first_ns / 1e9)


class Repetitions:
    """The number of runs of each test in a fresh pair, by what is known of the test."""

    def __init__(self) -> None:
        self._runs: dict[str, int] = {}
        self._others: Counter[str] = Counter()

    def runs(self, nodeid: str) -> int:
        """Return the number of runs of a test in the next fresh pair."""
        return self._runs.get(nodeid, RUNS)

    def added(
        self, task: PairTask, first: Attempt[Pair], play: Callable[[int], Attempt[Pair] | None], first_ns: int
    ) -> Attempt[Pair]:
        """Run a test again, and return the measurements of its first run with the estimates from all runs.

        There are more runs if the first two differ, until they have taken as long as the first run. A test that cannot
        be run twice keeps the estimates of its first run, and is run once from now on; so is a test that does other
        work then, in two pairs.

        Args:
            task: the test.
            first: the measurements of the first run.
            play: a function that runs the test again, with so many quads at most; see `PairRunner`.
            first_ns: the time that the first run took, in ns.
        """
        names = [name for name, one in first.runs.items() if task.needs_repetition(name, one)]
        if not names:
            self._runs[task.nodeid] = 1
            return first
        is_far = all(task.is_far_slower(name, first.runs[name]) for name in names)
        quads = _QUADS_IF_FAR if is_far else QUADS // self.runs(task.nodeid)
        found = [first]
        end_ns = SYSTEM.wall_ns() + first_ns
        while len(found) < self.runs(task.nodeid) and (len(found) == 1 or SYSTEM.wall_ns() < end_ns):
            again = _attempted(play, quads)
            if again is None or not all(name in again.runs for name in names):
                self._runs[task.nodeid] = 1
                break
            if not all(_is_same_work(first.runs[name], again.runs[name]) for name in names):
                self._others[task.nodeid] += 1
                if self._others[task.nodeid] >= _MOST_OTHERS:
                    self._runs[task.nodeid] = 1
                break
            found.append(again)
            if any(runs_differ(first.runs[name], again.runs[name]) for name in names):
                self._runs[task.nodeid] = MOST_RUNS
        if len(found) == 1:
            return first
        return replace(first, runs={**first.runs, **{name: _joined(found, name) for name in names}})


def _attempted(play: Callable[[int], Attempt[Pair] | None], quads: int) -> Attempt[Pair] | None:
    """Return the measurements of a further run; None if there are none, because the first run has measured the test."""
    try:
        return play(quads)
    except WorkerError:
        return None


def _is_same_work(first: Pair, again: Pair) -> bool:
    base = math.log(again.base_ns / first.base_ns)
    gap = again.log_ratio - first.log_ratio
    return abs(gap) < _OTHER_RATIO and max(abs(base), abs(base + gap)) < _OTHER_WORK


def _joined(found: Sequence[Attempt[Pair]], name: str) -> Pair:
    first = found[0].runs[name]
    sides = [(one.sides[name].head, one.sides[name].base) for one in found]
    return pair_of_recordings(*sides, base_is_first=first.base_is_first) or first
