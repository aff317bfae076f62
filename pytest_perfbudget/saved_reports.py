"""The commands that work on saved JSON reports: rendering, comparing and merging."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pytest_perfbudget.atomic_write import is_written_directly, replace_text
from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.merge import MergeError, doubts, merge, with_findings, with_notes
from pytest_perfbudget.core.merged_findings import loosened, of_parts
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.readiness import Grade, readiness_of
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.saved_comparison import (
    SavedChange,
    compare_sessions,
    hidden_by_weather,
    is_same_session,
    unlike_loads,
)
from pytest_perfbudget.core.session_findings import find_missing
from pytest_perfbudget.core.session_spread import SPREAD
from pytest_perfbudget.core.units import parse_share
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.bars import shows_bars
from pytest_perfbudget.report.findings import worded
from pytest_perfbudget.report.formats import json
from pytest_perfbudget.report.formats.comparison import Sides, not_told_text, render_comparison
from pytest_perfbudget.report.formats.health import render_health
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.printable import printable, without_commands
from pytest_perfbudget.report.readiness import with_readiness
from pytest_perfbudget.report.session_verdict import failure_lines

_WIDTH: Final = 120
_NOT_TOLD: Final = 2
"""The exit code of a comparison whose reports cannot tell whether code became slower, as of every error."""
_SQLITE: Final = b"SQLite format 3\0"
"""The first bytes of a file of SQLite."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands `report`, `health`, `compare` and `merge`."""
    showing = commands.add_parser(
        "report",
        help="show a saved JSON report, or write it in other formats",
        description="Shows the result of a session that --perf-output wrote as JSON, or writes it in other formats.",
    )
    showing.add_argument("file", type=Path, metavar="REPORT.json")
    _add_output(showing, "write the result to this file, in the format of its suffix or in FORMAT; repeatable")
    showing.set_defaults(run=_report)
    rating = commands.add_parser(
        "health",
        help="show the health and the readiness of a saved JSON report",
        description="Shows the health of a session that --perf-output wrote as JSON, and whether the session is ready, "
        "with every reason.",
    )
    rating.add_argument("file", type=Path, nargs="?", default=Path("report.json"), metavar="REPORT.json")
    rating.add_argument(
        "--require", choices=("ready", "conditional"), help="end with exit code 1 if the session is less ready"
    )
    rating.set_defaults(run=_health)
    comparing = commands.add_parser(
        "compare",
        help="compare saved JSON reports with the first of them",
        description="Compares the sessions of two or more JSON reports with the first. Ends with exit code 1 if a "
        "number is worse by more than is allowed, credibly, and with exit code 2 if the reports cannot tell.",
    )
    comparing.add_argument("files", type=Path, nargs="+", metavar="REPORT.json")
    comparing.add_argument(
        "--force", action="store_true", help="compare sessions of different machines, and loads of different parameters"
    )
    comparing.add_argument(
        "--spread",
        type=_share,
        metavar="SHARE",
        help="by how much times of unchanged code differ from session to session on this machine, such as 2%%, where "
        "reports keep no times that are corrected for the weather "
        f"(default {100 * SPREAD:.0f}%%, as on shared virtual machines; such times that are undecided pass only with "
        "this option)",
    )
    comparing.set_defaults(run=_compare)
    merging = commands.add_parser(
        "merge",
        help="merge the JSON reports of sessions that each ran a part of the tests",
        description="Merges JSON reports and judges their comparisons again, with alpha shared among all tests. Ends "
        "with the exit code of a session of all tests: 1 if a test fails by that, or failed in its part otherwise.",
    )
    merging.add_argument("files", type=Path, nargs="+", metavar="REPORT.json")
    merging.add_argument(
        "--parts", type=int, metavar="N", help="the number of parts; with fewer or more reports nothing is merged"
    )
    _add_output(merging, "write the merged result to this file, in the format of its suffix or in FORMAT; repeatable")
    merging.set_defaults(run=_merge)


def _add_output(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        "-o", "--output", action="append", default=[], type=_output_file, metavar="[FORMAT:]PATH", help=text
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="without a file: show all rows of the table")


