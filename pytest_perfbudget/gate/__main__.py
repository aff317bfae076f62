"""The first step of the action, `python -m pytest_perfbudget.gate`: it needs Python and git, and nothing installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pytest_perfbudget.errors import PerfBudgetError
from pytest_perfbudget.gate.outputs import write_outputs, write_summary
from pytest_perfbudget.gate.preparation import prepare


def main() -> int:
    """Write `base` and `runs` for the later steps, and the verdict if no test needs to run; return the exit code."""
    environment = os.environ
    if environment.get("PERFBUDGET_GATE_SELF_TEST") == "true":  # compares the checkout with itself, slowed down
        write_outputs(environment, {"runs": "true"})
        return 0
    try:
        found = prepare(Path.cwd(), environment, environment.get("PERFBUDGET_GATE_BASE", ""))
    except PerfBudgetError as error:
        write_outputs(environment, {"verdict": "error"})
        sys.stdout.write(f"::error title=Performance: no verdict::{error}\n")
        return 2
    sys.stdout.write(f"base {found.base.commit}: {found.base.found_as}; {len(found.changed)} files changed\n")
    if reason := found.reason_to_skip:
        write_outputs(environment, {"base": found.base.commit, "runs": "false", "verdict": "passed"})
        # The names of files are the pull request's own words: in a code block they are no links and no mentions.
        write_summary(environment, f"# Performance: passed\n\n~~~text\n{reason}\n~~~\n")
        sys.stdout.write(f"{reason}\n")
    else:
        write_outputs(environment, {"base": found.base.commit, "runs": "true"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
