"""The wording of an update of the baseline."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from pytest_perfbudget.core.baseline_update import BaselineUpdate, UpdateAction, UpdatedNumber, UpdateSummary
from pytest_perfbudget.core.metrics import METRICS, TIME, Direction
from pytest_perfbudget.report.numbers import percent, quantity
from pytest_perfbudget.report.regressions import UPDATE, Typed

ACTIONS: Final[Mapping[UpdateAction, str]] = {
    UpdateAction.REFUSED: "slower (kept)",
    UpdateAction.ACCEPTED: "slower (accepted)",
    UpdateAction.NEW: "new",
    UpdateAction.IMPROVED: "better",
    UpdateAction.MORE_PRECISE: "more precise",
    UpdateAction.REMOVED: "removed",
    UpdateAction.UNDECIDED: "undecided (kept)",
    UpdateAction.UNCHANGED: "unchanged",
}


def update_row(update: BaselineUpdate, number: UpdatedNumber) -> tuple[str, str, str, str, str]:
    """Return the cells for an updated number: the metric, the old value, the new value, the change and the action."""
    unit = METRICS[number.metric].unit if number.metric in METRICS else ""
    shown = ["" if one is None else quantity(one, unit) for one in (number.before, number.after)]
    change = "" if number.ratio is None else percent(number.ratio)
    return number.metric, shown[0], shown[1], change, _action(update.action, number)


def update_lines(update: UpdateSummary, typed: Typed = str) -> Iterator[str]:
    """Yield the outcome of an update, and the steps that are left to the user."""
    if update.problem:
        yield update.problem
        return
    if not update.lines:
        yield "no perf test was measured: the baseline is unchanged"
        return
    actions = Counter(line.action for line in update.lines)
    found = ", ".join(f"{actions[action]:,} {words}" for action, words in ACTIONS.items() if actions[action])
    yield f"{update.file}: {found}"
    if actions[UpdateAction.UNDECIDED]:
        yield "undecided: looks slower, but its runs are too far apart: update again when the machine is calmer"
    if actions[UpdateAction.REFUSED]:
        tests = dict.fromkeys(line.test for line in update.lines if line.action is UpdateAction.REFUSED)
        names = " ".join(shlex.quote(typed(nodeid)) for nodeid in tests)
        slower = "the slower test" if len(tests) == 1 else "the slower tests"
        yield f"to accept {slower}: {UPDATE} --perf-reason 'why it may be slower' {names}"


def _action(action: UpdateAction, number: UpdatedNumber) -> str:
    """Return the action on one number, because some numbers of a line that got slower may have got better."""
    if number.ratio is None or action not in (UpdateAction.REFUSED, UpdateAction.ACCEPTED, UpdateAction.IMPROVED):
        return ACTIONS[action]
    metric = METRICS.get(number.metric, TIME)
    is_worse = (number.ratio >= 1) is (metric.direction is Direction.LOWER)
    words = ("slower", "faster") if metric is TIME else ("more", "less")
    if metric.direction is Direction.HIGHER:
        words = ("less", "more")
    word = words[0 if is_worse else 1]
    kept = "kept" if action is UpdateAction.REFUSED else "accepted"
    return word if action is UpdateAction.IMPROVED else f"{word} ({kept})"
