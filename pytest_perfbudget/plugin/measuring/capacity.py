"""The capacity of a service: short loads at rates that a search chooses."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load.arrivals import Arrival, Stage
from pytest_perfbudget.core.load.capacity import CapacitySearch, Probe
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.core.units import NS_PER, time_text
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


_SINGLE_NS: Final = NS_PER["s"] // 100
_SINGLES: Final = 5
"""The number of single requests before the search, whose median is the usual time of a request."""

_LATE_AGAIN: Final = 2
"""The number of times that a probe is made again because the generator was late, as it is in a pause of the machine."""

_AS_FAST: Final = 2.0
"""The ratio to the usual time up to which a single request shows that no earlier request is left."""


def probes(plan: CapacityPlan, conditions: Sequence[Budget], errors: Errors, now_ns: Callable[[], int]) -> Probes:
    """Search for the highest rate that keeps the conditions.

    A rate counts as broken if two probes in a row break a condition, because a stall of the machine breaks one. A probe
    after which the service works off its queue for longer than the probe's length needs no second: a stall leaves a
    shorter queue. A probe in which the generator was late says nothing, and is made again.

    No probe begins while the service still works on the requests of the probe before, many of which were given up:
    single requests tell, which are as fast as before the search once the service is idle again.
    """
    search, late, suspect = CapacitySearch(plan.first_rate), "", 0.0
    if not plan.duration_ns:
        return search, late
    gate, single = LoadGate(conditions, errors), _single(plan)
    usual_ns = yield from _usual_ns(single)
    begin_ns = now_ns()

    def is_over() -> bool:
        return now_ns() >= begin_ns + plan.duration_ns

    while (rate := search.next_rate()) is not None and not is_over():
        stage = Stage(rate, rate, plan.probe_ns)
        load = LoadPlan(stages=(stage,), duration_ns=plan.probe_ns, arrival=plan.arrival, timeout_ns=plan.timeout_ns)
        record, late = yield from _in_time(load, gate, lambda: _until_idle(single, usual_ns, is_over), is_over)
        if late:
            break
        if not record.requests:  # a load without a request would keep every limit
            length = time_text(plan.probe_ns)
            search.ended_early = f"no request was due in a probe of {length} at {rate:,.4g} requests per second"
            break
        broken = gate.broken(record)
        probe = Probe(rate, broken is None, _text(broken), record.errors if broken else ())
        is_sure = probe.is_kept or rate == suspect
        if is_sure:
            search.note(probe)
            if search.next_rate() is None:
                break
        since_ns = now_ns()
        busy = yield from _until_idle(single, usual_ns, is_over)
        waited_ns = now_ns() - since_ns
        if not is_sure and waited_ns >= plan.probe_ns:
            search.note(probe)
        suspect = rate
        if busy:
            waited = quantity(waited_ns, "ns")
            search.ended_early = f"{waited} after {rate:,.4g} requests per second the service was still busy: {busy}"
            break
    search.elapsed_ns = now_ns() - begin_ns
    return search, late


def _in_time(
    load: LoadPlan,
    gate: LoadGate,
    rest: Callable[[], Generator[LoadPlan, LoadRecord, str]],
    is_over: Callable[[], bool],
) -> Generator[LoadPlan, LoadRecord, tuple[LoadRecord, str]]:
    """Make a probe, up to three times while the generator is late.

    Args:
        load: the load of the probe.
        gate: the limits that tell which lateness is too long.
        rest: a function that waits until the service is idle.
        is_over: a function that tells whether the time of the search is over.

    Returns:
        The record of the last of these probes, and the reason why the generator was late; empty if it was not.
    """
    record = yield load
    for _ in range(_LATE_AGAIN):
        if not gate.why_late(record) or is_over():
            break
        yield from rest()
        record = yield load
    return record, gate.why_late(record)


def _single(plan: CapacityPlan) -> LoadPlan:
    """Return the load of a single request."""
    rate = NS_PER["s"] / _SINGLE_NS
    return LoadPlan(stages=(Stage(rate, rate, _SINGLE_NS),), duration_ns=_SINGLE_NS, timeout_ns=plan.timeout_ns)


def _usual_ns(single: LoadPlan) -> Generator[LoadPlan, LoadRecord, float | None]:
    """Return the usual time of a single request, in ns; None if a request has no answer."""
    times = []
    for _ in range(_SINGLES):
        time_ns = _answer_ns((yield single))
        if time_ns is None:
            return None  # the probes tell how many requests fail
        times.append(time_ns)
    return statistics.median(times)


def _until_idle(
    single: LoadPlan, usual_ns: float | None, is_over: Callable[[], bool]
) -> Generator[LoadPlan, LoadRecord, str]:
    """Make single requests until the service is idle again, or the time of the search is over.

    Returns:
        The sign that the service is not idle; empty if the service is idle, or if that cannot be known.
    """
    while usual_ns is not None:
        time_ns = _answer_ns((yield single))
        if time_ns is not None and time_ns <= _AS_FAST * usual_ns:
            break
        if is_over():
            took = "failed" if time_ns is None else f"took {quantity(time_ns, 'ns')}"
            return f"a single request {took}, and took {quantity(usual_ns, 'ns')} before the search"
    return ""


def _answer_ns(record: LoadRecord) -> float | None:
    """Return the time of the answer to a single request; None if the request failed."""
    return None if record.failures or not len(record.latencies) else record.latencies.mean_ns


def _text(broken: BudgetResult | None) -> str:
    if broken is None or broken.estimate is None:
        return ""
    found, limit = (quantity(value, broken.unit) for value in (broken.estimate, broken.limit))
    return f"{broken.metric} {found}, limit {limit}"
