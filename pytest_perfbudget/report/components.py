"""The wording of component changes: which spans of a test take longer, or less, than on the other side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import RegressionResult
from pytest_perfbudget.core.spans.changes import FEWEST_MATCHES, ComponentChange, SpanComparison
from pytest_perfbudget.report.numbers import counted, quantity, three_digits
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.spans import CAUSES, whole_of

_MOST_LINES: Final = 8
_LITTLE: Final = 0.2
"""The share of a change up to which its cause is not named."""

_MOST: Final = 0.6
"""The share of a component's waiting from which the waiting has the name of its cause."""

_LEAST_WAIT: Final = 0.05
"""The share of the largest change of the thread's time below which a change is not worth a line."""

_ALIKE: Final = 0.02
"""The share by which the number of spans may differ without being named."""

_OUTSIDE: Final = "outside all spans"
_CHANCE: Final = "may be chance"
_WAITS: Final = {
    "cpu": "of CPU time",
    "queue": "of waiting for a CPU that other processes had",
    "others": "of waiting while other threads of its process computed (perhaps for the GIL, a lock or their result)",
    "rest": "of waiting for I/O, a timer, an idle lock or another process",
}


def change_lines(measurement: Measurement, change: RegressionResult, *, all_of_them: bool = False) -> Iterator[str]:
    """Yield the lines about the components of a change; none if they were not compared, a reason if they do not fit.

    Args:
        measurement: the measurement.
        change: the change of its time, or of another number, which has no components.
        all_of_them: see `component_lines`.
    """
    found, noun = change.components, whole_of(measurement)
    if found is None:
        return
    if change.fitting_components is None:
        whole, judged = quantity(found.total.after_ns, "ns"), quantity(change.after or 0.0, "ns")
        yield (
            f"Components are not told: the spans of each {noun} take {whole} in all, and the judged time is "
            f"{judged}: either the spans are also of other code, such as a warm-up or child processes, or the machine "
            "was busier while they were recorded, since a span has the waiting for a CPU, too"
        )
        return
    yield from component_lines(found, noun, change.against, all_of_them=all_of_them)


def component_lines(found: SpanComparison, noun: str, against: str = "", *, all_of_them: bool = False) -> Iterator[str]:
    """Yield a line for each component that moved, the largest change first, and lines for the others and the whole.

    Without intervals, all components have a line, because any of them may have moved.

    Args:
        found: the comparison.
        noun: the word for an execution; see `report.spans.whole_of`.
        against: the revision on the other side; empty for the baseline.
        all_of_them: whether to show the components that did not move, too.
    """
    moved = [one for one in found.components if one.has_moved]
    has_interval = found.total.lower_ns is not None
    what = "Components that moved" if moved else "No component moved" if has_interval else "Components"
    each = f"a typical {noun}" if found.is_typical else f"the mean of all {noun}s"
    yield f"{what} since {against or 'the baseline'}, by the spans of {each}:"
    if not has_interval:
        pairs = "one pair" if found.matches == 1 else f"{found.matches} pairs"
        yield f"  {pairs}: no interval, so any difference may be chance ({FEWEST_MATCHES} are needed)"
    shown = (moved if has_interval and not all_of_them else list(found.components))[:_MOST_LINES]
    others = [one for one in found.components if one not in shown]
    rows = [_row(printable(one.name, unicode=True) or _OUTSIDE, one) for one in shown]
    rows += [_row_of_others(others)] if others else []
    yield from _aligned([*rows, _row(f"whole {noun}", replace(found.total, cpu_ns=None))])
    if moved:
        waits = sorted((one for one in found.thread if one.has_moved), key=lambda one: -abs(one.difference_ns))
        for number, one in enumerate(waits):
            if abs(one.difference_ns) < _LEAST_WAIT * abs(waits[0].difference_ns):
                break
            opening = f"  the test's thread, in the mean of all {noun}s: " if not number else "    and "
            yield f"{opening}{signed(one.difference_ns)} {_WAITS.get(one.name, one.name)}"


def signed(time_ns: float) -> str:
    """Return a difference of times with its sign: `+3.3 ms`."""
    return f"{'-' if time_ns < 0 else '+'}{quantity(abs(time_ns), 'ns')}"


_Row = tuple[str, str, str, str]


def _row(name: str, one: ComponentChange) -> _Row:
    before = quantity(one.before_ns, "ns") if one.before else "none"
    after = quantity(one.after_ns, "ns") if one.after else "none"
    change = signed(one.difference_ns)
    if one.lower_ns is None or one.upper_ns is None:
        return name, f"{before} -> {after}", change, _facts(one)
    interval = f"{change} [{signed(one.lower_ns)}, {signed(one.upper_ns)}]"
    return name, f"{before} -> {after}", interval, _facts(one) if one.has_moved else _CHANCE


def _row_of_others(others: Sequence[ComponentChange]) -> _Row:
    before, after = (math.fsum(getattr(one, side) for one in others) for side in ("before_ns", "after_ns"))
    facts = "" if any(one.has_moved or one.lower_ns is None for one in others) else _CHANCE
    return (
        counted(len(others), "other"),
        f"{quantity(before, 'ns')} -> {quantity(after, 'ns')}",
        signed(after - before),
        facts,
    )


def _aligned(rows: Sequence[_Row]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _facts(one: ComponentChange) -> str:
    """Return whether a component is new or gone, how often it is there, and whether the change computes or waits."""
    words = []
    if not one.before:
        words.append("new")
    elif not one.after:
        words.append("gone")
    elif abs(one.after - one.before) > _ALIKE * max(one.before, one.after):
        words.append(f"{three_digits(one.before)} -> {three_digits(one.after)} times")
    if one.cpu_ns is not None and one.difference_ns:
        cpu = min(max(one.cpu_ns / one.difference_ns, 0.0), 1.0)
        wait = _wait(one)
        words.append("CPU" if cpu >= 1 - _LITTLE else wait if cpu <= _LITTLE else f"CPU {cpu:.0%}, else {wait}")
    return ", ".join(words)


def _wait(one: ComponentChange) -> str:
    """Return the word for the waiting of a component: its cause, if most of the waiting has the same cause."""
    if one.causes is None:
        return "waiting"
    sign = math.copysign(1.0, one.difference_ns)
    _, *waits = (max(sign * cause, 0.0) for cause in one.causes)
    largest = waits.index(max(waits))
    is_named = waits[largest] > _MOST * sum(waits) and largest < len(waits) - 1
    return CAUSES[1 + largest] if is_named else "waiting"
