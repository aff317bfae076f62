"""The sizes of simulations of verdicts, and the wrong verdicts that their error rates allow."""

from __future__ import annotations

from typing import Final

import pytest
from scipy.stats import binom

RUNS: Final = 1_000
"""The runs for which an error rate is stated."""

FEWER_RUNS: Final = 200

COUNTS: Final = (
    pytest.param(FEWER_RUNS, id="some runs"),
    pytest.param(RUNS, id="all runs", marks=pytest.mark.slow),
)
"""The numbers of simulated runs: some find a gross mistake in each session, all find that an error rate is twice the
stated rate."""


def at_most(error: float, runs: int) -> int:
    """Return the number of wrong verdicts that a true error rate of `error` exceeds once in a thousand tests."""
    return int(binom.ppf(0.999, runs, error))
