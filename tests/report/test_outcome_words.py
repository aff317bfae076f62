"""The wording of the outcome of a pull request's gate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_perfbudget.core.outcome import GateVerdict, Outcome
from pytest_perfbudget.report.outcome import outcome_command, outcome_heading, outcome_line


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


def test_a_green_verdict_says_that_the_pull_request_loosens_limits() -> None:
    loose = GateVerdict(Outcome.PASSED, "Said.", loosened=2)
    assert outcome_line(loose, 3.1) == "Performance: passed, and loosens 2 limits after 3 s. Said."
    fewer = replace(loose, loosened=0, left_out=1)
    assert outcome_line(fewer, 3.1) == "Performance: passed, and leaves out 1 perf test (accepted) after 3 s. Said."
    assert outcome_command(fewer).startswith("::warning title=Performance%3A passed%2C and leaves out 1 perf test ")
    assert outcome_heading(loose, 3.1).startswith("# Performance: passed, and loosens 2 limits\n")
    assert outcome_command(loose) == "::warning title=Performance%3A passed%2C and loosens 2 limits::Said."
    assert outcome_command(GateVerdict(Outcome.PASSED, "Said.")) == "::notice title=Performance%3A passed::Said."
