"""The first step of the action, `python -m pytest_perfbudget.gate`: it needs Python and git, and nothing installed.

With `--problem TEXT` it is the end of a later step that failed before there could be a verdict.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pytest_perfbudget.core.outcome import EXIT_CODES, GateVerdict, Outcome
from pytest_perfbudget.errors import PerfBudgetError
from pytest_perfbudget.gate.outputs import REPORTS, SELF_TEST, make_folder, write_outputs, write_summary
from pytest_perfbudget.gate.preparation import prepare
from pytest_perfbudget.gate.verdict_file import VERDICT_FILE, verdict_text
from pytest_perfbudget.report.outcome import outcome_command, outcome_heading


def main() -> int:
    """Write `base` and `runs` for the later steps, and the verdict if no test needs to run; return the exit code."""
    environment = os.environ
    if sys.argv[1:2] == ["--problem"]:
        return _end(GateVerdict(Outcome.ERROR, " ".join(sys.argv[2:])))
    if environment.get(SELF_TEST) == "true":  # compares the checkout with itself, slowed down
        write_outputs(environment, {"runs": "true"})
        return 0
    try:
        found = prepare(Path.cwd(), environment, environment.get("PERFBUDGET_GATE_BASE", ""))
    except PerfBudgetError as error:
        return _end(GateVerdict(Outcome.ERROR, str(error)))
    except Exception as error:  # noqa: BLE001 - whatever fails here is no verdict, and never exit code 1: a regression
        return _end(GateVerdict(Outcome.ERROR, f"The gate itself failed: {type(error).__name__}: {error}"))
    sys.stdout.write(f"base {found.base.commit}: {found.base.found_as}; {len(found.changed)} files changed\n")
    if reason := found.reason_to_skip:
        write_outputs(environment, {"base": found.base.commit, "runs": "false"})
        return _end(GateVerdict(Outcome.PASSED, reason))
    write_outputs(environment, {"base": found.base.commit, "runs": "true"})
    return 0


def _end(verdict: GateVerdict) -> int:
    """Write a verdict without a test, also for the comment on the pull request, and return its exit code."""
    write_outputs(os.environ, {"verdict": verdict.outcome.value})
    # The names of files are the pull request's own words: in a code block they are no links and no mentions.
    write_summary(os.environ, outcome_heading(verdict, 0))
    sys.stdout.write(f"{outcome_command(verdict)}\n")
    try:
        make_folder(Path(REPORTS))
        Path(REPORTS, VERDICT_FILE).write_text(verdict_text(verdict, None, 0), "utf-8")
    except (OSError, PerfBudgetError) as error:
        sys.stdout.write(f"the verdict cannot be written for a comment: {error}\n")
    return EXIT_CODES[verdict.outcome]


if __name__ == "__main__":
    sys.exit(main())
