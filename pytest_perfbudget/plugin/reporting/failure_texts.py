"""The texts of failed tests in the terminal: a remedy for several tests is told once, by the last of them.

Each report keeps its whole text until the terminal prints the failures, because JUnit files, other plugins and editors
show a test without the others.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any

import pytest

from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.report.findings import closing_lines, guide_lines
from pytest_perfbudget.report.remedies import Remedy, remedies_of


class FailureTexts:
    """The plugin that shortens the texts of failed tests before the terminal prints them.

    Args:
        findings: the findings of the session.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = findings

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
        """Shorten the texts; pytest's own hook, which is a wrapper as well, prints them."""
        tell_remedies_once(terminalreporter.stats.get("failed", ()), self._findings)
        yield


def tell_remedies_once(reports: Iterable[Any], findings: Iterable[Finding]) -> None:
    """Shorten the texts of failed tests, in the order in which the terminal prints them.

    Args:
        reports: the reports of the failed tests.
        findings: the findings of the session.
    """
    by_test: dict[str, list[Finding]] = {}
    for one in findings:
        if one.is_failure and one.belongs_to_test:
            by_test.setdefault(one.test, []).append(one)
    shown = [one for one in reports if _has_closing(one, by_test.get(one.nodeid, ()))]
    if len({one.nodeid for one in shown}) != len(shown) or len(shown) < 2:
        return
    places = {one.nodeid: at for at, one in enumerate(shown)}
    told = [finding for one in shown for finding in by_test[one.nodeid]]
    lines: dict[str, list[str]] = {}
    for remedy in remedies_of(told):
        last = max(remedy.tests, key=places.__getitem__)
        lines.setdefault(last, []).append(_line(remedy))
    guide = guide_lines(told)
    for report in shown:
        own = lines.get(report.nodeid, [])
        more = guide if report is shown[-1] else []
        closing = "\n".join(closing_lines(by_test[report.nodeid]))
        text = str(report.longrepr).replace(f"\n{closing}", "".join(f"\n{one}" for one in [*own, *more]))
        report.longrepr = _Text(text, getattr(report.longrepr, "reprcrash", None))


def _has_closing(report: Any, findings: Sequence[Finding]) -> bool:  # noqa: ANN401 - of pytest, or of a plugin
    return bool(findings) and "\n" + "\n".join(closing_lines(findings)) in str(report.longrepr)


def _line(remedy: Remedy) -> str:
    others = len(remedy.tests) - 1
    return f"For this test and {others:,} above: {remedy.text}" if others else remedy.text


class _Text:
    """The text of a failed test, as pytest prints it.

    Args:
        text: the text.
        reprcrash: the place and the message of the failure, for the short summary.
    """

    def __init__(self, text: str, reprcrash: Any) -> None:  # noqa: ANN401 - pytest's own value
        self._text = text
        self.reprcrash = reprcrash

    def __str__(self) -> str:
        return self._text

    def toterminal(self, tw: Any) -> None:  # noqa: ANN401 - pytest's writer
        """Print the text."""
        tw.line(self._text)
