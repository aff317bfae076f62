"""What a session does with its measurements besides judging their budgets: the roles, and the recorder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_perfbudget.core.limits import EffectiveLimits
from pytest_perfbudget.core.results import Measurement
from pytest_perfbudget.core.unpaired import BLOCKS
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, CanaryBlocks
from pytest_perfbudget.measure.turns import Turns


class MeasurementRequest(Protocol):
    """What is wanted of one measurement beyond its budgets."""

    @property
    def is_timed(self) -> bool:
        """Whether blocks are wanted."""

    @property
    def turns(self) -> Turns | None:
        """What gives the turns in which it is timed; None if it is not timed in turns."""

    @property
    def most_calls(self) -> float | None:
        """Above what a count of calls is taken again; None if it is not wanted."""

    @property
    def most_peak(self) -> float | None:
        """The same for bytes held at once."""

    @property
    def with_cpus(self) -> bool:
        """Whether it is wanted how many CPUs are in use."""

    def more_blocks(self, blocks: Sequence[BlockTime]) -> int:
        """Return how many more blocks are wanted."""

    def is_suspect(self, blocks: Sequence[BlockTime]) -> bool:
        """Return whether the run looks slower, so that a reader may want to know where its time goes."""


class ComparisonStrategy(Protocol):
    """What a session does with measurements besides judging their budgets."""

    against: str
    """With what it compares, in words."""

    gone: str
    """What is said of a test that only that has."""

    remark: str
    """What a reader should know of it; empty if there is nothing to say."""

    def begin(self, nodeids: Iterable[str]) -> None:
        """Take note of the perf tests that will run."""

    def start(self) -> None:
        """Do what has to be done before the first test, while no fixture is set up."""

    def close(self) -> None:
        """Let go of whatever was started."""

    def ask(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:
        """Return what is wanted of a measurement that is about to begin."""

    def block_policy(self, clock: Clock) -> BlockPolicy | None:
        """Return what happens between the timed blocks of a test; None if nothing does."""

    def settle(
        self, nodeid: str, measurements: Sequence[Measurement], asked: Mapping[str, MeasurementRequest]
    ) -> list[Measurement]:
        """Return the measurements of a test that passed, with what is said of them."""


@dataclass(frozen=True)
class RecordEverything:
    """Asks for a run of fixed length, and for every count, twice over if in doubt."""

    most_calls: float | None = 0.0
    most_peak: float | None = 0.0
    is_timed: bool = True
    turns: Turns | None = None
    with_cpus: bool = False

    def more_blocks(self, blocks: Sequence[BlockTime]) -> int:
        """See `MeasurementRequest.more_blocks`."""
        return BLOCKS - len(blocks)

    def is_suspect(self, blocks: Sequence[BlockTime]) -> bool:  # noqa: ARG002 - see `RecordOnly`
        """See `MeasurementRequest.is_suspect`."""
        return False


class RecordOnly:
    """A fresh process: it measures and leaves the judging to who asked."""

    against = ""
    gone = ""
    remark = ""

    def begin(self, nodeids: Iterable[str]) -> None:
        """See `ComparisonStrategy.begin`."""

    def start(self) -> None:
        """See `ComparisonStrategy.start`."""

    def close(self) -> None:
        """See `ComparisonStrategy.close`."""

    def ask(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:  # noqa: ARG002 - the same for all
        """See `ComparisonStrategy.ask`."""
        return RecordEverything()

    def block_policy(self, clock: Clock) -> BlockPolicy | None:
        """See `ComparisonStrategy.block_policy`."""
        return CanaryBlocks(clock)

    def settle(
        self,
        nodeid: str,  # noqa: ARG002
        measurements: Sequence[Measurement],
        asked: Mapping[str, MeasurementRequest],  # noqa: ARG002
    ) -> list[Measurement]:
        """See `ComparisonStrategy.settle`."""
        return list(measurements)
