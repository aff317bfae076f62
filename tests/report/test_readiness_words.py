"""The words for the readiness of a session."""

from __future__ import annotations

from dataclasses import replace

import pytest
from results import budget, measurement

from pytest_perfbudget.core.readiness import Cause, Readiness, Reason
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.run_result import RunResult, SessionFacts
from pytest_perfbudget.report.formats import render
from pytest_perfbudget.report.formats.html.facts import place_facts
from pytest_perfbudget.report.formats.terminal import Layout
from pytest_perfbudget.report.formats.terminal import render as render_terminal
from pytest_perfbudget.report.readiness import readiness_text, reason_lines, with_readiness

UNDECIDED = RunResult(SessionFacts(), None, [measurement(budget(BudgetVerdict.UNDECIDED))])
LINE = "conditional: 1 number undecided (raise max_time)"


@pytest.mark.parametrize("cause", Cause)
def test_each_reason_has_words_for_places_or_for_the_whole_session(cause: Cause) -> None:
    is_whole = cause in (Cause.ENDED_EARLY, Cause.NOTHING_MEASURED, Cause.DRIFT_NOT_JUDGED, Cause.SESSION_FAILED)
    text = readiness_text(Readiness([Reason(cause, () if is_whole else ["a.py::test", "b.py::test"])]))
    assert text.startswith(f"{cause.grade.words}: ")
    assert is_whole or ": 2 " in text


def test_a_ready_session_is_a_word() -> None:
    assert readiness_text(Readiness()) == "ready"


def test_many_places_are_counted_and_none_can_break_a_line() -> None:
    names = ["a\nb", *(f"test_{number}" for number in range(7))]
    reason, first, *_, last = reason_lines(Reason(Cause.EXCEEDED, names))
    assert (reason, first, last) == ("8 budgets exceeded", "a\\nb", "and 3 more")


def test_the_terminal_has_a_line_about_it() -> None:
    assert LINE in render_terminal(UNDECIDED, Layout()).splitlines()


def test_a_session_that_fails_by_it_says_so_once() -> None:
    required = replace(UNDECIDED, session=SessionFacts(require="ready"))
    assert with_readiness(UNDECIDED) == UNDECIDED
    text = render_terminal(with_readiness(required), Layout())
    line = "conditional, but ready is required: 1 number undecided (raise max_time)"
    assert [one for one in text.splitlines() if "conditional" in one] == [line]
    assert with_readiness(replace(required, session=SessionFacts(require="conditional"))).findings == ()


def test_markdown_and_html_have_the_line() -> None:
    assert f"- `{LINE}`\n" in render(UNDECIDED, "md")
    assert dict(place_facts(UNDECIDED))["readiness"] == LINE
