"""The comment on a pull request: the verdict in our own words, with names from outside in code spans only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_perfbudget.core.outcome import GateVerdict
from pytest_perfbudget.report.formats.markdown_text import code, fenced
from pytest_perfbudget.report.outcome import title

MARKER: Final = "<!-- pytest-perfbudget: the comment that each run replaces -->"
"""The first line of the comment, by which the next run finds the comment."""


def comment(
    verdict: GateVerdict,
    *,
    seconds: float | None,
    failures: Sequence[tuple[str, str]],
    loosened: Sequence[str],
    more: int,
    commit: str,
) -> str:
    """Return the comment as Markdown.

    Args:
        verdict: the verdict.
        seconds: the time until the verdict, in s; None if it is not known.
        failures: the findings that fail, each as the test and a sentence.
        loosened: the limits that the pull request loosens, a sentence for each.
        more: the number of failures that are left out.
        commit: the commit that was judged.
    """
    lines = [MARKER, f"### {title(verdict)}", "", fenced(verdict.reason), ""]
    if loosened:
        lines += ["Changes that weaken the gate:", "", *(f"- {code(one)}" for one in loosened), ""]
    if failures:
        lines += ["Failures:", "", *(f"- {code(test)}: {code(sentence)}" for test, sentence in failures), ""]
    if more:
        lines += [f"{more:,} more: see the page of the job.", ""]
    after = "" if seconds is None else f", after {seconds:.0f} s"
    return "\n".join([*lines, f"Commit {code(commit[:9])}{after}.", ""])
