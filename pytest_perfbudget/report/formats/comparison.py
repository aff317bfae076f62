"""The comparison of saved sessions as text: a row for each measurement and metric, a column for each session."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from pytest_perfbudget.core.measurement import measurement_id
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.saved_comparison import SavedChange, by_id, mean_change
from pytest_perfbudget.core.session_spread import SPREAD
from pytest_perfbudget.report.closing import session_text
from pytest_perfbudget.report.formats.colors import RED, painted
from pytest_perfbudget.report.formats.table_layout import BLANK, Cell, Column, cut, draw, short_names
from pytest_perfbudget.report.numbers import change_bounds, change_interval, counted, percent, quantity
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.regressions import allowance_text

_SHORTEST: Final = 24
_LONGEST_FILE: Final = 24
_MOST_NAMED: Final = 3


@dataclass(frozen=True)
class Sides:
    """The sessions of a comparison.

    Attributes:
        names: the name of each session's file, the reference's first.
        results: the sessions, in the same order.
        changes: the changes of each session except the reference.
        spread: the standard deviation of a session's log time that holds for times that have weather.
    """

    names: Sequence[str]
    results: Sequence[RunResult]
    changes: Sequence[Sequence[SavedChange]]
    spread: float = SPREAD


def render_comparison(sides: Sides, *, width: int, unicode: bool, color: bool = False) -> str:
    """Return the comparison as text, with lines below the table on what it does not compare."""
    lines = [
        f"{name}: {printable(session_text(one.session), unicode=True)}"
        for name, one in zip(sides.names, sides.results, strict=True)
    ]
    lines += ["", *_table(sides, width, unicode=unicode, color=color), "", *_notes(sides, color=color)]
    return "".join(f"{line}\n" for line in lines)


def not_told_text(first: str, other: str, hidden: Sequence[SavedChange]) -> str:
    """Return why two sessions do not tell whether times are slower than allowed, with the remedies.

    Args:
        first: the file of the session before.
        other: the file of the session after.
        hidden: the times.
    """
    smallest = percent(1 + min(one.smallest_found or 0.0 for one in hidden))
    return (
        f"{first} and {other} do not tell whether {counted(len(hidden), 'time')} became slower, unless by {smallest} "
        "or more, because they have no readings of the machine's weather: record both sessions with pytest "
        "--perf-comparable, compare two commits with pytest --perf-against, or state with --spread how steady this "
        "machine is"
    )


def _table(sides: Sides, width: int, *, unicode: bool, color: bool) -> Iterator[str]:
    found = [{(one.measurement.id, one.result.metric): one for one in changes} for changes in sides.changes]
    places = list(dict.fromkeys(place for one in found for place in one))
    if not places:
        return
    reference = [next(one[place] for one in found if place in one).result for place in places]
    files = list(headings(sides.names, unicode=unicode))
    befores: list[Cell] = [(_quantity(one.before, one.unit), "") for one in reference]
    columns = [
        Column("metric", [(metric, "") for _, metric in places]),
        Column(files[0], befores, is_right=True),
    ]
    for file, changes in zip(files[1:], found, strict=True):
        rows = [changes.get(place) for place in places]
        columns += [
            Column(
                file,
                [BLANK if one is None else (_after(one), "") for one in rows],
                is_right=True,
            ),
            Column("change", [BLANK if one is None else (_change(one), "") for one in rows], is_right=True),
            Column("", [BLANK if one is None else (_verdict(one), _STYLES[one.result.verdict]) for one in rows]),
        ]
    room = max(_SHORTEST, width - sum(one.width for one in columns))
    names: list[Cell] = [(cut(one, room, unicode=unicode), "") for one in _names(found, places, unicode=unicode)]
    yield from draw([Column("test", names), *columns], color=color, unicode=unicode)


def _names(
    found: Sequence[Mapping[tuple[str, str], SavedChange]], places: Sequence[tuple[str, str]], *, unicode: bool
) -> Iterator[str]:
    measurements = [next(one[place] for one in found if place in one).measurement for place in places]
    short = short_names([one.nodeid for one in measurements])
    for one in measurements:
        yield printable(measurement_id(short[one.nodeid], one.name), unicode=unicode)


def headings(names: Sequence[str], *, unicode: bool) -> Iterator[str]:
    """Yield a short heading for each file; files whose headings would be the same are numbered in their order."""
    found = [cut(printable(one, unicode=unicode), _LONGEST_FILE, unicode=unicode) for one in _distinct_parts(names)]
    is_clear = len(set(found)) == len(set(names))
    yield from found if is_clear else (f"{number}: {one}" for number, one in enumerate(found, 1))


def _distinct_parts(names: Sequence[str]) -> list[str]:
    """Return the names of files without the folders and the file name that all of them have in common.

    `runs/a/report.json` and `runs/b/report.json` become `a` and `b`. Names that all fit are left whole.
    """
    if all(len(one) <= _LONGEST_FILE for one in names):
        return list(names)
    parts = [PurePath(one).parts for one in names]
    if len(set(parts)) == 1:
        return list(names)
    first = _common(parts)
    last = _common([one[first:][::-1] for one in parts])
    if any(len(one) <= first + last for one in parts):  # the folder of a file is a part of the name of another
        last = 0
    kept = [one[first : len(one) - last] for one in parts]
    return [str(PurePath(*one)) if one else name for one, name in zip(kept, names, strict=True)]


def _common(parts: Sequence[Sequence[str]]) -> int:
    """Return the number of parts at the beginning that all names have in common."""
    shortest = min(map(len, parts))
    return next((at for at in range(shortest) if len({one[at] for one in parts}) > 1), shortest)


def _after(change: SavedChange) -> str:
    return _quantity(change.result.after, change.result.unit)


def _quantity(value: float | None, unit: str) -> str:
    return "" if value is None else quantity(value, unit)


def _change(change: SavedChange) -> str:
    """Return the change with its interval, or with its allowance, and `~` if the interval includes zero."""
    result = change.result
    why = f" ({allowed})" if (allowed := allowance_text(result)) else ""
    if result.ratio is None:
        return f"from none{why}" if result.after else "none"
    found = percent(result.ratio)
    if result.lower is None or result.upper is None:
        return f"{found}{why}"
    return f"{'~ ' if change.may_be_none else ''}{found} ({change_interval(result.lower, result.upper, result.ratio)})"


def _verdict(change: SavedChange) -> str:
    return change.result.verdict.value


def _notes(sides: Sides, *, color: bool) -> Iterator[str]:
    for name, result in zip(sides.names[1:], sides.results[1:], strict=True):
        if result == sides.results[0]:
            yield f"{name} is the same session as {sides.names[0]}: name the report of another session"
    everywhere = set.intersection(*({one.measurement.id for one in changes} for changes in sides.changes))
    for name, changes in zip(sides.names[1:], sides.changes, strict=True):
        times = [one for one in changes if one.result.metric == TIME.name and one.measurement.id in everywhere]
        if found_mean := mean_change(times):
            interval = change_interval(found_mean.lower, found_mean.upper, found_mean.ratio)
            change = f"{'~ ' if found_mean.may_be_none else ''}{percent(found_mean.ratio)} ({interval})"
            all_have = f"{counted(found_mean.number, 'time')} that all sessions have"
            yield f"{name}: {change} in the geometric mean of {all_have}"
        if found := sorted(one.smallest_found for one in changes if one.smallest_found is not None):
            middle = 1 + found[len(found) // 2]
            least, most = change_bounds(1 + found[0], 1 + found[-1], middle)
            spread = "" if least == most else f" (from {least} for the steadiest to {most})"
            yield f"{name}: a time would have had to change by {percent(middle)} to be called regressed{spread}"
        tally = [f"{sum(one.result.verdict is verdict for one in changes)} {verdict.value}" for verdict in _VERDICTS]
        text = f"{name}: {', '.join(tally)}, of {counted(len(changes), 'compared number')}"
        yield painted(text, RED if any(one.is_regressed for one in changes) else "", color=color)
    ids = [by_id(one).keys() for one in sides.results]
    for name, own in zip(sides.names, ids, strict=True):
        if lacking := sorted({one for other in ids for one in other} - own):
            yield f"{name} lacks {counted(len(lacking), 'measurement')}: {_some(lacking)}"
    for name, own, changes in zip(sides.names[1:], ids[1:], sides.changes, strict=True):
        if silent := sorted((ids[0] & own) - {one.measurement.id for one in changes}):
            number = counted(len(silent), "measurement")
            yield f"{name}: {number} of both reports not compared, without times, calls or memory: {_some(silent)}"
    yield from _other_tolerances(sides)
    yield from _explanations(sides)


def _other_tolerances(sides: Sides) -> Iterator[str]:
    """Yield which measurements of a session allow another slowdown than in the reference: the smaller holds."""
    before = by_id(sides.results[0])
    for name, result in zip(sides.names[1:], sides.results[1:], strict=True):
        after = by_id(result)
        allowed = {one: (before[one].max_regression, after[one].max_regression) for one in before if one in after}
        if found := [one for one, shares in allowed.items() if None not in shares and len({*shares}) > 1]:
            shares = " and ".join(f"{100 * (share or 0):.3g} %" for share in allowed[found[0]])
            others = f", and likewise for {_some(found[1:])}" if found[1:] else ""
            yield f"{sides.names[0]} and {name} allow {shares} for {_some(found[:1])}: the smaller holds{others}"


def _explanations(sides: Sides) -> Iterator[str]:
    """Yield what the marks and words of the table mean, and what would make the comparison more precise."""
    every = [one for changes in sides.changes for one in changes]
    if any(one.may_be_none for one in every) or any(
        one is not None and one.may_be_none for one in map(mean_change, sides.changes)
    ):
        yield "~: the 95 % interval includes no change (0 %)"
    if any(one.result.verdict is RegressionVerdict.UNDECIDED for one in every):
        yield "undecided: two sessions do not tell whether the time changed by more than is allowed"
    if weathered := list(dict.fromkeys(one.measurement.id for one in every if one.has_weather)):
        yield _weather_text(
            sides, weathered, of_all=all(one.has_weather for one in every if one.smallest_found is not None)
        )
    if any(one.smallest_found is not None for one in every):
        yield "For small changes there is pytest --perf-against, which times both commits in the same session."


def _weather_text(sides: Sides, ids: Sequence[str], *, of_all: bool) -> str:
    """Return what the times of some measurements, or of all, say less because they have the weather of their sessions.

    Args:
        sides: the sessions.
        ids: the measurements.
        of_all: whether all compared times are theirs.
    """
    apart = percent(math.exp(_SURE * math.sqrt(2) * sides.spread))
    spread = (
        f"unchanged code differs by up to {apart} in 95 % of pairs of sessions (--spread {100 * sides.spread:.3g}%)"
    )
    whose = "These times have" if of_all else f"The times of {_some(ids)} have"
    # In sessions that kept readings of the weather, these measurements have none because of the way they are measured.
    is_recorded = all(any(one.blocks is not None for one in result.measurements) for result in sides.results)
    remedy = (
        "These measurements have no readings of the weather, also with pytest --perf-comparable, so state with --spread"
        if is_recorded
        else "Record both sessions with pytest --perf-comparable, or state with --spread"
    )
    return f"{whose} the weather of their sessions: {spread}. {remedy} how steady this machine is."


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(printable(one, unicode=True) for one in ids[:_MOST_NAMED])
    return f"{shown} and {len(ids) - _MOST_NAMED:,} more" if len(ids) > _MOST_NAMED else shown


_VERDICTS: Final = (
    RegressionVerdict.REGRESSED,
    RegressionVerdict.IMPROVED,
    RegressionVerdict.UNCHANGED,
    RegressionVerdict.UNDECIDED,
)
_STYLES: Final = dict.fromkeys(RegressionVerdict, "") | {
    RegressionVerdict.REGRESSED: "bold red",
    RegressionVerdict.IMPROVED: "cyan",
    RegressionVerdict.UNCHANGED: "green",
    RegressionVerdict.UNDECIDED: "yellow",
}
_SURE: Final = 1.96
"""The quantile of the normal distribution for a two-sided interval of 95 %."""
