"""The wording of an update of the baseline."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_perfbudget.core.baseline_update import (
    UNCERTAIN,
    BaselineUpdate,
    UpdateAction,
    UpdatedNumber,
    UpdateSummary,
)
from pytest_perfbudget.core.metrics import METRICS, TIME, Direction
from pytest_perfbudget.report.numbers import percent, quantity
from pytest_perfbudget.report.regressions import UPDATE, Typed

_Row = tuple[str, str, str, str, str]

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
_OF_LOADS: Final[Mapping[UpdateAction, str]] = {
    UpdateAction.REFUSED: "other load (kept)",
    UpdateAction.ACCEPTED: "other load (accepted)",
    UpdateAction.NEW: "harder load",
}
"""The words for lines of loads whose parameters differ."""


def update_rows(update: BaselineUpdate) -> Iterator[_Row]:
    """Yield the cells for each number of a line: the metric, the old value, the new value, the change and the action.

    The parameters in which a load differs come first, each with a row.
    """
    for one in update.load:
        yield "load", one.before, one.after, "", _kept_or_accepted(one.effect.value, update.action)
    for number in update.numbers:
        yield _row(update, number)


def _row(update: BaselineUpdate, number: UpdatedNumber) -> _Row:
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
    counted = Counter((line.action, bool(line.load)) for line in update.lines)
    found = (
        f"{counted[action, is_load]:,} {_OF_LOADS.get(action, words) if is_load else words}"
        for action, words in ACTIONS.items()
        for is_load in (False, True)
        if counted[action, is_load]
    )
    yield f"{update.file}: {', '.join(found)}"
    if update.is_uncommitted:
        yield (
            "measured with changes that no commit has: commit them together with the baseline and without further "
            "changes, so that a later slowdown can be confirmed beside this code"
        )
    if uncertain := [line for line in update.lines if line.is_uncertain]:
        yield _uncertain_text(uncertain)
    if any(line.action is UpdateAction.UNDECIDED for line in update.lines):
        yield "undecided: looks slower, but its runs are too far apart: update again when the machine is calmer"
    refused = [line for line in update.lines if line.action is UpdateAction.REFUSED]
    for is_load, noun, why in ((False, "slower test", "it may be slower"), (True, "other load", "the load differs")):
        if tests := dict.fromkeys(line.test for line in refused if bool(line.load) is is_load):
            names = " ".join(shlex.quote(typed(nodeid)) for nodeid in tests)
            nouns = noun if len(tests) == 1 else f"{noun}s"
            yield f"to accept the {nouns}: {UPDATE} --perf-reason 'why {why}' {names}"


def _uncertain_text(lines: Sequence[BaselineUpdate]) -> str:
    """Return that new times differ much from process to process."""
    widest = max(lines, key=lambda one: one.told_without_pairs or 0.0)
    whose = "the least certain" if len(lines) > 1 else "the line"
    times = "the time of 1 new line differs" if len(lines) == 1 else f"the times of {len(lines):,} new lines differ"
    return (
        f"{times} by more than {100 * UNCERTAIN:.0f} % between processes (standard deviation; {widest.id}: "
        f"{100 * math.expm1(widest.spread or 0.0):.0f} %): {whose} alone tells slowdowns from "
        f"{100 * (widest.told_without_pairs or 0.0):.0f} % on, smaller ones only in pairs beside its commit. "
        "Update again when the machine is calmer"
    )


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
    return word if action is UpdateAction.IMPROVED else _kept_or_accepted(word, action)


def _kept_or_accepted(word: str, action: UpdateAction) -> str:
    return f"{word} ({'kept' if action is UpdateAction.REFUSED else 'accepted'})"
