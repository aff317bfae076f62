"""The capacity of a service: short loads at rates that a search chooses."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load.arrivals import Arrival, Stage
from pytest_perfbudget.core.load.capacity import CapacitySearch, Probe
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.report.numbers import quantity

Probes = Generator[LoadPlan, LoadRecord, "tuple[CapacitySearch, str]"]
"""A search that yields the load of each probe, is sent the load's record, and returns the search and the reason why the
generator could not go on."""


@dataclass(frozen=True, slots=True)
class CapacityPlan:
    """The frame of a search.

    Attributes:
        first_rate: the rate of the first probe, in requests per second.
        probe_ns: the length of a probe.
        duration_ns: the time after which no further probe begins.
        arrival: the way in which requests arrive.
        timeout_ns: the time after which a request is an error.
    """

    first_rate: float
    probe_ns: int
    duration_ns: int
    arrival: Arrival
    timeout_ns: int


def probes(plan: CapacityPlan, conditions: Sequence[Budget], errors: Errors, now_ns: Callable[[], int]) -> Probes:
    """Search for the highest rate that keeps the conditions.

    A rate counts as broken if two probes in a row break a condition, because a stall of the machine breaks one.
    """
    gate = LoadGate(conditions, errors)
    search, late = CapacitySearch(plan.first_rate), ""
    end_ns = now_ns() + plan.duration_ns
    while (rate := search.next_rate()) is not None and now_ns() < end_ns:
        stage = Stage(rate, rate, plan.probe_ns)
        load = LoadPlan(stages=(stage,), duration_ns=plan.probe_ns, arrival=plan.arrival, timeout_ns=plan.timeout_ns)
        record = yield load
        late, broken = gate.why_late(record), gate.broken(record)
        if broken is not None and not late:
            record = yield load
            late, broken = gate.why_late(record), gate.broken(record)
        if late:
            break
        search.note(Probe(rate, broken is None, _text(broken)))
    return search, late


def _text(broken: BudgetResult | None) -> str:
    if broken is None or broken.estimate is None:
        return ""
    found, limit = (quantity(value, broken.unit) for value in (broken.estimate, broken.limit))
    return f"{broken.metric} {found}, limit {limit}"
