"""Times a block of code where it stands, once each time it is run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from statistics import median
from types import TracebackType
from typing import Final

from pytest_perfbudget.core.budgets import Resource
from pytest_perfbudget.core.calibration import COMPARED_BLOCK_NS
from pytest_perfbudget.core.gate import Lacks
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.core.terms import Resolved, Terms
from pytest_perfbudget.core.weather import Block, Canaries
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.canary import read_canaries
from pytest_perfbudget.measure.clock import Clock, cpu_overhead_ns, overhead_ns
from pytest_perfbudget.measure.quiet import is_traced, uncollected, untraced

LACKS: Final = Lacks(
    frozenset({Resource.PEAK, Resource.CALLS}), "a timer's block cannot be run again for it: use perf(...)"
)


class TimerRecord:
    """The rounds of all timers of one name."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.resolved: Resolved | None = None
        self.terms = Terms()
        self.running: list[Timer] = []
        self.wall_ns: list[float] = []
        self.run_ns: list[float] = []
        self.cpu_ns: list[float] = []
        self.traced = False
        self.weather: Weather | None = None
        self.readings: list[int] = []

    @property
    def with_cpu(self) -> bool:
        """Whether a budget asks for CPU time."""
        budgets = self.resolved.budgets if self.resolved else ()
        return any(budget.metric.resource is Resource.CPU for budget in budgets)

    def abandon(self) -> None:
        """End the timers that are running, without a round."""
        for timer in reversed(self.running[:]):
            timer.__exit__(GeneratorExit, None, None)

    def samples(self) -> Samples:
        """Return the rounds so far."""
        return Samples(
            self.wall_ns,
            self.cpu_ns,
            overhead_ns=overhead_ns(self.clock),
            cpu_overhead_ns=cpu_overhead_ns(self.clock) if self.with_cpu else None,
            elapsed_ns=int(sum(self.wall_ns)),
            blocks=self.weather.blocks(self.run_ns, self.readings) if self.weather else (),
        )


class Weather:
    """Reads the canaries between the timed blocks of a test, never within one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._readings: list[Canaries] = []
        self._read_ns = 0
        self._running = 0

    def begin(self) -> int:
        """Note that a timer starts, and return the reading that holds for it."""
        due = self._clock.wall_ns() - self._read_ns >= COMPARED_BLOCK_NS
        if not self._running and (due or not self._readings):
            self._read()
        self._running += 1
        return len(self._readings) - 1

    def end(self) -> None:
        """Note that a timer has ended."""
        self._running -= 1

    def blocks(self, run_ns: Sequence[float], readings: Sequence[int]) -> list[Block]:
        """Return the rounds between two readings as blocks.

        Args:
            run_ns: the rounds, without the time they waited for a CPU.
            readings: the reading that held for each.
        """
        self._read()
        rounds: dict[int, list[float]] = {}
        for time_ns, reading in zip(run_ns, readings, strict=True):
            rounds.setdefault(reading, []).append(time_ns)
        return [
            Block(max(median(found), 1.0), self._readings[at], self._readings[at + 1]) for at, found in rounds.items()
        ]

    def _read(self) -> None:
        # A tracer slows the canaries more than most code, and would be taken for bad weather.
        with untraced():
            self._readings.append(read_canaries(self._clock))
        self._read_ns = self._clock.wall_ns()


class Timer:
    """Times one block at a time."""

    def __init__(self, record: TimerRecord) -> None:
        self._record = record
        self._wall_ns = record.clock.wall_ns
        self._start_ns: int | None = None
        self._reading = 0
        self._start_cpu_ns = 0
        self._start_waited_ns = 0
        self._collection: AbstractContextManager[None] | None = None

    def __enter__(self) -> None:
        """Begin a round."""
        if self._start_ns is not None:
            message = "perf.timer: this timer is running already: call perf.timer(...) for each block"
            raise MisuseError(message)
        self._record.traced |= is_traced()
        if self._record.weather is not None:
            self._reading = self._record.weather.begin()
        self._collection = uncollected()
        self._collection.__enter__()
        self._record.running.append(self)
        if self._record.weather is not None:
            self._start_waited_ns = self._record.clock.waited_ns()
        if self._record.with_cpu:
            self._start_cpu_ns = self._record.clock.cpu_ns()
        self._start_ns = self._wall_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End a round; a block that raised is none."""
        end_ns = self._wall_ns()
        if self._start_ns is None or self._collection is None:
            return
        if self._record.with_cpu and kind is None:
            self._record.cpu_ns.append(self._record.clock.cpu_ns() - self._start_cpu_ns)
        if self._record.weather is not None:
            self._record.weather.end()
            if kind is None:
                self._record.readings.append(self._reading)
                waited_ns = self._record.clock.waited_ns() - self._start_waited_ns
                self._record.run_ns.append(max(end_ns - self._start_ns - waited_ns, 1))
        self._collection.__exit__(None, None, None)
        self._record.running.remove(self)
        if kind is None:
            self._record.wall_ns.append(end_ns - self._start_ns)
        self._start_ns = None
