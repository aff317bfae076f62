"""Recommendations: what would make a failed measurement cheaper, each drawn from evidence in the result.

Only a measurement with an exceeded budget or a regression has any. The evidence is the profiled call of each side, the
functions whose code became slower or that are called more often, repeated queries, the parts of the thread's time, and
the growth of memory. Where the evidence names no cause there is no recommendation.

In the profiles a call is judged where it is made: an edge from a function that both sides call. A function that was not
called there before is work whose result was known, or that is new; a function that is called more often there is a
loop; queries, serialisation and waiting are known by the names of the functions that do them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.call_graph import OUTSIDE, CallGraph, EdgeLookup
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import CALLS, PEAK, SPAN_COUNT, TIME
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.savings import lost, most_saved

LEAST_SAVED: Final = 0.05
"""The smallest share of the cost whose saving is worth a recommendation."""

_LEAST_GROWTH: Final = 1.5
_LEAST_QUERIES: Final = 3
_LOOP: Final = 3
_COMPREHENSION: Final = re.compile(r"\.<(listcomp|setcomp|dictcomp|genexpr)>$")

_LEAST_SPECIFIC: Final = 0.5
"""The share of a general cause's saving from which a special cause within the same calls is told before it."""

_LEAST_OF_LOSS: Final = 0.15
"""The share of a slowdown from which a saving of time is told beside the slowdown: less is no way back. A slowdown of
four equal causes, or of six, has the advice for each."""

_SERIALISED_SHARE: Final = 0.25
_WAITED_SHARE: Final = 0.5


class Advice(enum.Enum):
    """The kind of a recommendation."""

    REPEATED_STATEMENT = "repeated_statement"
    QUERIES_IN_A_LOOP = "queries_in_a_loop"
    SERIALISATION = "serialisation"
    WAITING = "waiting"
    NOT_REMEMBERED = "not_remembered"
    CALL_GROWTH = "call_growth"
    MEMORY_GROWTH = "memory_growth"


