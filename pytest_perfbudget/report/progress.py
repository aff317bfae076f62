"""The texts of the progress note that a session shows while it works."""

from __future__ import annotations


def progress_text(rounds: int, spent_ns: int, allowed_ns: int) -> str:
    """Return the note that is shown while a measurement takes long."""
    return f"perf: {rounds:,} rounds, {spent_ns / 1e9:.1f} of {allowed_ns / 1e9:.3g} s"


def load_progress_text(requests: int, errors: int, p95_ms: float, spent_s: float, duration_s: float) -> str:
    """Return the note that is shown while a load runs; a load that ends by its requests has no duration."""
    failed = f", {errors:,} errors" if errors else ""
    end = f" of {duration_s:.0f}" if duration_s else ""
    rate = requests / spent_s if spent_s > 0 else 0.0
    return f"perf: {requests:,} requests, {rate:,.0f}/s, p95 {p95_ms:.3g} ms{failed}, {max(spent_s, 0.0):.0f}{end} s"


def fitted(text: str, width: int) -> str:
    """Return a note that fits into one line; of a longer note the end is left out, which would stay on the screen."""
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."


def update_progress_text(run: int, runs: int, done: int, total: int, left_s: float) -> str:
    """Return the note that is shown while a baseline is measured."""
    cells = 20
    filled = cells * done // max(total, 1)
    left = f"{left_s / 60:.0f} min" if left_s >= 90 else f"{left_s:.0f} s"
    return f"perf: process {run} of {runs} [{'#' * filled}{'.' * (cells - filled)}] {left} left"
