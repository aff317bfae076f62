"""Counts trends in simulated histories with and without a trend, as a Markdown table.

Takes half a minute: python tests/benchmarks/forecast.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from change_series import dependent

from pytest_perfbudget.core.forecast import find_growth

QUIET, GROWING = 2000, 400
LENGTHS = (6, 8, 12, 20, 40, 80, 160)
GROWTH, SPREAD = 0.12, 0.03


def found(count: int, dependence: float, growth: float, runs: int) -> float:
    """Return the share of histories that have a trend."""
    generator = np.random.default_rng((8, count, round(10 * dependence)))
    line = growth * np.arange(count) / count
    rows = (np.exp(line + SPREAD * dependent(count, dependence, generator)).tolist() for _ in range(runs))
    return sum(find_growth(row, list(range(count))) is not None for row in rows) / runs


def main() -> None:
    """Print the table."""
    print(f"% with a trend, of {QUIET} histories without growth / of {GROWING} that grow by {GROWTH:.0%}\n")
    print(f"| autocorrelation | {' | '.join(f'{count} points' for count in LENGTHS)} |\n|{'---|' * (len(LENGTHS) + 1)}")
    for dependence in (0.0, 0.3, 0.5, 0.7, 0.9):
        cells = [
            f"{100 * found(count, dependence, 0.0, QUIET):.2f} / {100 * found(count, dependence, GROWTH, GROWING):.0f}"
            for count in LENGTHS
        ]
        print(f"| {dependence} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
