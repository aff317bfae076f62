"""Measures what is compared: blocks are timed as the comparer wants them, and counts are taken after them."""

from __future__ import annotations

from dataclasses import replace

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.results import Recording
from pytest_perfbudget.measure.probes import record_counts
from pytest_perfbudget.measure.runner import Outcome, Plan
from pytest_perfbudget.measure.subject import Subject


def planned(plan: Plan, asked: MeasurementRequest | None) -> Plan:
    """Return a plan with what is wanted of it besides its budgets."""
    if asked is None:
        return plan
    more_blocks = asked.more_blocks if asked.is_timed else None
    return replace(plan, more_blocks=more_blocks, turns=asked.turns, with_cpus=asked.with_cpus)


async def recorded(
    subject: Subject, outcome: Outcome, asked: MeasurementRequest | None, max_time_ns: int
) -> Recording | None:
    """Count what is to be compared, unless one call takes all the time there is: counting multiplies it."""
    __tracebackhide__ = True
    if asked is None:
        return None
    samples = outcome.samples
    if min(samples.wall_ns, default=0.0) * samples.iterations > max_time_ns:
        why = "one call takes longer than max_time"
        return Recording(samples.blocks, uncounted=why, turns=samples.turns, cpus=outcome.cpus)
    found = await record_counts(subject, asked.most_calls, asked.most_peak)
    return replace(found, blocks=samples.blocks, turns=samples.turns, cpus=outcome.cpus)
