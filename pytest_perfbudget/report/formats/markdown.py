"""The result of a session as Markdown, for a pull request or GitHub's page of a job.

A red session begins with what failed and what to do; facts about the session, evidence and tables follow.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pytest_perfbudget.core.finding import LOOSENED, NEAR_LIMIT, Finding, Severity
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.readiness import readiness_of
from pytest_perfbudget.core.run_result import RunResult, budget_tally
from pytest_perfbudget.report.causes import TITLE, cause_texts
from pytest_perfbudget.report.closing import (
    budgets_text,
    changes_text,
    folded_text,
    others_text,
    session_text,
    too_long_text,
)
from pytest_perfbudget.report.findings import by_severity, evidence_text, explained_kinds, note_lines, opening_of
from pytest_perfbudget.report.formats.markdown_cut import Entry, Section, cut
from pytest_perfbudget.report.formats.markdown_table import Line, columns_of, heading, lines_of, row
from pytest_perfbudget.report.formats.markdown_text import code, fenced
from pytest_perfbudget.report.formats.table_rows import assess
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.readiness import readiness_text
from pytest_perfbudget.report.remedies import remedies_of
from pytest_perfbudget.report.session_verdict import verdict_on
from pytest_perfbudget.report.spans import tree_lines, whole_of

MOST_BYTES: Final = 1_000_000
"""The most bytes of a text; GitHub refuses a summary of more than 1 MiB for a step."""

_MOST_NAMED: Final = 3
"""The most measurements that a remedy names."""

_MOST_OF_CAUSE: Final = 20
"""The most measurements that a cause of several failures names."""

_MOST_LISTED: Final = 10
"""The most failed tests that the list at the top names; the evidence below names all."""

_FOLD, _UNFOLD = "<details>", "</details>"


class _Rank(enum.IntEnum):
    """The order in which the parts of a text that is too long get their room."""

    VERDICT = 0
    LISTED = 1
    REMEDIES = 2
    FAILURES = 3
    LOOSENED = 4
    PRESSING_ROWS = 5
    NOTES = 6
    CALM_ROWS = 7
    SPANS = 8


def render(result: RunResult, most_bytes: int = MOST_BYTES) -> str:
    """Return the result as Markdown.

    A text of more than `most_bytes` loses the spans first, then the rows of tests that pass, then notes, then the
    evidence of failures, and the names of failed tests last.
    """
    sections = [
        *_verdict(result),
        *_loosened(result),
        *_causes(result),
        *_failures(result),
        *_facts(result),
        *_evidence(result),
        *_notes(result),
        *_table(result),
        *_spans(result),
    ]
    found = cut(sections, most_bytes)
    return found.text if found.is_whole else f"{found.text}\n**{too_long_text(found.shortened, found.left_out)}**\n"


def short(result: RunResult) -> str:
    """Return the verdict and its reason, in a few hundred bytes."""
    verdict = verdict_on(result)
    return f"\n\n## Performance: {verdict.outcome.value}\n\n{verdict.reason}\n"


def _verdict(result: RunResult) -> Iterator[Section]:
    verdict = verdict_on(result)
    reasons = "\n".join([verdict.reason, *verdict.remarks])
    yield _always(f"## Performance: {verdict.outcome.value}\n\n{reasons}\n")
    failed = [Entry(f"- {code(name)}") for name in verdict.failed]
    yield Section(failed, "Failed for other reasons:\n", "", "failed test", _Rank.FAILURES)


def _facts(result: RunResult) -> Iterator[Section]:
    """Yield the facts about the session; below failures they have a title, so that they seem no part of these."""
    compared = result.compared_with
    lines = [code(session_text(result.session))]
    if compared is not None:
        lines += [code(changes_text(result, compared.against)), code(compared.remark)]
        lines += [others_text(len(compared.others))] if compared.others else []
    measured = [one for one in result.measurements if not one.unmeasured]
    lines.append(budgets_text(budget_tally(result.measurements), len(measured)))
    readiness = readiness_of(result)
    lines += [code(readiness_text(readiness))] if readiness is not None else []
    title = "### Session\n\n" if any(found for _, found in _failing(result)) else ""
    yield _always(title + "".join(f"- {line}\n" for line in lines if line))


def _always(text: str) -> Section:
    return Section([Entry(text)], rank=_Rank.VERDICT)


def _loosened(result: RunResult) -> Iterator[Section]:
    """Yield the limits that a pull request loosens: a reviewer has to see them before any verdict by them."""
    lines = note_lines([one for one in result.findings if one.kind == LOOSENED])
    yield _listed("### Loosened limits\n", lines, _Rank.LOOSENED)


def _listed(title: str, lines: Iterable[str], rank: _Rank) -> Section:
    return Section([Entry(f"- {code(line)}") for line in lines], title, "", "note", rank)


def _failing(result: RunResult) -> list[tuple[str, list[Finding]]]:
    """Return the findings that fail, and those that would fail if the gate were on, each with their title."""
    would_fail = [one for one in result.findings if _would_fail(one)]
    return [("Failures", by_severity(result.findings, Severity.FAILURE)), ("Would fail", would_fail)]


def _causes(result: RunResult) -> Iterator[Section]:
    """Yield what several failures have in common, each cause with the first of its measurements."""
    failing = [one for _, found in _failing(result) for one in found]
    entries = []
    for one in cause_texts(result.measurements, failing):
        lines = [f"- {code(one.headline)}", *(f"    - {code(line)}" for line in one.evidence)]
        names = ", ".join(code(name) for name in one.ids[:_MOST_OF_CAUSE])
        more = f" and {len(one.ids) - _MOST_OF_CAUSE:,} more" if len(one.ids) > _MOST_OF_CAUSE else ""
        entries.append(Entry("\n".join([*lines, f"    - {names}{more}"]), lines[0]))
    yield Section(entries, f"### {TITLE}\n", "", "cause", _Rank.REMEDIES)


def _failures(result: RunResult) -> Iterator[Section]:
    """Yield what failed, a line for each test, and then what to do about it."""
    for title, found in _failing(result):
        of_tests = [one for one in found if one.belongs_to_test]
        of_session = [Entry(f"- {code(line)}") for line in note_lines(one for one in found if not one.belongs_to_test)]
        entries = [Entry(f"- {code(test)}: {_first_of(findings)}") for test, findings in _by_test(of_tests).items()]
        if len(entries) > _MOST_LISTED:
            left_out = len(entries) - _MOST_LISTED
            entries[_MOST_LISTED:] = [Entry(f"- and {counted(left_out, 'further test')}, with the evidence below")]
        yield Section(entries, f"### {title}\n", "", "", _Rank.LISTED)
        yield Section(of_session, "" if entries else f"### {title}\n", "", "finding", _Rank.FAILURES)
        yield _remedies(of_tests)


def _first_of(findings: Sequence[Finding]) -> str:
    """Return the first finding of a test in a sentence, and the number of the others."""
    first, *others = findings
    return code(opening_of(first)) + (f" (and {counted(len(others), 'further finding')})" if others else "")


def _evidence(result: RunResult) -> Iterator[Section]:
    """Yield the failed tests, each with the evidence of all its findings."""
    of_tests = [one for _, found in _failing(result) for one in found if one.belongs_to_test]
    entries = []
    for test, findings in _by_test(of_tests).items():
        short = f"- {code(test)}: {code(opening_of(findings[0]))}"
        entries.append(Entry(f"#### {code(test)}\n\n{fenced(evidence_text(findings))}\n", short, len(findings)))
    yield Section(entries, "### Evidence\n", None, "finding", _Rank.FAILURES)


def _remedies(findings: Sequence[Finding]) -> Section:
    """Return each remedy once, with the measurements that it is for if there are others, and the pages of the guide."""
    found = remedies_of(findings)
    entries = []
    for one in found:
        names = ", ".join(code(name) for name in one.names[:_MOST_NAMED]) if len(found) > 1 else ""
        more = f" and {len(one.names) - _MOST_NAMED:,} more" if len(one.names) > _MOST_NAMED else ""
        entries.append(Entry(f"- {code(one.text)}" + (f" For {names}{more}." if names else "")))
    guide = ", ".join(code(f"perfbudget guide {kind}") for kind in explained_kinds(findings))
    entries += [Entry(f"- What this means: {guide}")] if guide else []
    return Section(entries, "### What to do\n", "", "remedy", _Rank.REMEDIES)


def _by_test(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for one in findings:
        found.setdefault(one.test, []).append(one)
    return found


def _would_fail(finding: Finding) -> bool:
    return finding.severity is Severity.WARNING and finding.is_gated and finding.belongs_to_test


def _notes(result: RunResult) -> Iterator[Section]:
    # The table says of a budget near its limit all there is to say.
    warnings = by_severity(result.findings, Severity.WARNING)
    shown = [one for one in warnings if one.kind not in (NEAR_LIMIT, LOOSENED) and not _would_fail(one)]
    notes = [one for one in by_severity(result.findings, Severity.NOTE) if one.kind != LOOSENED]
    lines = [*note_lines([*shown, *notes])]
    lines += [f"note: {note}" for note in result.session.notes]
    yield _listed("### Notes\n", lines, _Rank.NOTES)


def _table(result: RunResult) -> Iterator[Section]:
    policy = Policy(GateMode(result.session.gate), result.session.strict, result.session.warn_at)
    lines = lines_of(assess(result.measurements, policy))
    pressing = [line for line in lines if line.is_pressing]
    calm = lines[len(pressing) :]
    failures = "What would fail" if policy.gate is GateMode.WARN else "Failures"
    yield _rows(pressing, f"### {failures} and warnings in numbers\n", "", _Rank.PRESSING_ROWS)
    summary = folded_text(Counter(line.verdict for line in calm))
    opening = f"{_FOLD}\n<summary>{summary}</summary>\n"
    yield _rows(calm, opening, f"\n{_UNFOLD}", _Rank.CALM_ROWS)


def _spans(result: RunResult) -> Iterator[Section]:
    """Yield the trees of spans, with what the time of each span went to, unless a failure has the tree."""
    told = {(one.id, line) for one in result.findings for line in one.evidence}
    trees = {one.id: list(tree_lines(one.spans, whole_of(one))) for one in result.measurements if one.spans}
    shown = {name: lines for name, lines in trees.items() if lines and (name, lines[0]) not in told}
    entries = [Entry(f"{code(name)}\n\n{fenced(chr(10).join(lines))}\n") for name, lines in shown.items()]
    title = f"Where the time goes, by span: {counted(len(entries), 'measurement')}"
    yield Section(entries, f"{_FOLD}\n<summary>{title}</summary>\n", _UNFOLD, "span tree", _Rank.SPANS)


def _rows(lines: Sequence[Line], opening: str, closing: str, rank: _Rank) -> Section:
    columns = columns_of(lines)
    rows = [Entry(row(line, columns)) for line in lines]
    return Section(rows, f"{opening}\n{heading(columns)}", closing, "row", rank)
