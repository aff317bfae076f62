"""The result of a session as Markdown, for a pull request or GitHub's page of a job: failures first, then a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pytest_perfbudget.core.finding import LOOSENED, NEAR_LIMIT, Finding, Severity
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.run_result import RunResult, budget_tally, regression_tally
from pytest_perfbudget.report.closing import (
    budgets_text,
    changes_text,
    folded_text,
    others_text,
    session_text,
    too_long_text,
)
from pytest_perfbudget.report.findings import by_severity, failure_text, note_lines
from pytest_perfbudget.report.formats.markdown_table import Line, columns_of, heading, lines_of, row
from pytest_perfbudget.report.formats.markdown_text import code, fenced
from pytest_perfbudget.report.formats.table_rows import assess
from pytest_perfbudget.report.session_verdict import verdict_on

MOST_BYTES: Final = 1_000_000
"""The most bytes of a text; GitHub refuses a summary of more than 1 MiB for a step."""

_END: Final = 300
"""The bytes that the end of a cut text needs: the end of a folded table, and the line about the parts left out."""

_FOLD, _UNFOLD = "<details>", "</details>"


class _Block(NamedTuple):
    """A part of the text that is not cut, and the name of its kind for the count of parts that are left out."""

    text: str
    kind: str = ""


def render(result: RunResult, most_bytes: int = MOST_BYTES) -> str:
    """Return the result as Markdown; a text of more than `most_bytes` is cut after a failure, a note or a row."""
    blocks = [*_head(result), *_loosened(result), *_failures(result), *_notes(result), *_table(result)]
    kept, room = 0, most_bytes - _END
    while kept < len(blocks) and (room := room - len(blocks[kept].text.encode("utf-8", "backslashreplace")) - 1) >= 0:
        kept += 1
    text = "".join(f"{one.text}\n" for one in blocks[:kept])
    if kept == len(blocks):
        return text
    left_out = Counter(one.kind for one in blocks[kept:] if one.kind)
    if text.count(_FOLD) > text.count(_UNFOLD):
        text += f"\n{_UNFOLD}\n"
    return f"{text}\n**{too_long_text(left_out)}**\n"


def short(result: RunResult) -> str:
    """Return the verdict and its reason, in a few hundred bytes."""
    verdict = verdict_on(result)
    return f"\n\n## Performance: {verdict.outcome.value}\n\n{verdict.reason}\n"


def _head(result: RunResult) -> Iterator[_Block]:
    verdict = verdict_on(result)
    yield _Block(f"## Performance: {verdict.outcome.value}\n")
    yield _Block("\n".join([verdict.reason, *verdict.remarks]) + "\n")
    if verdict.failed:
        yield _Block("Failed for other reasons:\n\n" + "".join(f"- {code(name)}\n" for name in verdict.failed))
    compared = result.compared_with
    lines = [code(session_text(result.session))]
    if compared is not None:
        tally = regression_tally(result.measurements, len(result.missing))
        lines += [code(changes_text(tally, compared.against)), code(compared.remark)]
        lines += [others_text(len(compared.others))] if compared.others else []
    measured = [one for one in result.measurements if not one.unmeasured]
    lines.append(budgets_text(budget_tally(result.measurements), len(measured)))
    yield _Block("".join(f"- {line}\n" for line in lines if line))


def _loosened(result: RunResult) -> Iterator[_Block]:
    """Yield the limits that a pull request loosens: a reviewer has to see them before any verdict by them."""
    found = [one for one in result.findings if one.kind == LOOSENED]
    if found:
        yield _Block("### Loosened limits\n")
        for line in note_lines(found):
            yield _Block(f"- {code(line)}", "note")
        yield _Block("")


def _failures(result: RunResult) -> Iterator[_Block]:
    """Yield the findings that fail, and those that would fail if the gate were on, each with its evidence."""
    failures = by_severity(result.findings, Severity.FAILURE)
    would_fail = [one for one in result.findings if _would_fail(one)]
    for title, found in (("Failures", failures), ("Would fail", would_fail)):
        if found:
            yield _Block(f"### {title}\n")
        for test, findings in _by_test(found).items():
            named = f"#### {code(test)}\n\n" if test else ""
            yield _Block(f"{named}{fenced(_explained(findings))}\n", "finding")


def _explained(findings: Sequence[Finding]) -> str:
    own = [one for one in findings if one.belongs_to_test]
    text = failure_text(own) if own else ""
    others = list(note_lines([one for one in findings if not one.belongs_to_test]))
    return "\n".join([*([text] if text else []), *others])


def _by_test(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for one in findings:
        found.setdefault(one.test if one.belongs_to_test else "", []).append(one)
    return found


def _would_fail(finding: Finding) -> bool:
    return finding.severity is Severity.WARNING and finding.is_gated and finding.belongs_to_test


def _notes(result: RunResult) -> Iterator[_Block]:
    # The table says of a budget near its limit all there is to say.
    warnings = by_severity(result.findings, Severity.WARNING)
    shown = [one for one in warnings if one.kind not in (NEAR_LIMIT, LOOSENED) and not _would_fail(one)]
    lines = [*note_lines([*shown, *by_severity(result.findings, Severity.NOTE)])]
    lines += [f"note: {note}" for note in result.session.notes]
    if lines:
        yield _Block("### Notes\n")
        for line in lines:
            yield _Block(f"- {code(line)}", "note")
        yield _Block("")


def _table(result: RunResult) -> Iterator[_Block]:
    policy = Policy(GateMode(result.session.gate), result.session.strict, result.session.warn_at)
    lines = lines_of(assess(result.measurements, policy))
    pressing = [line for line in lines if line.is_pressing]
    calm = lines[len(pressing) :]
    if pressing:
        yield _Block("### Failures and warnings in numbers\n")
        yield from _rows(pressing)
    if calm:
        yield _Block(f"{_FOLD}\n<summary>{folded_text(Counter(line.verdict for line in calm))}</summary>\n")
        yield from _rows(calm)
        yield _Block(_UNFOLD)


def _rows(lines: Sequence[Line]) -> Iterator[_Block]:
    columns = columns_of(lines)
    yield _Block(heading(columns))
    for line in lines:
        yield _Block(row(line, columns), "row")
    yield _Block("")
