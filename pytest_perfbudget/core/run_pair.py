"""Two runs without a reference: their times in calm weather, and the error of the difference.

The weather of a run is corrected as for a baseline. But the runs may be of different code, so the share of the weather
that the function feels is learned from the differences within each run only. What stays unknown of this share counts
in proportion to the distance between the weather of the runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.reference import estimate, weather_weights
from pytest_perfbudget.core.robust import MAD
from pytest_perfbudget.core.session_spread import PROCESS_SPREAD
from pytest_perfbudget.core.weather import BlockTime, Canaries, calm, shifts

FEWEST_BLOCKS: Final = 4
"""The fewest blocks of a run that show its weather."""

_SCATTER: Final = 1.5
_SLOPE_ERROR: Final = 0.5
"""Parts of the error, beside the deviation of a process from others of the same code: the factor of the scatter
within a run, whose blocks depend on each other, and the error of the share of the weather that a function feels. They
were chosen on pairs of recorded sessions, of which 1 % at most may be marked: `tests/core/test_saved_times.py`."""


@dataclass(frozen=True, slots=True)
class RunPair:
    """The log time of each run in calm weather, in ns, and the standard error of the difference."""

    before: float
    after: float
    std_error: float


def run_pair(before: Sequence[BlockTime], after: Sequence[BlockTime]) -> RunPair:
    """Return the times of two runs, of at least `FEWEST_BLOCKS` blocks each with the same canaries."""
    runs = before, after
    calm_ns = calm([*before, *after])
    weights, slope_error = weather_weights(runs, calm_ns, is_same_code=False)
    one, other = (estimate(run, weights, calm_ns) for run in runs)
    own = [_SCATTER * _median_error(run, weights, calm_ns) for run in runs]
    slope = math.hypot(_SLOPE_ERROR, slope_error) * (other.weather - one.weather)
    return RunPair(one.log_ns, other.log_ns, math.hypot(PROCESS_SPREAD, PROCESS_SPREAD, *own, slope))


def _median_error(blocks: Sequence[BlockTime], weights: Sequence[float], calm_ns: Canaries) -> float:
    """Return the standard error of the median of a run's blocks, as if they were independent."""
    import numpy as np  # noqa: PLC0415 - only where something is compared

    corrected = np.log([block.time_ns for block in blocks]) - shifts(blocks, calm_ns).canaries @ np.array(weights)
    scatter = MAD * float(np.median(np.abs(corrected - np.median(corrected))))
    return math.sqrt(math.pi / 2 / len(blocks)) * scatter
