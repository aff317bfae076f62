"""The counting of a subject's executions, with the functions that the executions call."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_perfbudget.core.measurement import Counted
from pytest_perfbudget.core.metrics import CALLS, INSTRUCTIONS
from pytest_perfbudget.measure.instruction_profile import executed_functions
from pytest_perfbudget.measure.probes import BytecodeInstructions, FunctionCalls, LooksBad, count
from pytest_perfbudget.measure.profile import call_graph, called_functions, function_times, source_files
from pytest_perfbudget.measure.subject import Subject


async def count_executions(subject: Subject, wanted: Mapping[str, LooksBad]) -> Counted:
    """Count single executions of a subject, and name the functions that the executions call.

    Args:
        subject: the subject that is run.
        wanted: the metrics to count; see `probes.count`.
    """
    __tracebackhide__ = True
    found, problems = await count(subject, wanted)
    calls = next(iter(found.get(CALLS.name, ())), None)
    profiled = calls if isinstance(calls, FunctionCalls) else None
    executed = next(iter(found.get(INSTRUCTIONS.name, ())), None)
    return Counted(
        counts={name: int(probes[0].count) for name, probes in found.items()},
        passes={name: len(probes) for name, probes in found.items()},
        problems=problems,
        functions=called_functions(profiled) if profiled else {},
        times=function_times(profiled) if profiled else {},
        files=source_files(profiled) if profiled else (),
        graph=call_graph(profiled) if profiled else None,
        instructions=executed_functions(executed.runs) if isinstance(executed, BytecodeInstructions) else (),
    )
