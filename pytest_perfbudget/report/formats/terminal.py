"""The summary at the end of a session, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.finding import DRIFT, MISSING, NEAR_LIMIT, NOT_READY, NOT_UPDATED, Severity
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.readiness import readiness_of
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult, budget_tally, regression_tally
from pytest_perfbudget.core.span_gate import HOW_TO_RECORD
from pytest_perfbudget.report.bars import ascii_bars
from pytest_perfbudget.report.causes import cause_lines, cause_texts
from pytest_perfbudget.report.closing import (
    budgets_text,
    changes_text,
    health_text,
    improved_text,
    off_text,
    others_text,
)
from pytest_perfbudget.report.components import change_lines
from pytest_perfbudget.report.drift import fails_by_drift_text
from pytest_perfbudget.report.findings import by_severity, failure_text, note_lines
from pytest_perfbudget.report.formats.colors import GRADE_COLORS, GREEN, RED, YELLOW, health_color, painted
from pytest_perfbudget.report.formats.table import render_table, render_updates
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.readiness import readiness_text
from pytest_perfbudget.report.regressions import Typed
from pytest_perfbudget.report.session_verdict import ending_text, others_failed_text
from pytest_perfbudget.report.spans import lost_text, tree_lines, whole_of
from pytest_perfbudget.report.updates import update_lines

_MOST_SPANS: Final = 100
_TOLD_BELOW: Final = (NOT_UPDATED, NOT_READY)
"""The kinds of findings that the section about the update, and the line about readiness, tell."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The terminal that the text is for.

    Attributes:
        width: its columns.
        color: whether to use ANSI colours.
        unicode: whether it can show block characters and lines; else ASCII.
        verbosity: -1 with -q, 1 with -v.
        typed: returns a node id as it is to be typed where the session was started.
    """

    width: int = 120
    color: bool = False
    unicode: bool = True
    verbosity: int = 0
    typed: Typed = str


def render(result: RunResult, layout: Layout) -> str:
    """Return the section about budgets and comparisons; empty if there is nothing to say."""
    if result.session.gate == GateMode.OFF.value:
        return ""
    if not (result.measurements or result.missing or result.findings or result.session.not_run):
        return ""
    table = render_table(
        result.measurements,
        width=layout.width,
        color=layout.color,
        unicode=layout.unicode,
        policy=Policy(GateMode(result.session.gate), result.session.strict, result.session.warn_at),
        verbosity=layout.verbosity,
    )
    return "".join([table, *(f"{line}\n" for line in _lines(result, layout))])


def render_off(tests: int, because: str = "") -> str:
    """Return the text for a session whose gate is off; see `off_text`."""
    return f"{off_text(tests, because)}\n"


def _lines(result: RunResult, layout: Layout) -> Iterator[str]:
    failures = by_severity(result.findings, Severity.FAILURE)
    warnings = by_severity(result.findings, Severity.WARNING)
    # With --perf-gate=warn and with xfail no test fails, so no other text shows these findings.
    would_fail = [one for one in warnings if one.is_gated and one.belongs_to_test]
    causes = cause_texts(result.measurements, [*failures, *would_fail])
    yield from cause_lines(causes, with_all=layout.verbosity > 0, unicode=layout.unicode)
    if would_fail:
        yield colored("Would fail with the gate on:", YELLOW, layout)
        text = failure_text(would_fail, with_test=True)
        yield from (text if layout.unicode else ascii_bars(text)).splitlines()
    warnings = [one for one in warnings if not (one.is_gated and one.belongs_to_test)]
    # A failed test shows its findings itself.
    of_session = [one for one in failures if not (one.belongs_to_test or one.kind in _TOLD_BELOW)]
    yield from (colored(line, RED, layout) for line in note_lines(of_session))
    # The table says of a budget near its limit all there is to say.
    told = [one for one in warnings if one.kind != NEAR_LIMIT]
    yield from note_lines([*told, *by_severity(result.findings, Severity.NOTE)])
    yield from next(([one.remedy] for one in told if one.kind == DRIFT and one.remedy), [])
    for note in result.session.notes:
        yield colored(f"note: {note}", YELLOW, layout)
    yield from _closing(result, layout)
    if text := fails_by_drift_text(result.findings):  # beside pytest's own last line, which counts passed tests only
        yield colored(text, RED, layout)


def _closing(result: RunResult, layout: Layout) -> Iterator[str]:
    compared = result.compared_with
    if compared is not None:
        if compared.others:
            yield others_text(len(compared.others))
        changes = regression_tally(result.measurements, len(result.missing))
        is_red = bool(changes[RegressionVerdict.REGRESSED.value] or changes[RegressionVerdict.WRONG_CODE.value])
        text = changes_text(result, compared.against)
        yield colored(text, RED, layout) if is_red else text
        yield from filter(None, [improved_text(result)])
        if compared.remark:
            yield colored(compared.remark, YELLOW, layout)
    if any(one.kind == MISSING and one.is_failure for one in result.findings):
        text = "A missing measurement fails the session because of --perf-strict (or strict = true)."
        yield colored(text, RED, layout)
    if (health := result.health) is not None:
        yield colored(health_text(health), health_color(health), layout)
    if (readiness := readiness_of(result)) is not None:
        fails = any(one.kind == NOT_READY and one.is_failure for one in result.findings)
        text = readiness_text(readiness, result.session.require if fails else "")
        yield colored(text, RED if fails else GRADE_COLORS[readiness.grade], layout)
    for text in (ending_text(result.session), others_failed_text(result.session)):
        if text:
            yield colored(text, YELLOW, layout)
    budgets = budget_tally(result.measurements)
    measured = [one for one in result.measurements if not one.unmeasured]
    text = budgets_text(budgets, len(measured))
    is_exceeded = bool(budgets[BudgetVerdict.EXCEEDED.value])
    if is_exceeded and result.session.gate == GateMode.WARN.value:
        text += " (nothing fails: --perf-gate=warn)"
    is_whole = not (result.session.is_cut_short or result.session.other_failures)
    is_calm = is_whole and measured and sum(budgets.values()) == budgets[BudgetVerdict.WITHIN.value]
    yield colored(text, RED if is_exceeded else GREEN if is_calm else "", layout)


def render_spans(result: RunResult) -> str:
    """Return the section about the spans of each measurement, or about the reason why there are none."""
    found = []
    without = 0
    for one in result.measurements:
        if one.unmeasured or not (one.statistics or one.spans):
            continue
        lines = list(tree_lines(one.spans, whole_of(one), most=_MOST_SPANS)) if one.spans else []
        if one.spans is None and one.kind.why_no_spans:
            lines.append(f"no spans: {one.kind.why_no_spans}")
        if one.spans is not None and not one.spans.nodes:
            without += not one.spans.lost
            lines += [lost_text(one.spans, whole_of(one))] if one.spans.lost else []
        for change in one.changes:
            lines += change_lines(one, change, all_of_them=True)
        if lines:
            found += [one.id, *(f"  {line}" for line in lines)]
    if without:
        found.append(f"{counted(without, 'measurement')} without any span: {HOW_TO_RECORD}")
    return "".join(f"{printable(line, unicode=True)}\n" for line in found)  # a span may have any name


def render_update(result: RunResult, layout: Layout) -> str:
    """Return the section about an update of the baseline; empty if there was none."""
    if result.update is None:
        return ""
    table = render_updates(result.update.lines, width=layout.width, color=layout.color, unicode=layout.unicode)
    lines = [colored(f"not updated: {nodeid}: {why}", YELLOW, layout) for nodeid, why in result.update.kept_out.items()]
    lines += [f"not in the baseline: {nodeid}: {why}" for nodeid, why in result.update.left_out.items()]
    found = update_lines(result.update, layout.typed)
    lines += [colored(line, RED if result.update.problem else "", layout) for line in found]
    return "".join([table, *(f"{line}\n" for line in lines)])


def colored(text: str, code: str, layout: Layout) -> str:
    """Return a text in a colour, if the terminal shows colours; without a code, the text as it is."""
    return painted(text, code, color=layout.color)