def _output_file(text: str) -> formats.OutputFile:
    try:
        return formats.output_file(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _share(text: str) -> float:
    try:
        return parse_share(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _report(options: argparse.Namespace) -> int:
    result = _read(options.file)
    _put_out(result, options.output, is_verbose=options.verbose)
    return 0


def _health(options: argparse.Namespace) -> int:
    if not options.file.exists():
        message = f"{options.file} does not exist: pytest --perf-output {options.file} writes it; or name another file"
        raise ReportError(message)
    result = _read(options.file)
    readiness = readiness_of(result)
    if readiness is None:
        message = f"{options.file} is of a session with --perf-gate=off, which measured nothing"
        raise ReportError(message)
    meets = options.require is None or readiness.grade.meets(Grade(options.require))
    _say(render_health(result, readiness, "" if meets else options.require, color=_has_color()))
    return 0 if meets else 1


def _compare(options: argparse.Namespace) -> int:
    first, *others = options.files
    if not others:
        message = f"compare needs at least two reports, found only {first}"
        raise ReportError(message)
    reference, results = _read(first), [_read(one) for one in others]
    if not options.force:
        for file, result in zip(others, results, strict=True):
            _check_alike(first, reference, file, result)
    spread = SPREAD if options.spread is None else options.spread
    try:
        changes = [compare_sessions(reference, one, spread) for one in results]
    except ValueError as error:
        message = f"{first} and {', '.join(map(str, others))}: {error}"
        raise ReportError(message) from None
    for file, found in zip(others, changes, strict=True):
        if not found:
            message = f"{first} and {file} have no number of the same test: nothing was compared"
            raise ReportError(message)
    is_told = [
        _tells([str(first), str(file)], [reference, result], found, is_stated=options.spread is not None)
        for file, result, found in zip(others, results, changes, strict=True)
    ]
    sides = Sides([str(one) for one in options.files], [reference, *results], changes, spread)
    unicode = shows_bars(sys.stdout.encoding)
    _say(render_comparison(sides, width=_width(), unicode=unicode, color=_has_color()))
    if any(one.is_regressed for found in changes for one in found):
        return 1
    return 0 if all(is_told) else _NOT_TOLD


def _tells(
    files: Sequence[str], sessions: Sequence[RunResult], changes: Sequence[SavedChange], *, is_stated: bool
) -> bool:
    """Return whether two sessions tell if times became slower, and say so if they do not.

    Args:
        files: the files of the two sessions.
        sessions: the two sessions.
        changes: the changes between them.
        is_stated: whether the user has stated how much times differ from session to session.
    """
    if is_same_session(*sessions):
        _warn(f"{files[0]} and {files[1]} are reports of the same session: any change between them is none")
        return True
    hidden = [] if is_stated else hidden_by_weather(changes)
    if hidden:
        _warn(f"error: {not_told_text(files[0], files[1], hidden)}")
    return not hidden


def _merge(options: argparse.Namespace) -> int:
    parts: dict[str, RunResult] = {}
    number = len(options.files)
    if options.parts is not None and number != options.parts:
        message = f"{counted(number, 'report')} found, but --parts={options.parts}: name the report of each part"
        raise ReportError(message)
    for file in options.files:
        if str(file) in parts:
            message = f"{file} is named twice"
            raise ReportError(message)
        parts[str(file)] = _read(file)
    try:
        merged = merge(parts)
    except MergeError as error:
        raise ReportError(str(error)) from None
    lines = [*doubts(parts, merged)]
    judged = with_readiness(replace(merged, findings=_findings(merged, list(parts.values()))))
    result = with_notes(with_findings(merged, judged.findings), lines)
    _put_out(result, options.output, is_verbose=options.verbose)
    if options.output and result.session.exit_status:
        _say("".join(f"{line}\n" for line in failure_lines(result)))
    for line in lines:
        _warn(line)
    return result.session.exit_status


def _findings(merged: RunResult, parts: Sequence[RunResult]) -> list[Finding]:
    """Return the findings on a merged result, by the policy of its parts."""
    session = merged.session
    policy = Policy(GateMode(session.gate), session.strict, session.warn_at)
    found = worded(find(merged.measurements, policy), alpha=session.alpha)
    is_baseline = not any(change.against for one in merged.measurements for change in one.changes)
    found += find_missing(merged.missing, policy, can_be_mended=is_baseline)
    is_compared = any(not change.verdict.is_unjudged for one in merged.measurements for change in one.changes)
    return [*loosened(parts), *found, *of_parts(parts, is_compared=is_compared)]


def _check_alike(first: Path, reference: RunResult, file: Path, result: RunResult) -> None:
    if reference.session.machine_key != result.session.machine_key:
        machines = [one.session.machine or "unknown" for one in (reference, result)]
        message = (
            f"{first} and {file} are of different machines, whose times say nothing about the code "
            f"({machines[0]}; {machines[1]}): --force compares them all the same"
        )
        raise ReportError(message)
    for name, before, after in unlike_loads(reference, result):
        message = (
            f"{first} and {file}: {name} is another load: {before or 'none'}; {after or 'none'}: "
            "--force compares them all the same"
        )
        raise ReportError(message)


def _read(file: Path) -> RunResult:
    try:
        data = file.read_bytes()
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}"
        raise ReportError(message) from None
    if data.startswith(_SQLITE):
        shows = f"perfbudget history --file={file} shows its sessions, and perfbudget dashboard {file} its service"
        message = f"{file} is no JSON report, but an SQLite file, as a history is: {shows}"
        raise ReportError(message)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        message = f"{file} is no JSON report: it is not in UTF-8"
        raise ReportError(message) from None
    return json.parse(text, str(file))


def _put_out(result: RunResult, files: Sequence[formats.OutputFile], *, is_verbose: bool) -> None:
    """Write the files; without a file, show the result as its session did."""
    if problem := formats.problem_of(files, Path()):
        message = f"--output: {problem}"
        raise ReportError(message)
    for output in files:
        name, path = output
        try:
            for file, text in formats.files(result, name, path):
                replace_text(file, text)
        except OSError as error:
            message = f"{path} cannot be written: {error.strerror}"
            raise ReportError(message) from None
        if not is_written_directly(path):  # in a pipe, a further line would be part of the result
            _say(f"{path}: {counted(len(result.measurements), 'measurement')}\n")
        if empty := formats.emptiness_of(result, output):
            _warn(empty)
    if not files:
        from pytest_perfbudget.report.formats.saved_session import (  # noqa: PLC0415 - rich, only if something is shown
            render_saved,
        )
        from pytest_perfbudget.report.formats.terminal import Layout  # noqa: PLC0415 - as above

        unicode = shows_bars(sys.stdout.encoding)
        layout = Layout(_width(), color=_has_color(), unicode=unicode, verbosity=int(is_verbose))
        _say(render_saved(result, layout) or "no measurement\n")


def _has_color() -> bool:
    """Return whether the standard output is a terminal that shows colours, and the user wants them (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _width() -> int:
    return shutil.get_terminal_size((_WIDTH, 0)).columns


def _warn(line: str) -> None:
    sys.stderr.write(f"perfbudget: {printable(line, unicode=False)}\n")


def _say(text: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(without_commands(text).encode(encoding, "replace").decode(encoding))
