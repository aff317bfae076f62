"""The counting of a subject's executions, with the functions that the executions call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.cost_graph import CostGraph, calmest
from pytest_perfbudget.core.loop_waits import waited_ns, with_loop_waits
from pytest_perfbudget.core.metrics import CALLS, INSTRUCTIONS
from pytest_perfbudget.core.profiled_functions import ProfilerOverhead, cost_graph_of
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
from pytest_perfbudget.measure.profile import call_graph, called_functions, profiled_functions, source_files, time_ns
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
    with_profiles: bool = False,
) -> Counted:
    """Count single executions of a subject, and name the functions that the executions call.

    Args:
        subject: the subject that is run.
        wanted: the metrics to count; see `probes.count`.
        clock: the clock that limits the time of further passes and profiles.
        over_budget: the budgets of these metrics; see `probes.count`.
        with_costs: whether the costs of the functions are of interest, if calls are counted.
        with_profiles: whether a short body is executed further times for its costs.
    """
    __tracebackhide__ = True
    found, problems = await count(subject, wanted, over_budget, clock)
    calls = [one for one in found.get(CALLS.name, ()) if isinstance(one, FunctionCalls)]
    profiled = calls[0] if calls else None
    executed = next(iter(found.get(INSTRUCTIONS.name, ())), None)
    profiles = await _profiles(subject, calls, clock, with_further=with_profiles) if calls else []
    shown = min(profiles, key=lambda one: one.time_ns, default=None)
    return Counted(
        counts={name: int(probes[0].count) for name, probes in found.items()},
        passes={name: len(probes) for name, probes in found.items()},
        problems=problems,
        functions=called_functions(profiled) if profiled else {},
        costs=calmest([one.costs() for one in profiles]) if with_costs and profiles else None,
        files=source_files(profiled) if profiled else (),
        graph=None if shown is None else call_graph(shown.probe, shown.overhead),
        instructions=executed_functions(executed.runs) if isinstance(executed, BytecodeInstructions) else (),
    )


@dataclass(frozen=True, slots=True)
class _Profile:
    """A profile of some executions, with the overhead of the profiler in the weather of these executions."""

    probe: FunctionCalls
    overhead: ProfilerOverhead

    @property
    def time_ns(self) -> float:
        """The profiled time of an execution."""
        return time_ns(self.probe)

    def costs(self) -> CostGraph:
        """Return the costs of an execution."""
        profile = profiled_functions(self.probe, self.overhead)
        graph = cost_graph_of(profile, self.probe.executions)
        return with_loop_waits(graph, waited_ns(profile) / self.probe.executions)


async def _profiles(
    subject: Subject, counted: Sequence[FunctionCalls], clock: Clock, *, with_further: bool
) -> list[_Profile]:
    """Return profiles of a short body, or else the passes that counted.

    Args:
        subject: the subject that is run.
        counted: the passes that counted, the best one first.
        clock: see `count_executions`.
        with_further: whether a short body is profiled further times.
    """
    __tracebackhide__ = True
    counted = [one for one in counted if one.count == counted[0].count]  # other counts are of other work
    is_kept = counted[0].is_kept_to_thread
    overhead = profiler_overhead(is_kept_to_thread=is_kept)
    profiles = [_Profile(one, overhead) for one in counted]
    further: list[_Profile] = []
    start_ns = clock.wall_ns() if with_further and min(map(time_ns, counted)) < _PROFILED_NS else None
    while start_ns is not None and len(further) < _PROFILES and clock.wall_ns() - start_ns < _PROFILED_NS:
        probe = FunctionCalls(begins_threads=counted[0].threads.have_begun)
        until_ns = clock.wall_ns() + _PROFILED_NS // _PROFILES
        try:
            with uncollected():
                while not probe.executions or (probe.executions < _MOST_EXECUTIONS and clock.wall_ns() < until_ns):
                    await subject.once(probe)
        except ProbeBusyError:
            break
        before, overhead = overhead, profiler_overhead(is_kept_to_thread=probe.is_kept_to_thread)
        if not probe.is_mixed:
            further.append(_Profile(probe, min(before, overhead, key=sum)))
    return further or profiles
