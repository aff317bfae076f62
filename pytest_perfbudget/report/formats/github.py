"""Annotations on GitHub: workflow commands, which GitHub shows at the lines of the tests in a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pytest_perfbudget.core.finding import KNOWN_TO_BE_WRONG, Finding
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.bars import is_bar
from pytest_perfbudget.report.findings import finding_words, without_repetition
from pytest_perfbudget.report.formats.repository_path import path_of
from pytest_perfbudget.report.printable import printable

MOST: Final = 10
"""The most annotations of a step that GitHub shows; it drops the others without a word."""


def commands(result: RunResult) -> list[str]:
    """Return a command for each finding that fails, or would fail if the gate were on; the last counts the others."""
    gated = list(without_repetition(one for one in result.findings if one.is_failure or one.is_gated))
    gated.sort(key=lambda one: (not one.is_failure, one.kind not in KNOWN_TO_BE_WRONG))
    shown = gated if len(gated) <= MOST else gated[: MOST - 1]
    found = [_command(one, result.session.folder) for one in shown]
    if left_out := gated[len(shown) :]:
        found.append(f"{_level(left_out)} title=performance::{len(left_out)} more, see the log")
    return found


def _command(finding: Finding, folder: str) -> str:
    properties = ",".join(f"{name}={_property(value)}" for name, value in _properties(finding, folder))
    evidence = [line for line in finding.evidence if not is_bar(line)]  # GitHub's letters have no common width
    message = "\n".join([finding.headline, *evidence, finding.remedy]).strip()
    return f"{_level([finding])} {properties}::{_message(message)}"


def _level(findings: Sequence[Finding]) -> str:
    return "::error" if any(one.is_failure for one in findings) else "::warning"


def _properties(finding: Finding, folder: str) -> Iterator[tuple[str, str]]:
    if path := path_of(finding, folder):
        yield "file", path
        if finding.line is not None:
            yield "line", str(finding.line)
    yield "title", printable(f"{finding_words(finding)}: {finding.id}".removesuffix(": "), unicode=True)


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
