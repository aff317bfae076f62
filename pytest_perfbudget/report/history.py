"""The trends of a history as text: a list of all measurements, or all that is known about some of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from pytest_perfbudget.core.change_points import Change
from pytest_perfbudget.core.forecast import Growth
from pytest_perfbudget.core.history.creep import is_above
from pytest_perfbudget.core.history.reading import Reading, TrendState
from pytest_perfbudget.core.history.trend import Marker, TrendPoint
from pytest_perfbudget.core.measurement import measurement_id
from pytest_perfbudget.report.dates import Dates
from pytest_perfbudget.report.drift import another, growth_text, limit_text
from pytest_perfbudget.report.numbers import change_interval, counted, percent, quantity
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.sparkline import marks_below, sparkline

_TITLES: Final = {
    TrendState.WORSE: "Worse",
    TrendState.CANDIDATE: "Last session far off: a change or an outlier",
    TrendState.WORSENING: "Getting worse bit by bit",
    TrendState.BETTER: "Better",
    TrendState.IMPROVING: "Getting better bit by bit",
    TrendState.PERHAPS_MOVING: "No change found, but perhaps a trend",
    TrendState.STEADY: "No change found",
    TrendState.UNJUDGED: "Too few sessions to judge, or a value of zero",
}
MOST_CELLS: Final = 60
_FEWEST_CELLS: Final = 10
_BESIDE_CHART: Final = 46
"""The columns of a list beside its charts."""
_BEFORE_EVENT: Final = 6
"""The columns before the text of an event's further lines."""
_COMMIT: Final = 9
_PERIODS: Final = (("a day", 1.0), ("an hour", 1 / 24), ("a minute", 1 / 1440))
_WIDE_ERROR: Final = 1.96
"""Half the width of a 95 % interval, in standard errors."""
_MOST_ERROR: Final = math.log(2) / _WIDE_ERROR
"""The largest standard error of a logarithm whose interval is shown: from half of the value to twice the value."""


@dataclass(frozen=True, slots=True)
class Page:
    """The output on which a history is shown.

    Attributes:
        width: the number of columns.
        unicode: whether the output can show block characters.
        anchor: the name of the commit since which drift is judged; empty if there is none.
        subjects: the subjects of commits, as far as they are known.
    """

    width: int
    unicode: bool
    anchor: str = ""
    subjects: Mapping[str, str] = field(default_factory=dict)


def history_list(readings: Sequence[Reading], page: Page) -> str:
    """Return the list of measurements, those that changed first."""
    order = list(TrendState)
    found = sorted(readings, key=lambda one: (order.index(one.state), one.trend.key.test, one.trend.key.name))
    unmoved = (TrendState.PERHAPS_MOVING, TrendState.STEADY, TrendState.UNJUDGED)
    moved = sum(one.state not in unmoved for one in found)
    points = [point for one in found for point in one.trend.points]
    span = Dates(one.at_s for one in points).span(" to ")
    since = "from" if " to " in span else "of"
    lines = [f"{counted(len(found), 'measurement')} {since} {span}, {moved or 'none'} moved"]
    for state, group in groupby(found, key=lambda one: one.state):
        lines += ["", _TITLES[state]]
        for one in group:
            lines += _entry(one, page)
    return "".join(f"{line}\n" for line in lines)


def history_text(readings: Sequence[Reading], page: Page, others: Sequence[str] = ()) -> str:
    """Return all that is known about trends.

    Args:
        readings: the trends of a test.
        page: the output.
        others: the names of further metrics of the test, which a user may ask for.
    """
    lines: list[str] = []
    for number, one in enumerate(readings):
        lines += [*_block(one, page, is_first=not number), ""]
    if others:
        lines.append(f"--metric shows another: {', '.join(others)}")
    return "\n".join(lines).rstrip() + "\n"


