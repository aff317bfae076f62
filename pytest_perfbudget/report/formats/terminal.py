"""The table at the end of a session, drawn by rich into text."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pytest_perfbudget.baseline.update import LineUpdate, UpdateAction
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Measurement, RegressionVerdict
from pytest_perfbudget.report.changes import percent, update_rows
from pytest_perfbudget.report.view import is_near, left_out_text, quantity, share_text

_STYLES: Final = {
    BudgetVerdict.EXCEEDED: "bold red",
    BudgetVerdict.UNDECIDED: "yellow",
    BudgetVerdict.UNMEASURED: "magenta",
    BudgetVerdict.WITHIN: "green",
}
_Row = tuple[Measurement, BudgetResult | None]


def render_table(
    measurements: Sequence[Measurement],
    *,
    width: int,
    color: bool,
    unicode: bool,
    warn_at: float,
    most_calm: int | None,
) -> str:
    """Return the table of all budgets as text.

    Args:
        measurements: in the order they ran.
        width: columns of the terminal.
        color: whether to use ANSI colours.
        unicode: whether the output can show block characters; else ASCII.
        warn_at: the share of a budget from which it is shown as near its limit.
        most_calm: how many budgets that are well within are shown, the most used ones; None for all.
    """
    head = box.SIMPLE_HEAD if unicode else box.ASCII2
    table = Table(box=head, pad_edge=False, show_edge=False, collapse_padding=True)
    if any(measurement.component for measurement in measurements):
        table.add_column("component", overflow="fold")
        components = True
    else:
        components = False
    table.add_column("test", overflow="fold", ratio=1)
    table.add_column("metric", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("used", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    rows = [(one, judgement) for one in measurements for judgement in (*one.judgements, *_unjudged(one))]
    shown = rows if most_calm is None else _most_used(rows, warn_at, most_calm)
    names = short_names([measurement.nodeid for measurement, _ in shown])
    bar = Bar(cells=10 if width >= 100 else 4, unicode=unicode)
    for measurement, judgement in shown:
        name = f"{names[measurement.nodeid]} {measurement.name}".rstrip()
        cells = [Text(name), *_cells(measurement, judgement, bar=bar, warn_at=warn_at)]
        table.add_row(*([Text(measurement.component)] if components else []), *cells)
    lines = _lines(table, width=width, color=color)
    if not shown:
        lines = []
    if len(shown) < len(rows):
        lines.append(left_out_text(len(rows) - len(shown)))
    return "\n".join(lines) + "\n"


def _lines(table: Table, *, width: int, color: bool) -> list[str]:
    """Draw a table into lines."""
    sink = io.StringIO()
    console = Console(
        file=sink,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        legacy_windows=False,
        emoji=False,
    )
    console.print(table)
    return [line.rstrip() for line in sink.getvalue().splitlines()]


_STANDING_STYLES: Final = {
    RegressionVerdict.REGRESSED: "bold red",
    RegressionVerdict.WRONG_CODE: "bold red",
    RegressionVerdict.IMPROVED: "cyan",
    RegressionVerdict.UNCHANGED: "green",
}


def render_changes(
    measurements: Sequence[Measurement], *, width: int, color: bool, unicode: bool, all_rows: bool
) -> str:
    """Return the table of measurements against the baseline; empty if none of its rows tells anything.

    Args:
        measurements: in the order they ran.
        width: columns of the terminal.
        color: whether to use ANSI colours.
        unicode: whether the output can show lines; else ASCII.
        all_rows: whether to show what is unchanged or could not be told apart, too.
    """
    rows = [
        (one, change)
        for one in measurements
        for change in one.changes
        if change.ratio is not None
        and (all_rows or change.verdict in (RegressionVerdict.REGRESSED, RegressionVerdict.IMPROVED))
    ]
    if not rows:
        return ""
    table = Table(
        box=box.SIMPLE_HEAD if unicode else box.ASCII2, pad_edge=False, show_edge=False, collapse_padding=True
    )
    table.add_column("test", overflow="fold", ratio=1)
    before = rows[0][1].against or "baseline"
    for name in ("metric", before, "now", "change", "between", "verdict"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("metric", "verdict") else "right")
    names = short_names([one.nodeid for one, _ in rows])
    for one, change in rows:
        bounds = ""
        if change.lower is not None and change.upper is not None:
            bounds = f"{percent(change.lower)} .. {percent(change.upper)}"
        table.add_row(
            Text(f"{names[one.nodeid]} {one.name}".rstrip()),
            change.metric,
            quantity(change.before or 0, change.unit),
            quantity(change.after or 0, change.unit),
            percent(change.ratio or 1),
            bounds,
            Text(change.verdict.value, _STANDING_STYLES.get(change.verdict, "yellow")),
        )
    return "\n".join(_lines(table, width=width, color=color)) + "\n"


_FATE_STYLES: Final = {
    UpdateAction.REFUSED: "bold red",
    UpdateAction.ACCEPTED: "yellow",
    UpdateAction.NEW: "cyan",
    UpdateAction.FASTER: "green",
}


def render_revisions(revisions: Sequence[LineUpdate], *, width: int, color: bool, unicode: bool) -> str:
    """Return the table of what an update changes in the baseline; empty if it changes nothing."""
    changed = [one for one in revisions if one.action is not UpdateAction.UNCHANGED]
    if not changed:
        return ""
    table = Table(
        box=box.SIMPLE_HEAD if unicode else box.ASCII2, pad_edge=False, show_edge=False, collapse_padding=True
    )
    table.add_column("test", overflow="fold", ratio=1)
    for name in ("metric", "baseline", "now", "change", ""):
        table.add_column(name, no_wrap=True, justify="left" if name in ("metric", "") else "right")
    order = list(UpdateAction)
    names = short_names([one.key.test for one in changed])
    for one in sorted(changed, key=lambda one: order.index(one.action)):
        name = f"{names[one.key.test]} {one.key.name}".rstrip()
        for *row, action in update_rows(one):
            table.add_row(Text(name), *row, Text(action, _FATE_STYLES.get(one.action, "")))
    return "\n".join(_lines(table, width=width, color=color)) + "\n"


def _unjudged(measurement: Measurement) -> Iterator[None]:
    """Give a measurement without budget a row of its own."""
    if not measurement.judgements:
        yield None


def _most_used(rows: Sequence[_Row], warn_at: float, most_calm: int) -> list[_Row]:
    """Return all rows that are not well within, and the most used of the others, in their order."""
    calm = [row for row in rows if _is_calm(row[1], warn_at)]
    calm.sort(key=lambda row: (row[1].used if row[1] else None) or 0.0, reverse=True)
    left_out = {id(row) for row in calm[most_calm:]}
    return [row for row in rows if id(row) not in left_out]


def _is_calm(judgement: BudgetResult | None, warn_at: float) -> bool:
    return judgement is None or (judgement.verdict is BudgetVerdict.WITHIN and not is_near(judgement, warn_at))


def short_names(nodeids: Sequence[str]) -> dict[str, str]:
    """Return the shortest form of node ids that still tells them apart: without file, without folder, or whole.

    Failure texts and notes have them whole.
    """
    distinct = list(dict.fromkeys(nodeids))
    bare = [nodeid.partition("::")[2] or nodeid for nodeid in distinct]
    in_file = [
        f"{nodeid.partition('::')[0].rpartition('/')[2]}::{rest}" for nodeid, rest in zip(distinct, bare, strict=True)
    ]
    for names in (bare, in_file):
        if len(set(names)) == len(distinct):
            return dict(zip(distinct, names, strict=True))
    return {nodeid: nodeid for nodeid in distinct}


@dataclass(frozen=True)
class Bar:
    """Draws a share of a limit as a bar of so many cells, with the number behind it."""

    cells: int
    unicode: bool

    def draw(self, used: float) -> str:
        """Return the bar; it is full from 100 % on."""
        full, empty = ("█", "░") if self.unicode else ("#", ".")
        # A full bar is for a full budget: 97 % leaves a cell empty.
        filled = self.cells if used >= 1 else min(self.cells - 1, round(used * self.cells))
        return f"{full * filled}{empty * (self.cells - filled)} {share_text(used):>5}"


def _cells(
    measurement: Measurement, judgement: BudgetResult | None, *, bar: Bar, warn_at: float
) -> Iterator[Text | str]:
    if judgement is None:
        name = "median" if "median" in measurement.statistics else "mean"
        yield name
        yield quantity(measurement.statistics.get(name, 0.0), "ns")
        yield from ("", "", Text("no budget", "dim"))
        return
    yield judgement.metric
    yield "-" if judgement.estimate is None else quantity(judgement.estimate, judgement.unit)
    yield quantity(judgement.limit, judgement.unit)
    near = judgement.verdict is BudgetVerdict.WITHIN and is_near(judgement, warn_at)
    style = "yellow" if near else _STYLES[judgement.verdict]
    yield "" if judgement.used is None else Text(bar.draw(judgement.used), style)
    yield Text("near limit" if near else judgement.verdict.value, style)
