"""Limits that can never be judged where they are written: a mistake that fails its test, and no limit that passes.

A limit of a component, of a table or of a class covers many tests, so there it is no mistake.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.kinds import NONE, MeasurementKind, why_never
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import CAPACITY, RSS
from pytest_perfbudget.errors import MisuseError


def refuse_in_call(
    limits: Limits, place: str, kind: MeasurementKind, *, has_process: bool = False, is_search: bool = False
) -> None:
    """Refuse a limit in a call whose measurement cannot have the number.

    Args:
        limits: the limits of the call.
        place: the call.
        kind: the kind of the measurement.
        has_process: whether the process that serves a load is known.
        is_search: whether the call searches for a capacity.

    Raises:
        MisuseError: there is such a limit. The test fails.
    """
    for one in limits.budgets:
        _refuse(one, place, why_never(kind, one.metric, has_process=has_process, is_search=is_search))


def refuse_in_marker(limits: Iterable[Limits], measurements: Collection[Measurement]) -> None:
    """Refuse a limit in a test's own marker that no measurement of the test can have.

    Args:
        limits: the limits of the test's own markers.
        measurements: all measurements of the test, judged.

    Raises:
        MisuseError: there is such a limit. The test fails.
    """
    for budget in (one for own in limits for one in own.budgets):
        whys = [why for one in measurements if (why := _why_never(one, budget)) is not None]
        if all(whys):
            _refuse(budget, budget.source, next(iter(whys), ""))


def refuse_name(limits: Iterable[Limits], name: str, why: str) -> None:
    """Refuse the limits of a test's own markers on a measurement that the test does not make.

    Args:
        limits: the limits of the test's own markers.
        name: the measurement's name.
        why: the reason why the limits are never judged.

    Raises:
        MisuseError: there is such a limit. The test fails.
    """
    for budget in (one for own in limits if own.name == name for one in own.budgets):
        _refuse(budget, budget.source, why)


def _why_never(measurement: Measurement, budget: Budget) -> str | None:
    """Return the reason why a measurement never has a number; empty if it can; None if the limit is not about it."""
    about = (budget.source, budget.keyword)
    if about not in {(one.source, one.keyword) for one in measurement.budgets}:
        return None
    if measurement.kind is NONE:  # its code raised, or was not called
        return ""
    has_process, is_search = (one.name in measurement.statistics for one in (RSS, CAPACITY))
    return why_never(measurement.kind, budget.metric, has_process=has_process, is_search=is_search)


def _refuse(budget: Budget, place: str, why: str) -> None:
    if why:
        message = f"{place}: {budget.keyword} is never judged here: {why}"
        raise MisuseError(message)
