"""The counting of a subject's executions, with the functions that the executions call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_perfbudget.core.cost_graph import CostGraph, calmest
from pytest_perfbudget.core.loop_waits import waited_ns, with_loop_waits
from pytest_perfbudget.core.metrics import CALLS, INSTRUCTIONS
from pytest_perfbudget.core.profiled_functions import cost_graph_of
from pytest_perfbudget.core.recording import Counted
from pytest_perfbudget.measure.clock import SYSTEM, Clock
from pytest_perfbudget.measure.instruction_profile import executed_functions
from pytest_perfbudget.measure.isolation import uncollected
from pytest_perfbudget.measure.probes import (
    NO_BUDGETS,
    BytecodeInstructions,
    FunctionCalls,
    LooksBad,
    ProbeBusyError,
    count,
)
from pytest_perfbudget.measure.profile import call_graph, called_functions, profiled_functions, quickest, source_files
from pytest_perfbudget.measure.profiler_overhead import profiler_overhead
from pytest_perfbudget.measure.subject import Subject

_PROFILED_NS: Final = 10_000_000
"""The time for which a short body is profiled, so that its costs rise above the errors of the profiler's clock."""

_PROFILES: Final = 5
"""The profiles in this time, of which the calmest holds."""

_MOST_EXECUTIONS: Final = 200
"""The most executions in a profile, which are enough for the shortest body."""


async def count_executions(
    subject: Subject,
    wanted: Mapping[str, LooksBad],
    clock: Clock = SYSTEM,
    *,
    over_budget: Mapping[str, LooksBad] = NO_BUDGETS,
    with_costs: bool = False,
) -> Counted:
    """Count single executions of a subject, and name the functions that the executions call.

    Args:
        subject: the subject that is run.
        wanted: the metrics to count; see `probes.count`.
        clock: the clock that limits the time of further passes and profiles.
        over_budget: the budgets of these metrics; see `probes.count`.
        with_costs: whether the costs of the functions are of interest, if calls are counted; a short body is executed
            further times for them.
    """
    __tracebackhide__ = True
    start_ns = clock.wall_ns()
    found, problems = await count(subject, wanted, over_budget, clock)
    calls = [one for one in found.get(CALLS.name, ()) if isinstance(one, FunctionCalls)]
    profiled = calls[0] if calls else None
    executed = next(iter(found.get(INSTRUCTIONS.name, ())), None)
    profiles = [one for one in calls if one.count == calls[0].count]  # other counts are of other work
    if with_costs and profiled is not None:
        profiles += await _further_profiles(subject, calls, clock, start_ns)
    return Counted(
        counts={name: int(probes[0].count) for name, probes in found.items()},
        passes={name: len(probes) for name, probes in found.items()},
        problems=problems,
        functions=called_functions(profiled) if profiled else {},
        costs=calmest(list(map(_cost_graph, profiles))) if with_costs and profiles else None,
        files=source_files(profiled) if profiled else (),
        graph=call_graph(quickest(profiles)) if profiles else None,
        instructions=executed_functions(executed.runs) if isinstance(executed, BytecodeInstructions) else (),
    )


async def _further_profiles(
    subject: Subject, counted: Sequence[FunctionCalls], clock: Clock, start_ns: int
) -> list[FunctionCalls]:
    """Return further profiles of a short body.

    Args:
        subject: the subject that is run.
        counted: the passes that counted, the best one first.
        clock: see `count_executions`.
        start_ns: the time at which the passes began.
    """
    __tracebackhide__ = True
    profiles: list[FunctionCalls] = []
    while len(profiles) < _PROFILES and clock.wall_ns() - start_ns < _PROFILED_NS:
        probe = FunctionCalls(begins_threads=counted[0].threads.have_begun)
        until_ns = clock.wall_ns() + _PROFILED_NS // _PROFILES
        try:
            with uncollected():
                while not probe.executions or (probe.executions < _MOST_EXECUTIONS and clock.wall_ns() < until_ns):
                    await subject.once(probe)
        except ProbeBusyError:
            break
        if not probe.is_mixed:
            profiles.append(probe)
    return profiles


def _cost_graph(probe: FunctionCalls) -> CostGraph:
    """Return the costs of one of a probe's executions."""
    profile = profiled_functions(probe, profiler_overhead(is_kept_to_thread=probe.is_kept_to_thread))
    return with_loop_waits(cost_graph_of(profile, probe.executions), waited_ns(profile) / probe.executions)
