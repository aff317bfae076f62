"""The spread from process to process between two sessions, learned from all tests that both compared with a baseline.

No number within a process shows how far the process deviates from others of the same code. But both sessions have a
process of each test, so the differences between the sessions scatter as the processes do, and only few tests change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.robust import qn_scale
from pytest_perfbudget.core.session_spread import DOF_OF_PROCESSES, PROCESS_SPREAD

_EFFICIENCY: Final = 0.5
"""The degrees of freedom of `qn_scale` for each further value, at the normal distribution: 0.54 for twelve values, and
more for more values."""


@dataclass(frozen=True, slots=True)
class ProcessSpread:
    """The standard deviation of a process's log time from others of the same code, with its degrees of freedom."""

    std: float
    dof: float


RECORDED: Final = ProcessSpread(PROCESS_SPREAD, DOF_OF_PROCESSES)
"""The spread of recorded sessions."""


def pooled_spread(log_ratios: Sequence[float]) -> ProcessSpread:
    """Return the spread that two sessions show, moderated towards the spread that recorded sessions had (Smyth 2004).

    A test that changed counts as an outlier, and a change that all tests have in common does not count: up to half of
    the tests may have changed.

    Args:
        log_ratios: the log ratio of each test's times in the two sessions.
    """
    further = _EFFICIENCY * max(len(log_ratios) - 1, 0)
    if not further:
        return RECORDED
    seen = qn_scale(log_ratios) / math.sqrt(2)
    dof = DOF_OF_PROCESSES + further
    return ProcessSpread(math.sqrt((DOF_OF_PROCESSES * PROCESS_SPREAD**2 + further * seen**2) / dof), dof)
