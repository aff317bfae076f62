"""The `perfbudget` command."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pytest_perfbudget import guide
from pytest_perfbudget.atomic_write import replace_text
from pytest_perfbudget.baseline.from_pytest_benchmark import imported, seed_file
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.bisection.command import add_bisect_command
from pytest_perfbudget.config import load_settings
from pytest_perfbudget.core.units import parse_share
from pytest_perfbudget.doctor.findings import Findings
from pytest_perfbudget.doctor.trial import BaselineTrial, DuetTrial, Trial
from pytest_perfbudget.doctor.workloads import WORKLOADS
from pytest_perfbudget.errors import PerfBudgetError
from pytest_perfbudget.gate.commands import add_gate_command
from pytest_perfbudget.history_command import add_history_command
from pytest_perfbudget.init.command import add_command as add_init
from pytest_perfbudget.paths import project_root
from pytest_perfbudget.report.doctor import doctor_text
from pytest_perfbudget.saved_reports import add_commands

SLOWDOWNS = (0.02, 0.05, 0.1, 0.2)
DUET_SLOWDOWNS = (0.02, 0.03, 0.05, 0.1)
_SESSIONS_PER_BASELINE = 5
_QUICK_RUNS = 5
_LAST_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    The code is 1 if the doctor finds that the gate cannot fire, or saved reports show a regression or a failed test; 2
    after an error, and 130 after an interruption.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except PerfBudgetError as error:
        sys.stderr.write(f"perfbudget: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("perfbudget: interrupted\n")
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="perfbudget", description="Performance budgets and baselines.")
    parser.set_defaults(run=lambda _: _usage(parser))
    commands = parser.add_subparsers(metavar="COMMAND")
    doctor = commands.add_parser(
        "doctor",
        help="show how noisy this machine is and what the gate catches on it",
        description="Runs the gate over two dozen workloads, as they are and slowed down, and counts what it says. "
        "Let nothing else run meanwhile.",
    )
    doctor.add_argument("--quick", action="store_true", help="a look of about two minutes, too short for rates")
    doctor.add_argument("--sessions", type=_positive, default=3, metavar="N", help="clean and slowed sessions each (3)")
    doctor.add_argument("--max-regression", type=_share, metavar="SHARE", help="such as 2%%; default 5%%")
    doctor.add_argument(
        "--against", action="store_true", help="judge --perf-against, the duet with a commit, instead of a baseline"
    )
    doctor.add_argument("--output", type=Path, metavar="PATH", help="write all findings to this JSON file")
    doctor.set_defaults(run=_doctor)
    importing = commands.add_parser(
        "import-benchmark",
        help="seed a baseline from a file of pytest-benchmark's",
        description="Adds the medians of a file that --benchmark-json or --benchmark-save wrote to the baseline of the "
        "project in this folder. They are not corrected for weather: until the first --perf-update-baseline only "
        "slowdowns of several times show.",
    )
    importing.add_argument("file", type=Path, metavar="FILE.json")
    importing.set_defaults(run=_import)
    add_init(commands)
    add_commands(commands)
    add_gate_command(commands)
    add_history_command(commands)
    add_bisect_command(commands)
    reading = commands.add_parser(
        "guide",
        help="show a page of the guide",
        description="Shows a page of the guide, or its section about a verdict or a term. Without a topic it lists the "
        "pages.",
    )
    reading.add_argument("topic", nargs="*", metavar="TOPIC", help="a page, a verdict or a term, such as regressed")
    reading.set_defaults(run=_guide)
    watching = commands.add_parser(
        "dashboard",
        help="show a service, running or by its history: health, throughput, percentiles, alerts, errors",
        description="Shows the numbers of a service whose application has the monitor's middleware, or the last hour "
        "and day that its monitor wrote to a history, until Ctrl+C.",
    )
    watching.add_argument(
        "service",
        nargs="?",
        default="",
        metavar="URL|PATH.db",
        help="the address of the service, such as http://127.0.0.1:8000, or a history; default: that of pyproject.toml",
    )
    how = watching.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="print the present numbers and exit")
    how.add_argument("--serve", type=_port, metavar="PORT", help="serve a page for a browser on this machine")
    watching.set_defaults(run=_dashboard)
    return parser


def _usage(parser: argparse.ArgumentParser) -> int:
    """Show the commands to a user who has named none."""
    parser.print_help(sys.stderr)
    return 2


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"expected a whole number from 1, found {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        message = f"expected a port from 0 to {_LAST_PORT}, found {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _share(text: str) -> str:
    try:
        parse_share(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text.strip()


def _doctor(options: argparse.Namespace) -> int:
    findings = Findings()
    sessions = 1 if options.quick else options.sessions
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perfbudget-doctor-") as folder:
        kind: type[Trial] = DuetTrial if options.against else BaselineTrial
        trial = kind(
            Path(folder), max_regression=options.max_regression or "", baseline_runs=_QUICK_RUNS if options.quick else 0
        )
        for number in range(sessions):
            if number % _SESSIONS_PER_BASELINE == 0:
                _say("making what is compared with", start_s)
                if (elapsed_s := trial.prepare()) is not None:
                    findings.update_s.append(elapsed_s)
            _say(f"clean session {number + 1} of {sessions}", start_s)
            findings.clean.append(trial.session({}))
            _say(f"slowed session {number + 1} of {sessions}", start_s)
            findings.slowed.append(trial.session(_slowdowns(number, options)))
            if options.output is not None:  # after each session, so that an interrupted run leaves its findings
                _write(findings, options.output)
    sys.stdout.write(doctor_text(findings, str(this_machine()), time.monotonic() - start_s))
    return 0 if findings.can_fire() else 1


def _import(options: argparse.Namespace) -> int:
    root = project_root(Path.cwd())
    settings = load_settings(root / "pyproject.toml")
    seed = imported(options.file)
    file = root / settings.baseline
    added = seed_file(file, seed)
    (machine,) = seed.machines.values()
    sys.stdout.write(f"{file}: {added} of {len(seed.lines)} benchmarks added, of {machine}\n")
    if machine != this_machine():
        sys.stdout.write(f"this machine is another one, their times are not judged here: {this_machine()}\n")
    return 0


def _guide(options: argparse.Namespace) -> int:
    text = guide.find(" ".join(options.topic)) if options.topic else guide.overview()
    if sys.stdout.isatty():
        from pytest_perfbudget.report.guide import render_guide  # noqa: PLC0415 - rich, only for a terminal

        width = shutil.get_terminal_size().columns
        text = render_guide(text, width=width, color="NO_COLOR" not in os.environ)
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding).rstrip("\n") + "\n")
    return 0


def _dashboard(options: argparse.Namespace) -> int:
    from pytest_perfbudget.monitor.command import run  # noqa: PLC0415 - rich, only for this command

    return run(options)


def _slowdowns(session: int, options: argparse.Namespace) -> dict[str, float]:
    """Return the slowdown of each workload, as a share; in the next session each workload gets a different share.

    A quick look slows down every eighth workload only.
    """
    if options.quick:
        return dict(zip(list(WORKLOADS)[::8], (0.1, 0.2, 0.2), strict=True))
    shares = DUET_SLOWDOWNS if options.against else SLOWDOWNS
    return {name: shares[(at + session) % len(shares)] for at, name in enumerate(WORKLOADS)}


def _write(findings: Findings, path: Path) -> None:
    try:
        replace_text(path, json.dumps({"machine": this_machine().to_dict(), **findings.to_dict()}, indent=1) + "\n")
    except OSError as error:
        message = f"--output: {path} cannot be written: {error.strerror}"
        raise PerfBudgetError(message) from error


def _say(what: str, start_s: float) -> None:
    sys.stderr.write(f"{time.monotonic() - start_s:5.0f} s  {what}\n")
    sys.stderr.flush()
