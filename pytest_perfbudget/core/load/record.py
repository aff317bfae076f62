"""The record of a load: what was sent, what came back, and how well the generator did its own part."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_perfbudget.core.load.backlog import MOST_DELAY, delay_ns
from pytest_perfbudget.core.load.disturbances import Disturbances
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.outcomes import Outcome, errors_of
from pytest_perfbudget.core.load.over_time import TimeWindow
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.units import NS_PER


@dataclass(frozen=True, slots=True)
class GeneratorFacts:
    """The generator's own part in the numbers.

    Attributes:
        lateness_p99_ns: the time by which 1 % of the requests started late; of a closed load, by which the generator
            noticed an answer late.
        cpu_share: the share of one CPU that the generator's process used; other threads of the process are included.
        overloaded: the words in which another generator says that it was the limit; empty if it was not.
        lateness_p50_ns: the time by which half of the requests started late.
        lateness_p999_ns: the time by which one request in a thousand started late.
        lateness_max_ns: the longest lateness.
        in_threads: whether the generator was made of threads, and not of an event loop.
    """

    lateness_p99_ns: float = 0.0
    cpu_share: float = 0.0
    overloaded: str = ""
    lateness_p50_ns: float = 0.0
    lateness_p999_ns: float = 0.0
    lateness_max_ns: float = 0.0
    in_threads: bool = False


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """The process that served a load, with its child processes.

    Attributes:
        peak_bytes: the most resident memory at a time.
        cpu_percent: the CPU time per wall-clock time, in per cent of one CPU, from the beginning of the load, after its
            warm-up, to the last answer.
        ended_ns: the time from the beginning of the load at which the process was found to have ended; negative if that
            was before the load, None if the process outlived the load.
    """

    peak_bytes: float
    cpu_percent: float
    ended_ns: int | None = None


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """A load that has been generated.

    Attributes:
        plan: the load that was asked for.
        latencies: of the requests that were answered, and the time so far of those that were given up; beside them, the
            times of those that failed.
        outcomes: the `Outcome` of each request, in the order in which the requests ended.
        errors: the errors, grouped, the largest group first.
        elapsed_ns: from the first request to the last answer, and at least the duration of the plan.
        generator: the generator's own part.
        steps: the latencies of the named steps of the requests.
        process: the process that served the load; None if it is not known.
        ended_early: the reason why the load was ended before its time; empty if the load came to its end.
        over_time: the requests in each of at most 60 windows; empty if the times of the requests are not known.
        in_time: the number of successful requests that ended within the planned duration; 0 if that is not known.
        disturbances: the requests that a pause of the generator may have made slower.
    """

    plan: LoadPlan
    latencies: Latencies
    outcomes: array[int]
    errors: Sequence[ErrorGroup] = ()
    elapsed_ns: int = 0
    generator: GeneratorFacts = field(default_factory=GeneratorFacts)
    steps: Mapping[str, Latencies] = field(default_factory=dict)
    process: ProcessFacts | None = None
    ended_early: str = ""
    over_time: Sequence[TimeWindow] = ()
    in_time: int = 0
    disturbances: Disturbances = field(default_factory=Disturbances)

    @property
    def requests(self) -> int:
        """The number of requests."""
        return len(self.outcomes)

    @property
    def failures(self) -> int:
        """The number of requests that are errors."""
        return self.requests - self.outcomes.count(Outcome.ANSWERED)

    @property
    def failed(self) -> array[int]:
        """1 for a request that is an error and 0 for another, in the order in which the requests ended."""
        return errors_of(self.outcomes)

    @property
    def given_up(self) -> int:
        """The number of requests that the load gave up, which another generator might have seen answered."""
        return self.outcomes.count(Outcome.GIVEN_UP)

    @property
    def whole_rps(self) -> float:
        """The number of successful requests per second, in the time up to the last answer."""
        return (self.requests - self.failures) * NS_PER["s"] / self.elapsed_ns if self.elapsed_ns else 0.0

    def keeps_up(self, late_ns: float = 0.0) -> bool:
        """Return whether the service answers as many requests of an open load as are due.

        Args:
            late_ns: the part of the delay of the last answers that is not the service's.
        """
        if not self.plan.is_open or self.ended_early or not self.in_time:
            return False
        return delay_ns(self.latencies.sequence) - late_ns <= MOST_DELAY * self.plan.duration_ns

    @property
    def due_rps(self) -> float:
        """The number of successful requests per second of the duration in which requests are due."""
        return (self.requests - self.failures) * NS_PER["s"] / self.plan.duration_ns

    @property
    def rps(self) -> float:
        """The number of successful requests per second.

        The last answers come after the planned duration, which says little about the rate: `due_rps` if the service
        keeps up; else `whole_rps`, or the number within the planned duration if this is more.
        """
        if not self.plan.duration_ns or self.ended_early:
            return self.whole_rps
        if self.keeps_up():
            return self.due_rps
        return max(self.whole_rps, self.in_time * NS_PER["s"] / self.plan.duration_ns)

    @property
    def error_rate(self) -> float:
        """The share of requests that are errors; 0 if there is no request."""
        return self.failures / self.requests if self.requests else 0.0
