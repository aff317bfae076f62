"""The columns of the terminal table, as many as a line has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from pytest_perfbudget.core.kinds import RATIO
from pytest_perfbudget.core.metrics import TIME, Direction, is_just_maximum
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.report.closing import MAXIMUM_MARK, UNSURE_MARK
from pytest_perfbudget.report.formats.table_layout import BLANK, Bar, Cell, Column, cut
from pytest_perfbudget.report.formats.table_rows import Row, Urgency
from pytest_perfbudget.report.numbers import quantity
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.regressions import allowance_text, ratio_text

_LONGEST_NAME: Final = 60
"""The most room for names. A longer name is cut even if there is room, because it would move the numbers of all rows
away from their names."""

_SHORTEST_NAME: Final = 8
"""The least room for names, which the heading needs, too."""

_LONGEST_COMPONENT: Final = 24

_STYLES: Final = {Urgency.FAILING: "bold red", Urgency.WARNING: "yellow", Urgency.NOTED: "cyan", Urgency.CALM: "green"}
_UNSURE: Final = (RegressionVerdict.CHANGED, RegressionVerdict.UNDECIDED, RegressionVerdict.UNCONFIRMED)


@dataclass(frozen=True)
class _Layout:
    """A choice of columns, which is taken if it leaves enough room for names."""

    names: int
    bar: int
    without: Sequence[str] = ()


_TIMES: Final = ("p50", "p95")
_CHANGE: Final = "time +/-"
"""The heading of the changes. Most are of the time, also in a row whose budget is on p95 or on memory."""

_LAYOUTS: Final = (
    _Layout(32, 10),
    _Layout(28, 10, _TIMES),
    _Layout(26, 4, _TIMES),
    _Layout(24, 0, _TIMES),
    _Layout(22, 0, (*_TIMES, "component")),
    _Layout(20, 0, (*_TIMES, "component", "limit")),
    _Layout(16, 0, (*_TIMES, "component", "limit", "measured")),
    _Layout(0, 0, (*_TIMES, "component", "limit", "measured", "metric")),
)
"""The layouts from the widest to the narrowest. Columns that the other columns can replace are left out first."""

_ORDER: Final = ("verdict", "component", "test", "metric", "measured", "limit", "used", "p50", "p95", _CHANGE)


def columns_of(
    rows: Sequence[Row], names: Mapping[str, str], *, width: int, unicode: bool, is_whole: bool
) -> list[Column]:
    """Return the columns from left to right; some may be blank.

    Args:
        rows: the rows from the first to the last.
        names: the names of the tests, by node id.
        width: the width of a line.
        unicode: whether the output can show more than ASCII.
        is_whole: whether long names are folded instead of cut.
    """
    texts = [_name(row, names, unicode=unicode) for row in rows]
    longest = max(_SHORTEST_NAME, *map(cell_len, texts))
    for layout in _LAYOUTS:
        columns = dict(_numbers(rows, layout, unicode=unicode))
        room = width - sum(one.width for one in columns.values())
        if room >= min(layout.names, longest):
            break
    room = max(min(room, longest if is_whole else _LONGEST_NAME), _SHORTEST_NAME)
    cells = [
        (text if is_whole else cut(text, room, unicode=unicode), "bold" if row.urgency is Urgency.FAILING else "")
        for text, row in zip(texts, rows, strict=True)
    ]
    columns["test"] = Column("test", cells, most=room)
    return [columns[name] for name in _ORDER if name in columns]


def _name(row: Row, names: Mapping[str, str], *, unicode: bool) -> str:
    if not row.is_first:
        return "  └" if unicode else "  +"
    name = f"{names[row.measurement.nodeid]} {row.measurement.name}".rstrip()
    return printable(name, unicode=unicode)


def _numbers(rows: Sequence[Row], layout: _Layout, *, unicode: bool) -> Iterator[tuple[str, Column]]:
    """Yield all columns of a layout except the names."""
    bar = Bar(layout.bar, unicode=unicode)
    has_times = "p50" not in layout.without
    columns: Mapping[str, tuple[Callable[[Row], Cell], bool]] = {
        "verdict": (_verdict, False),
        "component": (lambda row: _component(row, unicode=unicode), False),
        "metric": (lambda row: _metric(row, has_times=has_times, unicode=unicode), False),
        "measured": (lambda row: _measured(row, has_times=has_times), True),
        "limit": (_limit, True),
        "used": (lambda row: _used(row, bar), False),
        "p50": (_median, True),
        "p95": (lambda row: _time(row, "p95"), True),
        _CHANGE: (lambda row: _change(row, unicode=unicode), True),
    }
    for name, (cell, is_right) in columns.items():
        if name not in layout.without:
            cells = [cell(row) for row in rows]
            if not any(text.rstrip() == text != "" for text, _ in cells):
                cells = [(text.rstrip(), style) for text, style in cells]  # no cell needs room for a mark
            yield name, Column(name, cells, is_right)


def _verdict(row: Row) -> Cell:
    return row.verdict, _STYLES[row.urgency] if row.budget or row.change else "dim"


def _component(row: Row, *, unicode: bool) -> Cell:
    if not row.is_first:
        return BLANK
    return cut(printable(row.measurement.component, unicode=unicode), _LONGEST_COMPONENT, unicode=unicode), ""


def _metric(row: Row, *, has_times: bool, unicode: bool) -> Cell:
    if row.budget is not None:
        return printable(row.budget.result.label, unicode=unicode), ""
    if row.change is not None and row.change.is_pressing:
        return row.change.result.metric, ""
    return BLANK if has_times else (_central(row), "")


def _measured(row: Row, *, has_times: bool) -> Cell:
    if row.budget is not None:
        budget = row.budget.result
        if budget.estimate is None:
            return "- ", ""
        text = quantity(budget.estimate, budget.unit, beside=budget.limit)
        return _marked(text, budget.metric, budget.rounds, budget.span), ""
    if row.change is not None and row.change.is_pressing:
        change = row.change.result
        return BLANK if change.after is None else (f"{quantity(change.after, change.unit)} ", "")
    return BLANK if has_times else _time(row, _central(row))


def _central(row: Row) -> str:
    return next((name for name in ("median", "mean") if name in row.measurement.statistics), "")


def _limit(row: Row) -> Cell:
    if row.budget is None:
        return BLANK
    budget = row.budget.result
    return quantity(budget.limit, budget.unit, beside=budget.estimate), ""


def _used(row: Row, bar: Bar) -> Cell:
    if row.budget is None or row.budget.result.used is None:
        return BLANK
    return bar.draw(row.budget.result.used), _STYLES[row.budget.urgency]


def _median(row: Row) -> Cell:
    if row.measurement.iterations == 1 or row.measurement.kind is RATIO:
        return _time(row, "median")
    text, style = _time(row, "mean")
    return f"~{text}" if text else "", style


def _time(row: Row, statistic: str) -> Cell:
    value = row.measurement.shown_statistics.get(statistic)
    if value is None or not row.is_first:
        return BLANK
    return _marked(quantity(value, "ns"), statistic, row.measurement.rounds), ""


def _marked(text: str, metric: str, rounds: int, span: str = "") -> str:
    """Return a number with a mark if it is just the slowest round, else with the room of the mark."""
    return f"{text}{MAXIMUM_MARK if is_just_maximum(metric, rounds, span) else ' '}"


def _change(row: Row, *, unicode: bool) -> Cell:
    """Return the change with a mark after it, and with its metric before it unless the heading or the row names it."""
    if row.change is None:
        return BLANK
    change = row.change.result
    if not (text := ratio_text(change)):
        return BLANK
    metric = (
        "" if change.metric == TIME.name or (row.budget is None and row.change.is_pressing) else f"{change.metric} "
    )
    style = "" if row.change.urgency is Urgency.CALM else _STYLES[row.change.urgency]
    why = f" ({allowed})" if (allowed := allowance_text(change)) else ""
    return f"{metric}{text}{why} {_mark(change, unicode=unicode)}", style


def _mark(change: RegressionResult, *, unicode: bool) -> str:
    if change.verdict in _UNSURE:
        return UNSURE_MARK
    if not unicode or change.verdict not in (RegressionVerdict.REGRESSED, RegressionVerdict.IMPROVED):
        return " "
    is_up = (change.verdict is RegressionVerdict.REGRESSED) is (change.direction is Direction.LOWER)
    return "▲" if is_up else "▼"
