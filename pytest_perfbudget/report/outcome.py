"""The wording of the outcome of a pull request's gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_perfbudget.core.outcome import GateVerdict, Outcome
from pytest_perfbudget.report.formats.markdown_text import fenced
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.printable import printable

TITLES: Final[Mapping[Outcome, str]] = {
    Outcome.PASSED: "passed",
    Outcome.REGRESSED: "slower than its base",
    Outcome.EXCEEDED: "over a budget",
    Outcome.WRONG_CODE: "not compared, because a process ran other code",
    Outcome.ERROR: "no verdict",
}
"""The title of each outcome, after `Performance: `."""


def title(verdict: GateVerdict) -> str:
    """Return the title of a verdict, which names what weakens the gate: a green verdict alone would hide that."""
    loosened = f", and loosens {counted(verdict.loosened, 'limit')}" if verdict.loosened else ""
    left_out = f", and leaves out {counted(verdict.left_out, 'perf test')} (accepted)" if verdict.left_out else ""
    return f"Performance: {TITLES[verdict.outcome]}{loosened}{left_out}"


def outcome_line(verdict: GateVerdict, seconds: float) -> str:
    """Return the outcome for a terminal, in one line."""
    reason = printable(verdict.reason, unicode=True)
    word = verdict.outcome.value
    code = "" if TITLES[verdict.outcome] == word else f" ({word})"
    return f"{title(verdict)}{code} after {seconds:.0f} s. {reason}"


def outcome_command(verdict: GateVerdict) -> str:
    """Return the command by which GitHub shows the outcome in the pull request.

    Only an error has a line of its own among the errors, of which GitHub shows ten: the others are findings of tests.
    """
    is_weaker = verdict.loosened or verdict.left_out
    level = "error" if verdict.outcome is Outcome.ERROR else "warning" if is_weaker else "notice"
    text = verdict.reason.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{level} title={title(verdict).replace(':', '%3A').replace(',', '%2C')}::{text}"


def outcome_heading(verdict: GateVerdict, seconds: float) -> str:
    """Return the outcome as the first lines of a page in Markdown."""
    return f"# {title(verdict)}\n\n{fenced(verdict.reason)}\n\nVerdict after {seconds:.0f} s.\n\n"
