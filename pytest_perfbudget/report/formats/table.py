"""The tables of the terminal summary, as text."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Final

from pytest_perfbudget.core.baseline_update import BaselineUpdate, UpdateAction
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.report.closing import (
    MAXIMUM_MARK,
    UNSURE_MARK,
    fresh_text,
    further_limits_text,
    left_out_text,
    maximum_text,
    mean_text,
    unsure_text,
)
from pytest_perfbudget.report.formats.table_columns import columns_of
from pytest_perfbudget.report.formats.table_layout import Cell, Column, cut, draw, short_names
from pytest_perfbudget.report.formats.table_rows import Assessment, Urgency, assess
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.updates import update_rows

_MOST_ROWS: Final = 40
"""The most rows of the table without -v, unless more rows are pressing."""

_FEWEST: Final = 20
"""The fewest characters for the name of an updated test, even if a line becomes longer than the terminal is wide."""


def render_table(
    measurements: Sequence[Measurement],
    *,
    width: int,
    color: bool,
    unicode: bool,
    policy: Policy,
    verbosity: int,
) -> str:
    """Return the table of all measurements as text, with notes below about the parts that are left out.

    Args:
        measurements: the measurements in the order in which they ran.
        width: the columns of the terminal.
        color: whether to use ANSI colours.
        unicode: whether the output can show block characters; otherwise the text is ASCII.
        policy: the policy of the user.
        verbosity: below 0 shows failures and warnings only, 0 as many rows as `_MOST_ROWS` allows, above 0 all rows.
    """
    found = assess(measurements, policy)
    shown = _shown(found, verbosity)
    lines: list[str] = []
    notes: list[str] = []
    if rows := [row for one in found[:shown] for row in one.rows()]:
        names = short_names([one.nodeid for one in measurements])
        columns = columns_of(rows, names, width=width, unicode=unicode, is_whole=verbosity > 0)
        lines += draw(columns, color=color, unicode=unicode)
        if any(text.startswith("~") for column in columns if column.heading == "p50" for text, _ in column.cells):
            notes.append(mean_text())
        if any(text.endswith(MAXIMUM_MARK) for column in columns if column.is_right for text, _ in column.cells):
            notes.append(maximum_text())
        if any(text.endswith(UNSURE_MARK) for column in columns if column.is_right for text, _ in column.cells):
            notes.append(unsure_text())
        headings = {column.heading for column in columns}
        is_fresh = any(row.change and row.change.is_pressing and row.change.result.runs for row in rows)
        if is_fresh and headings >= {"measured", "p50"}:
            notes.append(fresh_text())
    if left_out := Counter(one.verdict for one in found[shown:]):
        notes.append(left_out_text(left_out))
    if verbosity >= 0 and (further := [budget for one in found for budget in one.further()]):
        notes.append(further_limits_text(further))
    for note in notes:
        lines += textwrap.wrap(note, width, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def _shown(found: Sequence[Assessment], verbosity: int) -> int:
    """Return the number of measurements shown: all that are pressing, which come first, and others if there is room."""
    if verbosity > 0:
        return len(found)
    pressing = [one for one in found if one.urgency <= Urgency.WARNING]
    others = max(0, _MOST_ROWS - sum(len(one.rows()) for one in pressing)) if verbosity == 0 else 0
    return min(len(found), len(pressing) + others)


_ACTION_STYLES: Final = {
    UpdateAction.REFUSED: "bold red",
    UpdateAction.ACCEPTED: "yellow",
    UpdateAction.NEW: "cyan",
    UpdateAction.IMPROVED: "green",
}


def render_updates(updates: Sequence[BaselineUpdate], *, width: int, color: bool, unicode: bool) -> str:
    """Return the table of the changes that an update makes to the baseline; empty if there is no change."""
    order = list(UpdateAction)
    changed = [one for one in updates if one.action is not UpdateAction.UNCHANGED]
    changed.sort(key=lambda one: order.index(one.action))
    rows = [(one, row) for one in changed for row in update_rows(one)]
    if not rows:
        return ""
    columns = [
        Column(heading, [(numbers[place], "") for _, numbers in rows], is_right=place > 0)
        for place, heading in enumerate(("metric", "baseline", "now", "change"))
    ]
    actions = Column("", [(numbers[-1], _ACTION_STYLES.get(one.action, "")) for one, numbers in rows])
    room = max(_FEWEST, width - sum(column.width for column in (*columns, actions)))
    short = short_names([one.test for one in changed])
    whole = [printable(f"{short[one.test]} {one.name}".rstrip(), unicode=unicode) for one, _ in rows]
    names: list[Cell] = [(cut(name, room, unicode=unicode), "") for name in whole]
    return "\n".join(draw([Column("test", names), *columns, actions], color=color, unicode=unicode)) + "\n"
