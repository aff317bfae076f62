"""The wording of the outcome of a pull request's gate."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.outcome import GateVerdict, Outcome
from pytest_perfbudget.report.outcome import outcome_line


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Outcome.PASSED, "Performance: passed after 3 s. Said."),
        (Outcome.REGRESSED, "Performance: slower than its base (regressed) after 3 s. Said."),
        (Outcome.ERROR, "Performance: no verdict (error) after 3 s. Said."),
    ],
)
def test_the_last_line_has_each_word_once(outcome: Outcome, line: str) -> None:
    assert outcome_line(GateVerdict(outcome, "Said."), 3.1) == line
