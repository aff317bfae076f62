"""A saved session as text for a terminal: what pytest printed of it, failures first and the verdict last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.bars import ascii_bars
from pytest_perfbudget.report.findings import closing_lines, evidence_text
from pytest_perfbudget.report.formats.colors import GREEN, RED, YELLOW
from pytest_perfbudget.report.formats.terminal import Layout, colored, render, render_update
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.session_verdict import Outcome, verdict_on

_LEAST_RULE: Final = 3
"""The fewest signs on each side of a title."""

_COLORS: Final = {
    Outcome.FAILED: RED,
    Outcome.OTHERWISE: RED,
    Outcome.WARNED: YELLOW,
    Outcome.INCOMPLETE: YELLOW,
    Outcome.PASSED: GREEN,
}
_COLOR: Final = re.compile("(\033\\[[0-9;]*m)")
"""A colour of this package: no text of a saved session has an escape sequence any more where colours are added."""


def render_saved(result: RunResult, layout: Layout) -> str:
    """Return the failures with their evidence, what to do, the table, the notes and the verdict; empty without any."""
    # Anybody may have written the file.
    result = RunResult.from_dict(_shown(result.to_dict()))
    sections = {
        "failures": "".join(f"{line}\n" for line in _failure_lines(result, layout)),
        "performance budgets": render(result, layout),
        "performance baseline": render_update(result, layout),
    }
    found = {title: text for title, text in sections.items() if text}
    if not found:
        return ""
    parts = [f"{_ruled(title, '=', layout)}\n{text}" for title, text in found.items()]
    text = "".join([*parts, *(f"{line}\n" for line in _verdict_lines(result, layout))])
    return "\n".join(_fit(line, layout) for line in text.split("\n"))


def _shown(value: Any) -> Any:  # noqa: ANN401 - a value of a JSON document
    """Return a document whose texts send nothing to a terminal but lines."""
    if isinstance(value, dict):
        return {_shown(key): _shown(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(inner) for inner in value]
    return "\n".join(printable(line, unicode=True) for line in value.split("\n")) if isinstance(value, str) else value


def _fit(line: str, layout: Layout) -> str:
    """Return a line in the signs that the terminal can show, with its colours."""
    parts = _COLOR.split(line)
    return "".join(part if at % 2 else printable(part, unicode=layout.unicode) for at, part in enumerate(parts))


def _failure_lines(result: RunResult, layout: Layout) -> Iterator[str]:
    failures: dict[str, list[Finding]] = {}
    for one in result.findings:
        if one.is_failure and one.belongs_to_test:
            failures.setdefault(one.test, []).append(one)
    for test, found in failures.items():
        yield colored(_ruled(test, "_", layout), f"1;{RED}", layout)
        text = evidence_text(found)
        yield from (text if layout.unicode else ascii_bars(text)).splitlines()
    lines = closing_lines([one for found in failures.values() for one in found])
    if lines:
        yield _ruled("what to do", "_", layout)
        yield from lines


def _verdict_lines(result: RunResult, layout: Layout) -> Iterator[str]:
    verdict = verdict_on(result)
    yield from (f"failed for other reasons: {printable(test, unicode=True)}" for test in verdict.failed)
    text = " ".join([f"{verdict.outcome.value}: {verdict.reason}", *verdict.remarks])
    yield colored(text, _COLORS.get(verdict.outcome, ""), layout)


def _ruled(title: str, sign: str, layout: Layout) -> str:
    """Return a title between rules that reach over the whole width."""
    room = max(layout.width - len(title) - 2, 2 * _LEAST_RULE)
    return f"{sign * (room // 2)} {title} {sign * (room - room // 2)}"
