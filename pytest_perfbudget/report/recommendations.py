"""The wording of recommendations: what to do, where, and the numbers that say so."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import METRICS
from pytest_perfbudget.core.recommendations import Advice, Recommendation, recommendations_of
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.report.culprits import short_name
from pytest_perfbudget.report.numbers import counted, quantity
from pytest_perfbudget.report.printable import printable

MOST_TOLD: Final = 2
"""The most recommendations that a failure tells; the JSON report has all of them."""

_ACTIONS: Final = {
    Advice.REPEATED_STATEMENT: "Ask once, and keep the answer",
    Advice.QUERIES_IN_A_LOOP: "Ask for all rows in one query",
    Advice.SERIALISATION: "Serialise less, or once",
    Advice.WAITING: "Wait less or overlap the waits",
    Advice.NOT_REMEMBERED: "Remember the result, or leave the work out",
    Advice.CALL_GROWTH: "Call the function once for all, outside of the loop",
    Advice.MEMORY_GROWTH: "Hold less at a time: go through the items one by one",
}

_AS_BEFORE: Final = "Call the function as often as before"
"""What to do about so few more calls that they need no loop."""


def recommendation_lines(measurement: Measurement, *, for_memory: bool) -> Iterator[str]:
    """Yield a heading and a line for each of the first recommendations; nothing if there is none.

    Args:
        measurement: the measurement, which fails.
        for_memory: whether the number that fails is memory; else time, calls or another number.
    """
    found = [one for one in recommendations_of(measurement) if one.saves_memory == for_memory][:MOST_TOLD]
    if found:
        yield "What would help, by the numbers above and the profiles:"
        told = set(_told(measurement))
        yield from (f"  {recommendation_text(one, told)}" for one in found)


def recommendation_text(one: Recommendation, told: Container[str] = ()) -> str:
    """Return a recommendation with its place and its evidence in one line.

    Args:
        one: the recommendation.
        told: the functions whose numbers of calls stand above the line.
    """
    place = f" in {one.place}" if one.place else ""
    saves = f"up to {one.saves:.0%} of the {METRICS[one.cost].words}"
    is_loop = one.is_loop or one.advice is not Advice.CALL_GROWTH
    return f"{_ACTIONS[one.advice] if is_loop else _AS_BEFORE}{place}: {_evidence(one, told)}, {saves}"


def _told(measurement: Measurement) -> Iterator[str]:
    if any(one.verdict is BudgetVerdict.EXCEEDED for one in measurement.budgets):
        return  # the finding about the budget comes first
    for change in measurement.changes:
        if change.verdict is RegressionVerdict.REGRESSED:
            yield from (callee for one in change.blamed for callee in one.callees)
            yield from (one.function for one in change.grown)


def _evidence(one: Recommendation, told: Container[str]) -> str:
    if one.unit == "calls" and one.subject in told:
        return printable(short_name(one.subject), unicode=True)
    if one.unit == "calls":
        before = f" instead of {one.before:,.0f}" if one.before not in (None, one.after) else ""
        return f"{counted(int(one.after), 'call')} of {printable(short_name(one.subject), unicode=True)}{before}"
    words = "waits" if one.unit == "ns" else "peak memory"
    return f"{words} {quantity(one.before or 0.0, one.unit)} -> {quantity(one.after, one.unit)}"
