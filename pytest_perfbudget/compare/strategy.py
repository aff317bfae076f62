"""The interface of a comparison, and the requests that a comparison makes to a measurement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_perfbudget.core.limits import RegressionTolerance
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.probes import LooksBad
from pytest_perfbudget.measure.timer_blocks import BlockPolicy
from pytest_perfbudget.measure.turns import Turns
from pytest_perfbudget.processes.protocol import Answer

AT_RUN_TIME: Final = "known as a perf test at run time only: let the test ask for perf as an argument"
"""The reason why a test without a comparison has none: the comparison began before the test was known."""

NOT_DISTRIBUTED: Final = (
    "mode = 'sequential' of [tool.perfbudget.duet] measures in one process after the other: add -n 0"
)
"""The reason why the sequential mode is refused under pytest-xdist."""


def _never(blocks: Sequence[BlockTime]) -> bool:  # noqa: ARG001 - a default
    return False


@dataclass(frozen=True)
class MeasurementRequest:
    """The data that a comparison needs from one measurement, beyond the measurement's budgets.

    Attributes:
        tolerance: the slowdown that is allowed.
        max_time_s: the time that the measurement may take, in seconds.
        pin: whether the measurement may be kept on one CPU.
        is_required: whether the test fails if the measurement could not be compared with another commit.
        more_blocks: a function that takes the blocks so far and returns how many more are wanted; None if no blocks
            between canaries are wanted.
        is_suspect: a function that takes the blocks and returns whether the run looks slower, so that a profile is
            worth its time.
        turns: the source of the turns in which the blocks are timed; None if they are not timed in turns.
        counts: the metrics to count, each with a function that says whether a count is worth a second pass.
        is_profiled: whether a short body is profiled beyond the passes that count.
        with_cpus: whether to record the number of CPUs in use.
        one_cpu: whether the blocks are timed on one CPU, as for the other side; None if the threads of the measurement
            decide.
        with_spans: whether to record spans: in turns those of each block, whose times decide nothing then; otherwise
            those of a batch of executions after the rounds.
        compares_instructions: whether bytecode instructions are counted and compared.
        is_measured_elsewhere: whether other processes measure the code for the comparison, so that rounds without a
            budget are for reports only.
    """

    tolerance: RegressionTolerance
    max_time_s: float
    pin: bool = True
    is_required: bool = True
    more_blocks: Callable[[Sequence[BlockTime]], int] | None = None
    is_suspect: Callable[[Sequence[BlockTime]], bool] = _never
    turns: Turns | None = None
    counts: Mapping[str, LooksBad] = field(default_factory=dict)
    is_profiled: bool = True
    with_cpus: bool = False
    one_cpu: bool | None = None
    with_spans: bool = False
    compares_instructions: bool = False
    is_measured_elsewhere: bool = False

    @classmethod
    def from_limits(cls, effective: EffectiveLimits, *, with_cpus: bool = False) -> MeasurementRequest:
        """Return a request for no blocks and no counts, which suits a comparison whose data other processes measure."""
        seconds = effective.max_time_ns / 1e9
        is_required = effective.needs_numbers
        return cls(
            effective.max_regression,
            seconds,
            effective.pin,
            is_required,
            with_cpus=with_cpus,
            compares_instructions=effective.count_instructions,
        )

    @property
    def wants_data(self) -> bool:
        """Whether the comparison needs blocks or counts from this process."""
        return self.more_blocks is not None or self.turns is not None or bool(self.counts)


class ComparisonStrategy(ABC):
    """The comparison of a session's measurements with something else.

    Attributes:
        against: the name of the other side in messages; empty if this process compares nothing.
        gone: the reason that reports give if only the other side has a test.
        remark: a doubt about the other side; empty if there is none.
        sharing: the number of tests, or of their measurements, that share alpha.
        records_spans: whether this process records spans for another process, which compares them.
    """

    against = ""
    gone = ""
    remark = ""
    sharing = 0
    records_spans = False

    def begin(self, nodeids: Iterable[str]) -> None:  # noqa: B027 - overriding is optional
        """Note the perf tests that will run.

        Raises:
            ComparisonError: a comparison is impossible.
        """

    def start(self) -> None:  # noqa: B027
        """Do the work that comes before the first test, while no fixture is set up."""

    def prepare(self, *, is_last: bool) -> None:  # noqa: B027
        """Do the work that comes before a further test, while no fixture of a test is set up.

        Args:
            is_last: whether the test is the last of this process, after which the wider fixtures are torn down.
        """

    def finish(self) -> Mapping[str, Sequence[Measurement]]:
        """Compare what could not be compared while fixtures were set up, after the last test, by node id."""
        return {}

    def choice_of_base(self) -> Answer | None:
        """Return the answer of the other commit that tells which perf tests its own settings choose.

        None stands for a comparison without another commit, or without a test.

        Raises:
            WorkerError: the commit's process cannot tell.
        """
        return None

    def run_by_base(self, nodeids: Sequence[str]) -> list[Answer]:  # noqa: ARG002 - a default
        """Return the answers of a process of the other commit that runs tests.

        Raises:
            WorkerError: the process died, hangs or gave no answer.
        """
        return []

    def close(self) -> None:  # noqa: B027
        """End the processes that were started, and remove the files that were made."""

    @abstractmethod
    def request(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:
        """Return the request to a measurement that is about to begin."""

    def block_policy(self, clock: Clock) -> BlockPolicy | None:  # noqa: ARG002 - a default
        """Return the policy for the pauses between the timed blocks of a test; None if the pauses are not used."""
        return None

    @abstractmethod
    def settle(
        self, nodeid: str, measurements: Sequence[Measurement], requests: Mapping[str, MeasurementRequest]
    ) -> list[Measurement]:
        """Return the measurements of a test that passed, with their regression results.

        Args:
            nodeid: the test.
            measurements: all measurements of the test.
            requests: the requests, by measurement; a measurement without a request is not compared.
        """
