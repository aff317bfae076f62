"""The reasons why a measurement cannot be compared with the other side's of its name, or has none there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.core.kinds import BODY
from pytest_perfbudget.core.load.differences import other_load
from pytest_perfbudget.core.measurement import Measurement, has_address
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.namesakes import ambiguous, reordered, unclear
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

ADDRESS_IN_NAME: Final = "its name holds an address, which differs from process to process: give a stable name="


def other_case(against: str) -> str:
    """Return the reason for a test whose id belongs to another case on the other side."""
    remedy = "give the cases ids of their own (ids= in parametrize; names for numbered tests)"
    return f"{against} has other parameters under this id: {remedy}"


def unlike(against: str, head: Mapping[str, Recording], base: Mapping[str, Recording]) -> dict[str, str]:
    """Return the measurements of a test that cannot be compared with the other side's of their names, with the reasons.

    Args:
        against: the other side.
        head: the recordings of this side, by name.
        base: those of the other side.
    """
    found = {}
    for name, one in head.items():
        other = base.get(name)
        if other is not None and (why := _other(against, one, other)):
            found[name] = why
    calls_here, calls_there = _calls(head), _calls(base)
    for name in unclear(calls_here, calls_there):
        alike = "calls of one name whose objects or closures have all changed since"
        found[name] = f"{alike} {against}, so nobody knows which call is which: give each call a name (name=)"
    for name in reordered(calls_here, calls_there):
        what = "function" if calls_here[name][0] != calls_there[name][0] else "call"
        found[name] = f"another {what} has this name in the test of {against}: give each call a name (name=)"
    for name, (own, others) in ambiguous(calls_here, base).items():
        found[name] = (
            f"measured {_times(own)} in this test, and {_times(others)} in that of {against}, so nobody knows which "
            "call is which: give each a name (name=)"
        )
    return found


def is_other_load(why: str, against: str, own: Recording, other: Recording) -> bool:
    """Return whether two measurements cannot be compared, for a reason of `unlike`, because of their loads alone."""
    return bool(why) and why == other_load(against, other.load, own.load)


def of_other_load(context: ComparisonContext, why: str) -> RegressionResult:
    """Return the result for a load with other parameters than the other side's load of its name.

    A load that the user accepts has nothing to be compared with.
    """
    if context.accepts_other_loads:
        return untimed(RegressionVerdict.NEW, f"{why}, as accepted: only its limits hold")
    names = "give the load its former parameters, or a name of its own (name=)"
    reviewer = f", or let a reviewer accept the load {context.by_label}" if context.by_label else ""
    return untimed(RegressionVerdict.UNMEASURED, f"{why}: {names}{reviewer}")


def _calls(recordings: Mapping[str, Recording]) -> Mapping[str, Sequence[str]]:
    """Return what tells apart the measurements whose name comes from a function."""
    return {name: [one.function, *one.identity] for name, one in recordings.items() if one.function}


def _other(against: str, own: Recording, other: Recording) -> str:
    """Return the reason why two measurements of one name cannot be compared; empty if they can."""
    if own.is_other_case(other):
        return other_case(against)
    if own.kind and other.kind and (own.kind == BODY.name) is not (other.kind == BODY.name):
        body, part = "this test", f"the test of {against}"
        if other.kind == BODY.name:
            body, part = part, body
        return f"{body} is measured as a whole, and of {part} what it hands to benchmark: two different things"
    return other_load(against, other.load, own.load)


def no_namesake(against: str, measurement: Measurement, only_base: Collection[str]) -> RegressionResult:
    """Return the result for a measurement whose name the other side's test lacks.

    A name that comes from a function changes with the function, for example when a decorator replaces the function. So
    such a measurement is not called new if the other side's test makes a measurement that this side lacks.

    Args:
        against: the other side.
        measurement: the measurement.
        only_base: the names of the measurements that only the other side's test makes.
    """
    if has_address(measurement.name):
        return untimed(RegressionVerdict.UNMEASURED, ADDRESS_IN_NAME)
    named = sorted(filter(None, only_base))
    own = measurement.recording
    if "" in only_base and own is not None and own.function:
        part = f"name={measurement.name!r} makes a new measurement of a part"
        why = f"{against} measures this test as a whole instead: {part}"
        return untimed(RegressionVerdict.UNMEASURED, why)
    if named and not measurement.name:
        why = f"{against} measures parts of this test instead ({', '.join(map(repr, named))}), and here is no part"
        return untimed(RegressionVerdict.UNMEASURED, why)
    if named and own is not None and own.function:
        there, *more = named
        others = f" (and {', '.join(map(repr, more))})" if more else ""
        why = (
            f"{against} has {there!r}{others} in this test instead: name={there!r} compares with that, "
            f"name={measurement.name!r} makes a new measurement"
        )
        return untimed(RegressionVerdict.UNMEASURED, why)
    return untimed(RegressionVerdict.NEW, f"{against} does not have this measurement")


def untimed(verdict: RegressionVerdict, reason: str) -> RegressionResult:
    """Return the result for a time that cannot be compared."""
    return RegressionResult(TIME.name, verdict, reason=reason)


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
