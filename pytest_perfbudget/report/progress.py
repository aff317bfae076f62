"""The texts of the progress note that a session shows while it works."""

from __future__ import annotations


def progress_text(rounds: int, spent_ns: int, allowed_ns: int) -> str:
    """Return the note that is shown while a measurement takes long."""
    return f"perf: {rounds:,} rounds, {spent_ns / 1e9:.1f} of {allowed_ns / 1e9:.3g} s"


def update_progress_text(run: int, runs: int, done: int, total: int, left_s: float) -> str:
    """Return the note that is shown while a baseline is measured."""
    cells = 20
    filled = cells * done // max(total, 1)
    left = f"{left_s / 60:.0f} min" if left_s >= 90 else f"{left_s:.0f} s"
    return f"perf: process {run} of {runs} [{'#' * filled}{'.' * (cells - filled)}] {left} left"
