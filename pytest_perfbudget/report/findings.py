"""The texts of findings, the same for every output."""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_perfbudget.core.finding import (
    DOUBT,
    DRIFT,
    LOOSENED,
    NEAR_LIMIT,
    NOT_READY,
    NOT_RECORDED,
    NOTHING_COMPARED,
    Case,
    Finding,
    Severity,
)
from pytest_perfbudget.core.recommendations import is_of_memory
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.report import budgets, regressions
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.recommendations import recommendation_lines
from pytest_perfbudget.report.regressions import Typed
from pytest_perfbudget.report.remedies import named, remedy_lines

_SENTENCES: Final = ("exceeded", "regressed")
"""The kinds of findings whose headline needs no verdict before it."""

_WORDS: Final = {
    NEAR_LIMIT: "near its limit",
    DOUBT: "note",
    NOTHING_COMPARED: "nothing compared",
    NOT_RECORDED: "not recorded",
    NOT_READY: "readiness",
    LOOSENED: "this pull request loosens",
}
_LEFT_OUT: Final = "this pull request weakens its gate"
_TO_BE_SEEN: Final = "for the reviewer"
_EXPLAINED: Final = ("exceeded", "regressed", "wrong_code", "undecided", "unmeasured", "foreign", "new", "missing")
_MOST_NAMED: Final = 3
_CLEARED: Final = "looked slower here, but not when measured again; -v shows the numbers"


def worded(cases: Iterable[Case], *, alpha: float, typed: Typed = str, by_label: str = "") -> list[Finding]:
    """Return findings with their texts.

    Args:
        cases: the findings.
        alpha: the probability of a false `exceeded`.
        typed: a function that returns a node id as a user types it where the session was started.
        by_label: the way in which a reviewer accepts a raised limit, in words; empty if the limits of the base do not
            hold, so that a raised limit alone is a remedy.
    """
    cases = list(cases)
    exceeding = {one.finding.test for one in cases if one.finding.kind == BudgetVerdict.EXCEEDED.value}
    found = [_worded(case, alpha, typed, exceeding) for case in cases]
    return [_with_label(one, by_label) for one in found] if by_label else found


def failure_text(findings: Sequence[Finding], *, with_test: bool = False) -> str:
    """Return the text of failed tests: a paragraph for each finding, and then each remedy once.

    Args:
        findings: the findings that fail the tests.
        with_test: whether to name the test, if no text around this one does.
    """
    return "\n".join([evidence_text(findings, with_test=with_test), *closing_lines(findings)])


def evidence_text(findings: Sequence[Finding], *, with_test: bool = False) -> str:
    """Return the text of failed tests without remedies; for the arguments see `failure_text`.

    What two findings of a test have in common, such as the functions that are called more often, is told once.
    """
    found = without_repetition(findings)
    return "\n".join("\n  ".join([_opening(one, with_test=with_test), *one.evidence]) for one in found)


def closing_lines(findings: Sequence[Finding]) -> list[str]:
    """Return the lines at the end of the text of failed tests: each remedy once, and where the guide explains more."""
    return [*remedy_lines(findings), *guide_lines(findings)]


def guide_lines(findings: Sequence[Finding]) -> list[str]:
    """Return the line that names the pages of the guide on the findings, if there are any."""
    kinds = explained_kinds(findings)
    return ["What this means: " + ", ".join(f"perfbudget guide {kind}" for kind in kinds)] if kinds else []


