"""Runs two functions in alternating blocks, for the ratio of their times."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.calibration import iterations
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.ratio import LOOKS, decide_ratio, quad_log_ratio
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult
from pytest_perfbudget.measure.clock import SYSTEM, Clock, overhead_ns
from pytest_perfbudget.measure.isolation import Heap, quiet
from pytest_perfbudget.measure.subject import BlockPlan, Subject

_BLOCK_NS = 5_000_000
_WARM_ROUNDS = 5
_ABBA = ("new", "reference", "reference", "new")
_BABA = ("reference", "new", "new", "reference")


@dataclass(frozen=True)
class RatioOutcome:
    """Both sides' time of one call (median over blocks, ns), quads, and the decision on the ratio."""

    new_ns: float
    reference_ns: float
    quads: int
    iterations: int
    elapsed_ns: int
    decision: CriterionResult


@dataclass(frozen=True)
class _Side:
    subject: Subject
    rounds: int
    iterations: int


async def compare_ratio(
    new: Subject, reference: Subject, budget: Budget, errors: Errors, *, max_time_ns: int, clock: Clock = SYSTEM
) -> RatioOutcome:
    """Alternate blocks of two subjects until the ratio is decided or the time is up.

    `LOOKS[0]` quads are the fewest that decide anything; code too slow for so many within
    `max_time_ns` stays undecided.
    """
    __tracebackhide__ = True
    for subject in (new, reference):
        await subject.once()
    heap = Heap()
    with quiet():
        sides = {"new": await _settle(new, clock), "reference": await _settle(reference, clock)}
        start_ns = clock.wall_ns()
        medians: dict[str, list[float]] = {"new": [], "reference": []}
        quads: list[float] = []
        while True:
            quad: dict[str, list[float]] = {"new": [], "reference": []}
            for name in _ABBA if len(quads) % 2 == 0 else _BABA:
                heap.redraw()
                quad[name].append(await _median_ns(sides[name], clock))
            quads.append(quad_log_ratio(quad["new"], quad["reference"]))
            for name, found in quad.items():
                medians[name] += found
            spent_ns = clock.wall_ns() - start_ns
            decision = decide_ratio(quads, budget.limit, errors)
            late = spent_ns >= max_time_ns or len(quads) >= LOOKS[-1]
            if decision.verdict is not BudgetVerdict.UNDECIDED or late:
                break
    return RatioOutcome(
        statistics.median(medians["new"]),
        statistics.median(medians["reference"]),
        len(quads),
        sides["new"].iterations,
        spent_ns,
        decision,
    )


async def _settle(subject: Subject, clock: Clock) -> _Side:
    __tracebackhide__ = True
    warm = await subject.rounds(BlockPlan(_WARM_ROUNDS, 1, clock.wall_ns() + _BLOCK_NS, with_cpu=False), clock)
    call_ns = max(min(warm.wall_ns), 1)
    per_round = iterations(call_ns, overhead_ns(clock), single=False)
    rounds = math.ceil(_BLOCK_NS / (call_ns * per_round))
    return _Side(subject, rounds, per_round)


async def _median_ns(side: _Side, clock: Clock) -> float:
    """Return the median time of a call over the rounds of one block."""
    __tracebackhide__ = True
    never = clock.wall_ns() + (1 << 62)
    # The first of many rounds pays for what the other side left in caches and branch predictors.
    dropped = 1 if side.rounds > 1 else 0
    block = BlockPlan(side.rounds + dropped, side.iterations, never, with_cpu=False)
    timings = await side.subject.rounds(block, clock)
    return max(statistics.median(timings.wall_ns[dropped:]), 1) / side.iterations
