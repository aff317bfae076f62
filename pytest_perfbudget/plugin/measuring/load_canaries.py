"""The canaries around a load, for a comparison of times that were taken at different times."""

from __future__ import annotations

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.windows import blocks_of, why_not_timed
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.measure.canary import read_canaries
from pytest_perfbudget.measure.clock import SYSTEM


class CanaryWatch:
    """The reader of the canaries before and after a load, which they would disturb.

    Args:
        request: the comparison's request; None if the load is not compared.
    """

    def __init__(self, request: MeasurementRequest | None) -> None:
        self._request = request
        self._wants_blocks = request is not None and request.more_blocks is not None
        self._before = read_canaries(SYSTEM) if self._wants_blocks else ()

    def recording(self, record: LoadRecord) -> Recording | None:
        """Return the data of the comparison on a load that has just ended; None if the load is not compared."""
        if self._request is None:
            return None
        if not self._wants_blocks:
            return Recording(load=record.plan.identity)
        if problem := why_not_timed([record]):
            return Recording(untimed=problem, load=record.plan.identity)
        return Recording(blocks_of(record.latencies, self._before, read_canaries(SYSTEM)), load=record.plan.identity)
