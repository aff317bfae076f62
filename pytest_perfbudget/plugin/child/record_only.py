"""The strategies of a fresh process, which only records; the session that started the process compares."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pytest_perfbudget.compare.strategy import ComparisonStrategy, MeasurementRequest
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import CALLS, INSTRUCTIONS, counts
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.unpaired import BLOCKS
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, CanaryBlocks, TurnBlocks
from pytest_perfbudget.measure.turns import TIMERS, Turns


def record_everything(effective: EffectiveLimits) -> MeasurementRequest:
    """Return the request for a run of fixed length, and for two passes of every count."""
    request = MeasurementRequest.from_limits(effective)
    wanted = [one for one in counts() if one is not INSTRUCTIONS or request.compares_instructions]
    always_again = {metric.name: _is_any for metric in wanted}
    return replace(request, more_blocks=_up_to_a_run, counts=always_again, with_spans=True)


def _up_to_a_run(blocks: Sequence[BlockTime]) -> int:
    return BLOCKS - len(blocks)


def _is_any(count: float) -> bool:
    return count > 0


class RecordOnly(ComparisonStrategy):
    """A strategy that records a run of each measurement.

    Args:
        counting: the counts of executions.
        one_cpu: see `Request`.

    Attributes:
        counting: the counts of executions.
    """

    def __init__(self, *, counting: Counting = Counting.ALL, one_cpu: Sequence[str] | None = None) -> None:
        self.counting = Counting(counting)
        self._one_cpu = one_cpu

    def request(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:  # noqa: ARG002
        """See `ComparisonStrategy.request`."""
        one_cpu = None if self._one_cpu is None else name in self._one_cpu
        request = replace(record_everything(effective), one_cpu=one_cpu)
        if self.counting is Counting.ALL:
            return request
        if self.counting is Counting.UNPROFILED:
            return replace(request, is_profiled=False)
        kept = (CALLS.name,) if self.counting is Counting.CALLS else ()
        return replace(request, counts={name: one for name, one in request.counts.items() if name in kept})

    def block_policy(self, clock: Clock) -> BlockPolicy | None:
        """See `ComparisonStrategy.block_policy`."""
        return CanaryBlocks(clock)

    def settle(
        self,
        nodeid: str,  # noqa: ARG002
        measurements: Sequence[Measurement],
        requests: Mapping[str, MeasurementRequest],  # noqa: ARG002
    ) -> list[Measurement]:
        """See `ComparisonStrategy.settle`."""
        return list(measurements)


class RecordInTurns(RecordOnly):
    """A strategy that records blocks in the turns of a duet.

    Attributes:
        counted: the names of the measurements whose bytecode instructions the session compares, also if the settings
            of this process do not ask for that.
        only_times: whether nothing is counted.
    """

    def __init__(self, turns: Turns, *, counting: Counting = Counting.ALL) -> None:
        super().__init__(counting=counting)
        self._turns = turns
        self.counted: Collection[str] = ()
        self.only_times = False

    def request(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:
        """See `ComparisonStrategy.request`."""
        effective = replace(effective, count_instructions=effective.count_instructions or name in self.counted)
        request = super().request(nodeid, name, effective)
        counts = {} if self.only_times else request.counts
        return replace(request, more_blocks=None, turns=self._turns, with_cpus=True, with_spans=False, counts=counts)

    def block_policy(self, clock: Clock) -> BlockPolicy | None:
        """See `ComparisonStrategy.block_policy`."""
        return TurnBlocks(self._turns, TIMERS, clock)


class RecordSpans(RecordInTurns):
    """A strategy that records the spans of each block in the turns of a duet, and counts nothing."""

    records_spans = True

    def request(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:
        """See `ComparisonStrategy.request`."""
        return replace(super().request(nodeid, name, effective), counts={}, with_spans=True)
