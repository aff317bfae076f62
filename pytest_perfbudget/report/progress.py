"""The texts of the progress note that a session shows while it works."""

from __future__ import annotations

from typing import Final

from pytest_perfbudget.report.numbers import counted, quantity

SUGGESTING_PREFIX: Final = "perfbudget init: measuring "
"""The beginning of a line with which a session tells `perfbudget init` its progress."""


def progress_text(rounds: int, spent_ns: int, allowed_ns: int) -> str:
    """Return the note that is shown while a measurement takes long."""
    return f"perf: {rounds:,} rounds, {spent_ns / 1e9:.1f} of {allowed_ns / 1e9:.3g} s"


def load_progress_text(
    requests: int, errors: int, users: int, *, p95_ns: float, spent_s: float, duration_s: float
) -> str:
    """Return the note that is shown while a load runs.

    Args:
        requests: the number of requests that have ended.
        errors: the number of those that are errors.
        users: the number of users or, of an open load, of requests in flight.
        p95_ns: the p95 of the last latencies.
        spent_s: the time from the beginning of the load; negative in the warm-up.
        duration_s: the duration of the load; 0 if the load ends by its requests.
    """
    failed = f", {counted(errors, 'error')}" if errors else ""
    if spent_s < 0:
        return f"perf: {counted(users, 'user')}, the load begins in {-spent_s:.0f} s"
    end = f" of {duration_s:.0f}" if duration_s else ""
    rate = requests / spent_s if spent_s > 0 else 0.0
    seen = f"{counted(requests, 'request')}, {rate:,.0f}/s, p95 {quantity(p95_ns, 'ns')}{failed}"
    return f"perf: {seen}, {counted(users, 'user')}, {spent_s:.0f}{end} s"


def part_progress_text(parameters: str) -> str:
    """Return the note that is shown during one of several loads, such as a probe of a capacity.

    Args:
        parameters: of the load.
    """
    return f"perf: a load of {parameters}"


def fitted(text: str, width: int) -> str:
    """Return a note that fits into one line; of a longer note the end is left out, which would stay on the screen."""
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."


def update_progress_text(run: int, runs: int, done: int, total: int, left_s: float) -> str:
    """Return the note that is shown while a baseline is measured."""
    cells = 20
    filled = cells * done // max(total, 1)
    return f"perf: process {run} of {runs} [{'#' * filled}{'.' * (cells - filled)}] {_left(left_s)}"


def update_log_text(done: int, tests: int, runs: int, left_s: float) -> str:
    """Return a line that a log has while a baseline is measured.

    Args:
        done: the number of tests that all processes so far have measured.
        tests: the number of tests.
        runs: the number of processes.
        left_s: the time left, in s.
    """
    run = (done - 1) // tests + 1
    measured = done - (run - 1) * tests
    return f"perf: {counted(measured, 'test')} measured for the baseline in process {run} of {runs}, {_left(left_s)}"


def _left(left_s: float) -> str:
    return f"{left_s / 60:.0f} min left" if left_s >= 90 else f"{left_s:.0f} s left"
