"""A saved session as text for a terminal: what pytest printed of it, failures first and the verdict last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.bars import ascii_bars
from pytest_perfbudget.report.findings import closing_lines, evidence_text
from pytest_perfbudget.report.formats.terminal import Layout, render, render_update
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.session_verdict import verdict_on

_LEAST_RULE: Final = 3
"""The fewest signs on each side of a title."""


def render_saved(result: RunResult, layout: Layout) -> str:
    """Return the failures with their evidence, what to do, the table, the notes and the verdict; empty without any."""
    sections = {
        "failures": "".join(f"{line}\n" for line in _failure_lines(result, layout)),
        "performance budgets": render(result, layout),
        "performance baseline": render_update(result, layout),
    }
    found = {title: text for title, text in sections.items() if text}
    if not found:
        return ""
    parts = [f"{_ruled(title, '=', layout)}\n{text}" for title, text in found.items()]
    text = "".join([*parts, *(f"{line}\n" for line in _verdict_lines(result))])
    # Anybody may have written the file.
    return "\n".join(printable(line, unicode=layout.unicode) for line in text.split("\n"))


def _failure_lines(result: RunResult, layout: Layout) -> Iterator[str]:
    failures: dict[str, list[Finding]] = {}
    for one in result.findings:
        if one.is_failure and one.belongs_to_test:
            failures.setdefault(one.test, []).append(one)
    for test, found in failures.items():
        yield _ruled(printable(test, unicode=True), "_", layout)
        text = evidence_text(found)
        yield from (text if layout.unicode else ascii_bars(text)).splitlines()
    lines = closing_lines([one for found in failures.values() for one in found])
    if lines:
        yield _ruled("what to do", "_", layout)
        yield from lines


def _verdict_lines(result: RunResult) -> Iterator[str]:
    verdict = verdict_on(result)
    yield from (f"failed for other reasons: {printable(test, unicode=True)}" for test in verdict.failed)
    yield " ".join([f"{verdict.outcome.value}: {verdict.reason}", *verdict.remarks])


def _ruled(title: str, sign: str, layout: Layout) -> str:
    """Return a title between rules that reach over the whole width."""
    room = max(layout.width - len(title) - 2, 2 * _LEAST_RULE)
    return f"{sign * (room // 2)} {title} {sign * (room - room // 2)}"
