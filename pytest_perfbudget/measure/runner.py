"""The runner, which calls a subject once, warms it up, and times its rounds."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, TypeVar

from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.measure.cpu_usage import cpus_within
from pytest_perfbudget.measure.isolation import quiet
from pytest_perfbudget.measure.one_cpu import has_threads, on_one_cpu, take_turns
from pytest_perfbudget.measure.plan import Plan, nothing
from pytest_perfbudget.measure.subject import CarriedStopIterationError, Subject
from pytest_perfbudget.measure.timed_rounds import WARM_NS, TimedRounds

_T = TypeVar("_T")

_LONGER = 1.1
"""The time of a round on one CPU, as a multiple of the time on all CPUs, from which the code needs several CPUs."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a measurement.

    Attributes:
        result: the first call's result.
        samples: the rounds timed after this call.
        cpus: the number of CPUs in use; None if the plan does not request it.
        one_cpu: whether the blocks were timed on one CPU.
    """

    result: Any
    samples: Samples
    cpus: float | None = None
    one_cpu: bool = False


def run_plain(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that never suspends, as all coroutines that measure a plain function do.

    A `StopIteration` of the measured function leaves this function as it is.
    """
    __tracebackhide__ = True
    try:
        coroutine.send(None)
    except CarriedStopIterationError as carried:
        raise carried.error from None
    except StopIteration as finished:
        result: _T = finished.value
        return result
    finally:
        coroutine.close()
    message = "a plain function suspended its caller"
    raise RuntimeError(message)


async def measure(subject: Subject, plan: Plan) -> Outcome:
    """Warm up, then time rounds until the gate needs no more rounds or `max_time_ns` is over.

    The first call runs with tracing and garbage collection as they are, so that coverage sees the code. This call is
    not one of the timed rounds.
    """
    __tracebackhide__ = True
    run = TimedRounds(subject, plan)
    read = plan.clock.wall_ns
    start = read()
    result = await subject.once()
    first_ns = read() - start
    with plan.silence(), quiet():
        is_open = plan.one_cpu is None and has_threads()
        await run.settle(first_ns, with_cpus=is_open)
        is_apart = take_turns(run.used) if is_open else bool(plan.one_cpu)
        if is_apart:  # budgets and reports are about the code with all CPUs
            run.leave_blocks()
        if plan.turns is None:
            await run.fill()
        if is_apart:
            blocks = await _blocks_on_one_cpu(subject, plan)
            if plan.one_cpu is None and _needs_cpus(blocks, run):
                is_apart = False
                await run.fill_blocks(plan)
            else:
                run.take_blocks(blocks)
        # Before the turns, because in its turns the process may be kept on one CPU and waits for the other process.
        cpus = cpus_within(run.used) if plan.with_cpus else None
        if plan.turns is not None:
            await run.play(plan.turns, cpus)
    return Outcome(result, run.samples(), cpus, is_apart)


def _needs_cpus(on_one_cpu: Sequence[BlockTime], run: TimedRounds) -> bool:
    """Return whether code takes longer on one CPU than on all: its threads work at the same time, between waits."""
    return bool(on_one_cpu) and median(one.time_ns for one in on_one_cpu) > _LONGER * median(run.wall_ns)


async def _blocks_on_one_cpu(subject: Subject, plan: Plan) -> list[BlockTime]:
    """Return the blocks of a plan with all threads on one CPU; their rounds decide no budget."""
    __tracebackhide__ = True
    gate = replace(plan.gate, budgets=())
    alone = replace(plan, gate=gate, one_cpu=False, progress=None, fewest_rounds=0, most_rounds=None, keep=nothing)
    with on_one_cpu():
        run = TimedRounds(subject, alone)
        await run.settle(WARM_NS)
        await run.fill()
    return run.blocks
