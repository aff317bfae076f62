"""The command line options and the marker's description; imported by every pytest session."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pytest_perfbudget.report.formats import OutputFile

MARKER: Final = (
    "perf_budget(name=None, /, *, component=None, max_time=None, **limits): repeat and time the test, or judge what "
    "its perf or benchmark fixture timed, and fail it when a limit such as p95_ms=50 is exceeded"
)


def add_options(parser: pytest.Parser) -> None:
    """Add the `--perf-*` options."""
    group = parser.getgroup("perfbudget", "performance budgets")
    group.addoption("--perf-only", action="store_true", help="run perf tests only")
    group.addoption("--perf-skip", action="store_true", help="leave perf tests out")
    group.addoption(
        "--perf-gate",
        choices=("fail", "warn", "off"),
        default="fail",
        help="fail: an exceeded budget fails its test (default); warn: it is only reported; "
        "off: run each body once, untimed",
    )
    group.addoption(
        "--perf-strict",
        action="store_true",
        help="fail tests whose budgets could not be judged, too: undecided, unmeasured",
    )
    group.addoption(
        "--perf-require",
        choices=("ready", "conditional"),
        help="fail the session if it is less ready than this; the summary names the reasons",
    )
    group.addoption(
        "--perf-max-time",
        metavar="TIME",
        help="measuring time per measurement, such as 500ms or 2s; overrides pyproject.toml and markers",
    )
    group.addoption(
        "--perf-update-baseline",
        action="store_true",
        help="measure the selected perf tests that pass in fresh processes, and write the baseline",
    )
    group.addoption(
        "--perf-reason",
        metavar="TEXT",
        help="with --perf-update-baseline: why tests that got slower are accepted",
    )
    group.addoption(
        "--perf-prune",
        action="store_true",
        help="with --perf-update-baseline: remove tests that are no longer there",
    )
    group.addoption(
        "--perf-against",
        metavar="REF",
        help="time the code beside that of another commit, such as origin/main, in turns on the same CPU, and fail "
        "what is slower; needs no baseline",
    )
    group.addoption(
        "--perf-policy",
        choices=("base", "head"),
        help="with --perf-against: list the limits that the working tree loosens; base: judge by those of the other "
        "commit; head: accept them",
    )
    group.addoption(
        "--perf-accept-label",
        metavar="LABEL",
        default="",
        help="with --perf-policy=base: the label that messages name for a reviewer who accepts the pull request",
    )
    group.addoption(
        "--perf-affected-first",
        action="store_true",
        help="with --perf-against: begin with the test files that run changed code",
    )
    group.addoption(
        "--perf-comparable",
        action="store_true",
        help="time every test in 40 blocks between readings of the weather, 0.3 s longer, so that perfbudget compare "
        "sees small changes between JSON reports of sessions without a baseline",
    )
    group.addoption(
        "--perf-history",
        metavar="PATH",
        help="append the result of the session to this SQLite file; overrides pyproject.toml",
    )
    group.addoption("--perf-histogram", action="store_true", help="show the distribution of the rounds of failed tests")
    group.addoption(
        "--perf-spans",
        action="store_true",
        help="record the spans of `track` in every perf test, and show where the time goes",
    )
    group.addoption(
        "--perf-output",
        action="append",
        default=[],
        type=_output_file,
        metavar="[FORMAT:]PATH",
        help="write the results to this file, in the format of its suffix or in FORMAT: json, md, csv, "
        "rounds (CSV of single rounds), html, prom (OpenMetrics), codequality and metrics (reports of GitLab), hgrm "
        "(latencies of loads), k6 (summary of loads as k6 writes it); repeatable",
    )


def _output_file(text: str) -> OutputFile:
    from pytest_perfbudget.report.formats import output_file  # noqa: PLC0415 - sessions that write no file need no format

    try:
        return output_file(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