_GENERAL: Final = (Advice.NOT_REMEMBERED, Advice.CALL_GROWTH)
_BY_NAME: Final = {
    Advice.QUERIES_IN_A_LOOP: re.compile(r"'execute\w*' of|[.:]execute(many|script)?$"),
    Advice.SERIALISATION: re.compile(r"^(built-in method )?_?(json|pickle|marshal|copy|yaml|csv)[.:]"),
    Advice.WAITING: re.compile(
        r"time\.sleep|'(acquire|recv|recv_into|connect|poll|select)' of|\bselect\."
        # Functions of the standard library that hand the waiting on, so that the code has no call of a lock itself.
        r"|^threading:\w+\.(wait|wait_for|join|acquire)$|^queue:\w+\.(get|join)$|^subprocess:Popen\.(wait|communicate)$"
        r"|^concurrent\.futures\._base:(Future\.result|wait)$|^selectors:\w+\.select$"
    ),
}
"""The functions that do what a special cause is about, by their names in profiles."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A recommendation, with its evidence as numbers.

    Attributes:
        advice: the kind of the recommendation.
        measurement: the name of the measurement.
        place: the function, the line or the component where to act; empty if it is not known.
        subject: the function that is called there, or the query; empty if there is none.
        before: the number on the other side; None if the number is not known.
        after: the number now.
        unit: the unit of both numbers: `calls`, `bytes`, or `ns`.
        saves: the share of the cost that would be saved at most, from 0 to 1: of a slowdown no more than the slowdown.
        cost: the metric that would be saved: `time`, `peak` or `calls`.
    """

    advice: Advice
    measurement: str
    place: str
    subject: str
    before: float | None
    after: float
    unit: str
    saves: float
    cost: str = TIME.name

    @property
    def saves_memory(self) -> bool:
        """Whether memory would be saved, and not time or calls."""
        return self.cost == PEAK.name

    @property
    def is_loop(self) -> bool:
        """Whether there are so many more calls that only a loop makes them; a generator has a call for each item."""
        return self.before is not None and self.after >= _LOOP * max(self.before, 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the recommendation as builtins."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "advice": self.advice.value}


def recommendations_of(measurement: Measurement) -> list[Recommendation]:
    """Return the recommendations for a measurement, the largest saving first, at most one of each kind.

    What saves memory is for memory that fails, and what saves time or calls for another number that fails. Where the
    time regressed, the latter comes first.
    """
    regressed = [one for one in measurement.changes if one.verdict is RegressionVerdict.REGRESSED]
    exceeded = [one for one in measurement.budgets if one.verdict is BudgetVerdict.EXCEEDED]
    failed = {*map(is_of_memory, regressed), *map(is_of_memory, exceeded)}
    if measurement.is_pending or not failed:
        return []
    best: dict[Advice, Recommendation] = {}
    waiting = {
        (one.function, name) for change in regressed for one in change.blamed if _waits(one) for name in one.callees
    }
    losses = [lost(one) for one in regressed if one.metric == TIME.name and not exceeded]
    least = max([LEAST_SAVED, *(_LEAST_OF_LOSS * one for one in losses)])
    for one in _all(measurement, regressed):
        if one.saves < (least if one.cost == TIME.name else LEAST_SAVED) or one.saves_memory not in failed:
            continue
        if one.advice is Advice.WAITING and (one.place, one.subject) in waiting:
            continue
        if one.advice not in best or one.saves > best[one.advice].saves:
            best[one.advice] = one
    special = max(
        (one.saves for one in best.values() if one.advice not in _GENERAL and not one.saves_memory), default=0.0
    )
    is_slower = any(one.metric == TIME.name for one in regressed)
    return sorted(
        best.values(), key=lambda one: (is_slower and not one.saves_memory, *_rank(one, special)), reverse=True
    )


def _waits(one: Blame) -> bool:
    """Return whether a function waits longer in the same code, for other code that has the cause."""
    return one.is_unchanged and one.cause is Cause.SLOWER_LIBRARY


def is_of_memory(result: BudgetResult | RegressionResult) -> bool:
    """Return whether a result is about memory."""
    return result.unit == PEAK.unit


def _rank(one: Recommendation, special: float) -> tuple[bool, float]:
    """Return the rank: a general cause comes behind special ones that save nearly as much in the same calls."""
    is_explained = one.advice in _GENERAL and special >= _LEAST_SPECIFIC * one.saves
    return not is_explained, one.saves


def _all(measurement: Measurement, regressed: list[RegressionResult]) -> Iterator[Recommendation]:
    graphs = measurement.call_graphs
    if graphs is not None and graphs.base is not None:
        time = next((one for one in regressed if one.metric == TIME.name), None)
        yield from _from_both_graphs(measurement.id, graphs.head, graphs.base, time)
    elif graphs is not None:
        yield from _from_one_graph(measurement.id, graphs.head)
    if graphs is None or graphs.base is None:
        # Calls are counted, so their growth is told where no profile says what the calls cost.
        timed = [one for one in regressed if one.metric == TIME.name and (one.blamed or one.grown)]
        head = None if graphs is None else graphs.head
        for change in timed or [one for one in regressed if one.metric == CALLS.name]:
            told = _from_blame if change.blamed else _from_growth
            yield from told(measurement.id, change, head)
    for change in regressed:
        yield from _from_thread(measurement.id, change)
        if change.metric == PEAK.name and change.before is not None and change.after:
            saves = 1 - change.before / change.after
            yield Recommendation(
                Advice.MEMORY_GROWTH, measurement.id, "", "", change.before, change.after, "bytes", saves, PEAK.name
            )
    yield from _from_repeats(measurement)


def _from_both_graphs(
    name: str, head: CallGraph, base: CallGraph, time: RegressionResult | None
) -> Iterator[Recommendation]:
    now, before = EdgeLookup.of(head), EdgeLookup.of(base)
    if not now.total_ns:
        return
    for edge, (_, time_ns) in now.edges.items():
        caller, callee = edge
        if caller == OUTSIDE or not before.calls.get(caller):
            continue
        rates = now.rate(edge), before.rate(edge)
        advice, calls = _judged(edge, now, before, rates)
        if advice is None:
            continue
        place = caller if rates[0] >= _LEAST_GROWTH * rates[1] else _loop_above(caller, now, before)
        saves = (time_ns - before.edges.get(edge, (0, 0.0))[1]) / now.total_ns
        saves = saves if time is None else min(most_saved(time, caller, callee, saves), time_ns / now.total_ns)
        yield Recommendation(advice, name, _COMPREHENSION.sub("", place), callee, *calls, "calls", saves)


def _judged(
    edge: tuple[str, str], now: EdgeLookup, before: EdgeLookup, rates: tuple[float, float]
) -> tuple[Advice | None, tuple[int, int]]:
    """Return what an edge says, and the calls on the other side and now that say it."""
    callee = edge[1]
    calls = before.edges.get(edge, (0, 0.0))[0], now.edges[edge][0]
    advice = _advice_by_name(callee)
    if advice is None:  # nobody remembers a result of a built-in function, such as the next row of a query
        return _advice_by_calls(*calls, rates) if ":" in callee else None, calls
    if advice is Advice.QUERIES_IN_A_LOOP:  # a loop may query in another place than before, so all queries count
        calls = before.calls.get(callee, 0), now.calls[callee]
        return _advice_by_queries(*calls), calls
    return advice, calls


def _advice_by_name(function: str) -> Advice | None:
    return next((advice for advice, names in _BY_NAME.items() if names.search(function)), None)


def _advice_by_calls(before: int, after: int, rates: tuple[float, float]) -> Advice | None:
    """Return what the calls of a function by another say.

    Args:
        before: the number of calls on the other side.
        after: the number of calls now.
        rates: the calls in each call of the caller, now and on the other side.
    """
    if not before:
        return Advice.NOT_REMEMBERED
    return Advice.CALL_GROWTH if after > before and rates[0] >= _LEAST_GROWTH * rates[1] else None


def _advice_by_queries(before: int, after: int) -> Advice | None:
    if not before:
        return Advice.NOT_REMEMBERED
    return Advice.QUERIES_IN_A_LOOP if after >= max(_LEAST_QUERIES, 2 * before) else None


def _loop_above(function: str, now: EdgeLookup, before: EdgeLookup) -> str:
    """Return the function that calls a function more often than before, directly or by others; else the function."""
    seen = {function}
    at = function
    while True:
        callers = [caller for caller, callee in now.edges if callee == at and caller not in seen and caller != OUTSIDE]
        if not callers:
            return function
        caller = max(callers, key=lambda one: now.edges[one, at][0])
        if now.rate((caller, at)) >= _LEAST_GROWTH * before.rate((caller, at)):
            return caller
        seen.add(caller)
        at = caller


def _from_one_graph(name: str, graph: CallGraph) -> Iterator[Recommendation]:
    """Yield what takes most of the time of a call whose other side is not known."""
    least = {Advice.SERIALISATION: _SERIALISED_SHARE, Advice.WAITING: _WAITED_SHARE}
    for one in graph.edges:
        advice = _advice_by_name(one.callee)
        if advice not in least or one.caller == OUTSIDE or advice is _advice_by_name(one.caller):
            continue
        share = one.time_ns / graph.total_ns if graph.total_ns else 0.0
        if share >= least[advice]:
            yield Recommendation(advice, name, one.caller, one.callee, None, one.calls, "calls", share)


def _from_blame(name: str, change: RegressionResult, head: CallGraph | None) -> Iterator[Recommendation]:
    """Yield what the functions say whose code has caused a slowdown; the profile of the head may be known."""
    for one in change.blamed:
        if one.cause not in (Cause.MORE_CALLS, Cause.SLOWER_LIBRARY) or one.after < 1:
            continue
        before, after = round(one.before), round(one.after)
        advice = _advice_by_name(one.callee)
        if advice is None and one.cause is Cause.MORE_CALLS and ":" in one.callee:
            advice = _advice_by_calls(before, after, (one.after, one.before))
        if advice is not None:
            known = before if before or not one.before else None  # a call now and then is not none
            share = 1.0 if head is None else head.share_of(one.callee)
            saves = min(most_saved(change, one.function, one.callee), share)
            yield Recommendation(advice, name, one.function, one.callee, known, after, "calls", saves)


def _from_growth(name: str, change: RegressionResult, head: CallGraph | None) -> Iterator[Recommendation]:
    """Yield what the functions say that are called more often than on the other side.

    Nobody leaves out the calls of a built-in function but for what they do. Additional calls save time by their number
    and the cost of a call in the profile of the head; without a profile, no more is known than the whole slowdown.
    """
    for one in change.grown:
        if one.before is None or not one.after:
            continue
        advice = _advice_by_name(one.function)
        if advice is None and ":" in one.function:
            advice = _advice_by_calls(one.before, one.after, (one.after, one.before))
        if advice is None:
            continue
        if change.metric == CALLS.name:
            cost, saves = CALLS.name, (one.after - one.before) / change.after if change.after else 0.0
        else:
            share = lost(change) if head is None else min(lost(change), head.share_of(one.function))
            cost, saves = TIME.name, share * (1 - one.before / one.after)
        yield Recommendation(advice, name, "", one.function, one.before, one.after, "calls", saves, cost)


def _from_thread(name: str, change: RegressionResult) -> Iterator[Recommendation]:
    """Yield the waiting that a slowdown consists of, if it is most of the slowdown."""
    found = change.fitting_components
    if change.metric != TIME.name or found is None or not found.total.after_ns:
        return
    gained_ns = sum(one.difference_ns for one in found.thread)
    waits = [one for one in found.thread if one.name in ("others", "rest")]
    before, after = sum(one.before_ns for one in waits), sum(one.after_ns for one in waits)
    if gained_ns > 0 and after - before >= _WAITED_SHARE * gained_ns:
        place = max(found.components, key=lambda one: one.difference_ns, default=found.total).name
        saves = min((after - before) / found.total.after_ns, 1.0)
        yield Recommendation(Advice.WAITING, name, place, "", before, after, "ns", saves)


def _from_repeats(measurement: Measurement) -> Iterator[Recommendation]:
    """Yield the query that an execution with too many queries repeats most.

    A statement without a placeholder has no values, so that its repetition asks the same question again.
    """
    for budget in measurement.budgets:
        repeat = next((one for one in budget.repeats if one.count > 1 and one.statement), None)
        if repeat is None or budget.verdict is not BudgetVerdict.EXCEEDED:
            continue
        share = 1.0
        if measurement.spans is not None:
            share = sum(one.of_mean for one in measurement.spans.shares if one.name == budget.span)
        advice = Advice.QUERIES_IN_A_LOOP if "?" in repeat.statement else Advice.REPEATED_STATEMENT
        cost, saves = TIME.name, share * (1 - 1 / repeat.count)
        if saves < LEAST_SAVED:  # what exceeds the limit is the number, also where the time hardly changes
            cost, saves = SPAN_COUNT.name, (repeat.count - 1) / max(budget.estimate or 0.0, repeat.count)
        numbers = None, repeat.count, "calls", saves, cost
        yield Recommendation(advice, measurement.id, repeat.site, repeat.statement, *numbers)
