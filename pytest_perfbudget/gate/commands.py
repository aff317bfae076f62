"""The command `perfbudget gate`: a verdict on the pull request that is checked out, as an exit code and as files.

The command prints, writes files and sets outputs; the decisions are made in `core.outcome` and `gate.preparation`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.atomic_write import replace_text
from pytest_perfbudget.core.loosening import ACCEPT_LABEL
from pytest_perfbudget.core.outcome import EXIT_CODES, GateVerdict, Outcome, classify
from pytest_perfbudget.core.planted_tests import planted_tests
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import ConfigError, PerfBudgetError
from pytest_perfbudget.gate.history import SHORT
from pytest_perfbudget.gate.outputs import REPORTS, SELF_TEST, make_folder, write_outputs, write_summary
from pytest_perfbudget.gate.preparation import Preparation, prepare
from pytest_perfbudget.gate.self_test import planted_slowdown, self_test_verdict
from pytest_perfbudget.gate.session import run_session
from pytest_perfbudget.gate.verdict_file import VERDICT_FILE, verdict_text
from pytest_perfbudget.git import git
from pytest_perfbudget.processes.interruption import interruptible
from pytest_perfbudget.report.formats import markdown
from pytest_perfbudget.report.outcome import outcome_command, outcome_heading, outcome_line
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.self_test import self_test_lines

ARGUMENTS: Final = "PERFBUDGET_GATE_ARGUMENTS"
"""The variable with further arguments of pytest in one text, in which quotes hold and nothing is run."""

_POLICIES: Final = ("base", "head")


@dataclass(frozen=True, slots=True)
class _Judged:
    """The verdict, with the result of the session; None if there is no result."""

    verdict: GateVerdict
    result: RunResult | None = None


def add_gate_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `gate`."""
    parser = commands.add_parser(
        "gate",
        help="judge the pull request that is checked out",
        description="Finds the base of the pull request that GitHub or GitLab runs for, runs the perf tests against "
        "it, and ends with the exit code of the verdict: 0 passed, 1 regressed, 2 error, 3 exceeded, 4 wrong_code. "
        "If nothing that runs has changed, no test is run.",
        epilog="Arguments after -- go to pytest: perfbudget gate -- tests/perf -k parser",
    )
    parser.add_argument("--base", default="", metavar="REF", help="compare with this commit; REF... as in git diff")
    parser.add_argument(
        "--policy",
        choices=_POLICIES,
        default="base",
        help="the side whose limits hold where the pull request loosens them (base)",
    )
    parser.add_argument(
        "--accept-label",
        default=ACCEPT_LABEL,
        metavar="LABEL",
        help="the label by which a reviewer accepts the pull request's own limits (%(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path(REPORTS), metavar="FOLDER", help="folder of the reports (%(default)s)"
    )
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="plant a slowdown in the checkout, and fail if the gate does not see it",
    )
    parser.add_argument("pytest", nargs="*", metavar="ARGUMENT", help="an argument of pytest")
    parser.set_defaults(run=_gate)


def _gate(options: argparse.Namespace) -> int:
    start_s = time.monotonic()
    is_self_test = options.self_test or os.environ.get(SELF_TEST) == "true"
    judge = _judge_itself if is_self_test else _judge
    try:
        make_folder(options.output)
        with interruptible():  # whatever ends the command, the checkout and the planted slowdown are removed
            judged = judge(options, [*_given_arguments(), *options.pytest])
    except PerfBudgetError as error:
        judged = _Judged(GateVerdict(Outcome.ERROR, str(error)))
    except Exception as error:  # noqa: BLE001 - whatever fails here is no verdict, and never exit code 1: a regression
        judged = _Judged(GateVerdict(Outcome.ERROR, f"The gate itself failed: {type(error).__name__}: {error}"))
    try:
        _report(judged, options.output, time.monotonic() - start_s)
    except OSError as error:
        sys.stderr.write(f"perfbudget gate: the verdict cannot be written: {error}\n")
        return max(EXIT_CODES[judged.verdict.outcome], EXIT_CODES[Outcome.ERROR])
    return EXIT_CODES[judged.verdict.outcome]


def _given_arguments() -> list[str]:
    try:
        return shlex.split(os.environ.get(ARGUMENTS, ""))
    except ValueError as error:
        message = f"{ARGUMENTS}: {error}"
        raise ConfigError(message) from None


def _judge(options: argparse.Namespace, arguments: Sequence[str]) -> _Judged:
    found = prepare(Path.cwd(), os.environ, options.base)
    write_outputs(os.environ, {"base": found.base.commit})
    sys.stdout.write(f"base {found.base.short}: {found.base.found_as}\n")
    if reason := found.reason_to_skip:
        return _Judged(GateVerdict(Outcome.PASSED, reason))
    policy = _policy(found, options)
    label = options.accept_label
    ended = run_session(Path.cwd(), found.base.short, options.output, arguments, policy=policy, label=label)
    verdict = classify(ended.result, ended.code, problem=ended.problem, is_accepted=policy == "head", label=label)
    return _Judged(verdict, ended.result)


def _judge_itself(options: argparse.Namespace, arguments: Sequence[str]) -> _Judged:
    folder = Path.cwd()
    base = git(folder, "rev-parse", "HEAD")
    with planted_slowdown(folder) as functions:
        label = options.accept_label
        ended = run_session(
            folder, base[:SHORT], options.output, arguments, policy="base", label=label, is_self_test=True
        )
    tests = planted_tests(ended.result.measurements if ended.result else ())
    sys.stdout.writelines(f"{printable(line, unicode=True)}\n" for line in self_test_lines(tests))
    return _Judged(self_test_verdict(classify(ended.result, ended.code, problem=ended.problem), tests, functions))


def _policy(found: Preparation, options: argparse.Namespace) -> str:
    request, label = found.request, options.accept_label
    if options.policy == "base" and request is not None and label in request.labels:
        if request.has_accepted(label):
            sys.stdout.write(f"the label {label} accepts the limits of the pull request\n")
            return "head"
        sys.stdout.write(f"the label {label} was given before this event: remove it and add it again to accept\n")
    return str(options.policy)


def _report(judged: _Judged, output: Path, seconds: float) -> None:
    verdict = judged.verdict
    write_outputs(os.environ, {"verdict": verdict.outcome.value, "reason": verdict.reason})
    replace_text(output / VERDICT_FILE, verdict_text(verdict, judged.result, seconds))
    page = outcome_heading(verdict, seconds)
    if judged.result is not None:
        page += markdown.render(judged.result, markdown.MOST_BYTES - len(page.encode()))
    write_summary(os.environ, page)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        sys.stdout.write(f"{outcome_command(verdict)}\n")
    sys.stdout.write(f"{outcome_line(verdict, seconds)}\n")