def _entry(reading: Reading, page: Page) -> Iterator[str]:
    """Yield the lines of a measurement in the list: its name, and its numbers below the name."""
    yield f"  {_name(reading, page)}"
    now = quantity(reading.trend.points[-1].value, reading.trend.unit)
    cells = min(max(page.width - _BESIDE_CHART, _FEWEST_CELLS), MOST_CELLS // 2)
    chart = sparkline(reading.trend.values, cells, unicode=page.unicode)
    line = f"    {chart:{cells}}  {reading.trend.key.metric} {now}"
    for said in _remarks(reading, page):
        is_short = len(line) + len(said) + 2 <= page.width
        yield from () if is_short else (f"{line},",)
        line = f"{line}, {said}" if is_short else f"    {'':{cells}}  {said}"
    yield line


def _block(reading: Reading, page: Page, *, is_first: bool) -> Iterator[str]:
    """Yield the lines of a trend; what all metrics of a measurement have in common stands in the first block."""
    trend = reading.trend
    last = trend.points[-1]
    dates = Dates(one.at_s for one in trend.points)
    cells = min(MOST_CELLS, page.width - 2)
    yield _name(reading, page)
    yield f"  {trend.key.metric}, {counted(len(trend.points), 'session')}, {dates.span(' to ')}"
    if trend.component and is_first:
        yield f"  component {printable(trend.component, unicode=page.unicode)}"
    yield ""
    yield f"  {sparkline(trend.values, cells, unicode=page.unicode)}"
    if marks := _marks(reading):
        yield f"  {marks_below(marks, len(trend.points), cells)}"
    yield f"  now {quantity(last.value, trend.unit)}{_interval(last, trend.unit)}"
    if reading.limit is not None:
        yield f"  limit {quantity(reading.limit, trend.unit, beside=last.value)}"
    events = [
        *((one.index, 1, _change_lines(reading, one, page, dates)) for one in reading.changes),
        *((one.index, 0, _marker_lines(reading, one, page, dates)) for one in trend.markers if is_first),
    ]
    for _, _, lines in sorted(events, key=lambda one: one[:2]):
        yield from (f"  {line}" for line in lines)
    if (creep := reading.creep) is not None:
        yield f"  {_of_metric(reading)}{growth_text(creep.drift, page.anchor)},"
        yield f"      {limit_text(creep.drift)}"
    yield from (f"  {line}" for line in _ahead(reading))


def _marks(reading: Reading) -> dict[int, str]:
    found = dict.fromkeys(reading.left_out, "~") | {one.index: "|" for one in reading.trend.markers}
    found |= {one.index: "^" for one in reading.changes}
    return found | ({} if reading.candidate is None else {reading.candidate.index: "?"})


def _change_lines(reading: Reading, change: Change, page: Page, dates: Dates) -> Iterator[str]:
    trend = reading.trend
    before, after = trend.points[change.previous], trend.points[change.index]
    yield f"^ {percent(change.ratio)} since {dates.of(after.at_s)}, {_commit(after)}"
    if (subject := page.subjects.get(after.commit)) and not after.is_dirty:
        yield f"    {_cut(printable(subject, unicode=page.unicode), page)}"
    yield f"    95 % interval {change_interval(change.lower, change.upper, change.ratio)}"
    yield f"    {quantity(change.before, trend.unit)} -> {quantity(change.after, trend.unit)}"
    if before.commit and before.commit != after.commit:
        yield f"    last session before: {dates.of(before.at_s)}, {_commit(before)}"


def _marker_lines(reading: Reading, marker: Marker, page: Page, dates: Dates) -> Iterator[str]:
    when = dates.of(reading.trend.points[marker.index].at_s)
    yield f"| {when} {' and '.join(map(another, marker.changed))}, no change of the code:"
    for before, after in marker.changed.values():
        yield f"    {printable(before, unicode=page.unicode)}"
        yield f"    -> {printable(after, unicode=page.unicode)}"


def _ahead(reading: Reading) -> Iterator[str]:
    """Yield the lines about the uncertain points, the last point and the time after it."""
    trend = reading.trend
    if reading.left_out:
        yield f"~ {counted(len(reading.left_out), 'session')} left out, too uncertain to show a change:"
        yield "    other work on the machine, or few rounds"
    if (last := reading.candidate) is not None:
        point = trend.points[last.index]
        yield f"? {_beside_level(last.ratio)} at the last point, {_commit(point)}"
        yield "    a change or an outlier: the next sessions tell"
    if (growth := reading.growth) is not None:
        low, middle, high = (_growth(growth, one, trend.unit) for one in (growth.lower, growth.rate, growth.upper))
        word = "trend" if growth.is_sure else "perhaps"
        yield f"{word} {middle} {_period(growth)[0]} (95 % interval {low} .. {high})"
        if not growth.is_sure:
            yield "    too unsure for a forecast: further sessions tell"
        if (ahead := reading.crossing) is not None and reading.limit is not None:
            limit = quantity(reading.limit, trend.unit)
            span = Dates([ahead.earliest, ahead.latest]).span(" and ")
            is_moment = " and " not in span
            beside = [ahead.earliest, ahead.latest] if span.endswith("UTC") else []  # of a single day
            about = span if is_moment else Dates([ahead.at, *beside]).of(ahead.at)
            yield f"crosses {limit} about {about}{'' if is_moment else ','}"
            yield from () if is_moment else (f"    between {span}",)


def _beside_level(ratio: float) -> str:
    """Return a value beside the level before: `+12 %`, `3.2 times the level before`, `1/37 of the level before`."""
    text = percent(ratio)
    if not text.endswith("x"):
        return text
    return f"{text[:-1]} {'of' if ratio < 1 else 'times'} the level before"


def _growth(growth: Growth, rate: float, unit: str) -> str:
    """Return a growth in a day or less: an amount if it is the same each day, a share if that is."""
    rate *= _period(growth)[1]
    if not growth.is_linear:
        return percent(math.exp(rate))
    amount = rate * growth.now
    return f"{'-' if amount < 0 else '+'}{quantity(abs(amount), unit, beside=0.0)}"


def _period(growth: Growth) -> tuple[str, float]:
    """Return the period that a growth is given for, in words and in days: a day, or less if the sessions span less."""
    return next(((words, days) for words, days in _PERIODS if growth.spans >= days), _PERIODS[-1])


def _remarks(reading: Reading, page: Page) -> Iterator[str]:
    """Yield the remarks that explain a state in the list."""
    trend = reading.trend
    if reading.state is TrendState.CANDIDATE and reading.candidate is not None:
        yield f"{percent(reading.candidate.ratio)} at {_commit(trend.points[-1])}"
    is_moving = reading.state in (TrendState.WORSENING, TrendState.IMPROVING) and reading.growth is not None
    if reading.changes and not is_moving:
        change = reading.changes[-1]
        after = "after " if reading.state is TrendState.CANDIDATE else ""
        yield f"{after}{percent(change.ratio)} since {_commit(trend.points[change.index])}"
    elif reading.growth is not None and _tells_growth(reading, reading.growth):
        perhaps = "" if reading.growth.is_sure else "perhaps "
        yield f"{perhaps}{_growth(reading.growth, reading.growth.rate, trend.unit)} {_period(reading.growth)[0]}"
        if reading.crossing is not None:
            yield f"at its limit about {Dates([reading.crossing.at]).of(reading.crossing.at)}"
    if reading.creep is not None and is_above(reading.creep):
        yield f"{_of_metric(reading)}{percent(reading.creep.drift.ratio)} since {page.anchor}"


def _tells_growth(reading: Reading, growth: Growth) -> bool:
    """Return whether the list tells a growth: an unsure growth only if nothing else is known."""
    if growth.is_sure:
        return reading.state is not TrendState.CANDIDATE
    return reading.state is TrendState.PERHAPS_MOVING


def _of_metric(reading: Reading) -> str:
    """Return the number that drifted, before its growth, if that is not the number of the chart."""
    return "" if reading.drifting == reading.trend.key.metric else f"{reading.drifting} "


def _interval(point: TrendPoint, unit: str) -> str:
    """Return the interval of a point in brackets; empty if its error is not known, or its bounds read the same.

    A very large error says that the time without waits is hardly known, and nothing of where the time lies.
    """
    lower, upper = point.lower, point.upper
    if point.std_error is not None:
        if point.std_error > _MOST_ERROR:
            return " (uncertain: other work on the machine, or few rounds)"
        lower, upper = (point.value * math.exp(sign * _WIDE_ERROR * point.std_error) for sign in (-1, 1))
    if lower is None or upper is None or not lower <= point.value <= upper:  # a value without waits, bounds with waits
        return ""
    low, high = quantity(lower, unit), quantity(upper, unit)
    return f" (95 % interval {low} .. {high})" if low != high else ""


def _name(reading: Reading, page: Page) -> str:
    return printable(measurement_id(reading.trend.key.test, reading.trend.key.name), unicode=page.unicode)


def _cut(text: str, page: Page) -> str:
    """Return a text cut to what a line of an event has room for."""
    room = max(page.width - _BEFORE_EVENT, _FEWEST_CELLS)
    end = "…" if page.unicode else "..."
    return text if len(text) <= room else text[: room - len(end)] + end


def _commit(point: TrendPoint) -> str:
    """Return the abbreviated commit of a point, with a plus if the working tree had changes."""
    return f"{point.commit[:_COMMIT]}{'+' if point.is_dirty else ''}" if point.commit else "no commit"