def without_repetition(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings without evidence that an earlier finding of the same test has, except for the limit."""
    told: set[tuple[str, ...]] = set()
    for one in findings:
        parts = [part for part in evidence_parts(one.evidence) if (one.test, *part) not in told]
        told |= {(one.test, *part) for part in parts if not part[0].startswith("limit ")}
        yield replace(one, evidence=tuple(line for part in parts for line in part))


def evidence_parts(evidence: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the lines of evidence, each with the indented lines that belong to it."""
    found: list[tuple[str, ...]] = []
    for line in evidence:
        if line.startswith(" ") and found:
            found[-1] = (*found[-1], line)
        else:
            found.append((line,))
    return found


def kind_words(kind: str) -> str:
    """Return the kind of a finding in words."""
    return _WORDS.get(kind, kind)


def finding_words(finding: Finding) -> str:
    """Return the kind of a finding in words; a test that is left out is no limit that is loosened."""
    if finding.kind == DRIFT and finding.test:
        return "drift exceeded" if finding.is_failure or finding.is_gated else "drift warning"
    if finding.kind == LOOSENED and finding.severity is Severity.NOTE:
        return _TO_BE_SEEN
    return _LEFT_OUT if finding.kind == LOOSENED and not finding.is_of_limit else kind_words(finding.kind)


def explained_kinds(findings: Sequence[Finding]) -> list[str]:
    """Return the kinds of findings that a section of the guide explains."""
    return [kind for kind in _EXPLAINED if any(one.kind == kind for one in findings)]


@dataclass(frozen=True, slots=True)
class NoteGroup:
    """Findings with the same kind and headline.

    Attributes:
        kind: the kind in words.
        ids: the measurements that the findings are about; an empty id stands for the whole session.
        headline: the headline.
    """

    kind: str
    ids: Sequence[str]
    headline: str


def note_groups(findings: Iterable[Finding]) -> list[NoteGroup]:
    """Return the findings in groups of the same kind and headline."""
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for one in _without_repeated_reasons(_without_many_cleared(list(findings))):
        groups.setdefault((finding_words(one), one.headline), {})[one.id] = None
    return [NoteGroup(words, list(ids), headline) for (words, headline), ids in groups.items()]


def note_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield a line for each group of findings with the same kind and headline."""
    for group in note_groups(findings):
        about = f"{named(group.ids)}: " if any(group.ids) else ""  # a finding about the whole session names no test
        yield f"{group.kind}: {about}{group.headline}"


def _without_many_cleared(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Return the findings; if many suspects were cleared, with the same headline for all of those."""
    are_cleared = [
        one.kind == RegressionVerdict.UNCONFIRMED.value and regressions.is_cleared(one.headline) for one in findings
    ]
    if sum(are_cleared) <= _MOST_NAMED:
        return iter(findings)
    return (
        replace(one, headline=_CLEARED) if cleared else one for one, cleared in zip(findings, are_cleared, strict=True)
    )


def _without_repeated_reasons(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings; numbers of a measurement that are unmeasured for the same reason are one finding."""
    merged: dict[object, Finding] = {}
    for number, one in enumerate(findings):
        what, colon, reason = one.headline.partition(": ")
        key = (one.id, reason) if colon and one.kind == BudgetVerdict.UNMEASURED.value else number
        first = merged.setdefault(key, one)
        whats = first.headline.removesuffix(f": {reason}").split(", ")
        if first is not one and what not in whats:
            merged[key] = replace(first, headline=f"{', '.join([*whats, what])}: {reason}")
    yield from merged.values()


def headline_of(finding: Finding) -> str:
    """Return a finding in one sentence that names its test."""
    return _opening(finding, with_test=True)


def opening_of(finding: Finding) -> str:
    """Return a finding in one sentence that names its measurement, for a place that names its test."""
    return _opening(finding, with_test=False)


def by_severity(findings: Iterable[Finding], *severities: Severity) -> list[Finding]:
    """Return the findings of the given severities, in the order of the findings."""
    return [one for one in findings if one.severity in severities]


def _worded(case: Case, alpha: float, typed: Typed, exceeding: Container[str]) -> Finding:
    """Return a finding with its texts; names and messages from outside cannot break a line or steer the terminal."""
    found = _with_texts(case, alpha, typed, exceeding)
    lines = tuple(printable(line, unicode=True) for line in found.evidence)
    target = shlex.quote(typed(found.test))
    headline, remedy, target = (printable(text, unicode=True) for text in (found.headline, found.remedy, target))
    target = target if target in remedy else ""
    return replace(found, headline=headline, evidence=lines, remedy=remedy, remedy_target=target)


def _with_label(finding: Finding, by_label: str) -> Finding:
    """Return a finding whose remedy says that a reviewer has to accept a raised limit."""
    if finding.kind not in _SENTENCES:
        return finding
    raised = printable(
        f"In a pull request, a raised limit holds only if a reviewer accepts it {by_label}.", unicode=True
    )
    return replace(finding, remedy=f"{finding.remedy.rstrip('.')}. {raised}")


def _with_texts(case: Case, alpha: float, typed: Typed, exceeding: Container[str]) -> Finding:
    finding, result = case.finding, case.result
    if isinstance(result, BudgetResult):
        return replace(
            finding,
            headline=budgets.headline(case, result),
            evidence=(*budgets.evidence(case, result, alpha), *_advice(case, result)),
            remedy=budgets.remedy(result, is_failure=finding.is_failure),
        )
    if isinstance(result, RegressionResult):
        return replace(
            finding,
            headline=regressions.headline(case, result),
            evidence=(*regressions.evidence(case, result), *_advice(case, result)),
            remedy=regressions.remedy(case, result, typed=typed, is_exceeded=finding.test in exceeding),
        )
    remedy = "A test that measures nothing fails because of --perf-strict (or strict = true)."
    return replace(finding, headline=case.text, remedy=remedy if finding.is_failure else "")


def _advice(case: Case, result: BudgetResult | RegressionResult) -> Iterator[str]:
    """Yield what would help; of several findings of a measurement, all have the lines, which a text tells once."""
    if case.finding.kind not in _SENTENCES:
        return iter(())
    return recommendation_lines(case.measurement, for_memory=is_of_memory(result))


def _opening(finding: Finding, *, with_test: bool) -> str:
    name = printable(finding.id if with_test else finding.name, unicode=True)
    verdict = "" if finding.kind in _SENTENCES else f"{finding_words(finding)}: "
    return f"{name}: {verdict}{finding.headline}" if name else f"{verdict}{finding.headline}"
