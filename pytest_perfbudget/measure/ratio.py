"""The measurement of two functions in alternating blocks, for the ratio of their times."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.calibration import iterations
from pytest_perfbudget.core.ratio import quad_log_ratio
from pytest_perfbudget.measure.clock import SYSTEM, Clock, overhead_ns
from pytest_perfbudget.measure.isolation import Heap, quiet
from pytest_perfbudget.measure.subject import BlockPlan, Subject

_BLOCK_NS = 5_000_000
_WARM_ROUNDS = 5
_ABBA = ("new", "reference", "reference", "new")
_BABA = ("reference", "new", "new", "reference")


@dataclass(frozen=True)
class RatioOutcome:
    """The outcome: both sides' time of one call (median over blocks, ns), and the log ratio of each quad of blocks."""

    new_ns: float
    reference_ns: float
    log_ratios: Sequence[float]
    iterations: int
    elapsed_ns: int


@dataclass(frozen=True)
class _Side:
    subject: Subject
    rounds: int
    iterations: int


async def measure_ratio(
    new: Subject,
    reference: Subject,
    is_enough: Callable[[Sequence[float]], bool],
    *,
    max_time_ns: int,
    clock: Clock = SYSTEM,
) -> RatioOutcome:
    """Alternate blocks of two subjects until there are enough quads or the time is up.

    Args:
        new: the subject that has a budget.
        reference: the subject that `new` is compared with.
        is_enough: a function that returns, for the log ratios of the quads so far, whether there are enough quads.
        max_time_ns: the time after which no further quad begins.
        clock: the clock for the measurement.
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
            if spent_ns >= max_time_ns or is_enough(quads):
                break
    return RatioOutcome(
        statistics.median(medians["new"]),
        statistics.median(medians["reference"]),
        quads,
        sides["new"].iterations,
        spent_ns,
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
    # The first of many rounds is dropped: its time depends on what the other side left in caches and branch predictors.
    dropped = 1 if side.rounds > 1 else 0
    block = BlockPlan(side.rounds + dropped, side.iterations, never, with_cpu=False)
    timings = await side.subject.rounds(block, clock)
    return max(statistics.median(timings.wall_ns[dropped:]), 1) / side.iterations
