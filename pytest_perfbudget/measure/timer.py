"""Timers, which time a block of code in place, once each time the block runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType

from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.metrics import CPU
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.clock import Clock, cpu_overhead_ns, overhead_ns, waited_within
from pytest_perfbudget.measure.isolation import is_traced, uncollected
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, TimerBlocks


class TimerRounds:
    """The rounds of all timers with the same name.

    Attributes:
        spans: the function that returns a context for a block whose spans are recorded; None if they are not.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.effective: EffectiveLimits | None = None
        self.limits = Limits()
        self.running: list[Timer] = []
        self.wall_ns: list[float] = []
        self.run_ns: list[float] = []
        self.cpu_ns: list[float] = []
        self.traced = False
        self.block_policy: BlockPolicy | None = None
        self.spans: Callable[[], AbstractContextManager[None]] | None = None
        self.parts: list[int] = []
        self.used_ns = 0

    @property
    def with_cpu(self) -> bool:
        """Whether a budget needs CPU time."""
        budgets = self.effective.budgets if self.effective else ()
        return any(budget.metric.series == CPU for budget in budgets)

    @property
    def cpus(self) -> float | None:
        """The average number of CPUs that this process used within the blocks; None if nothing is compared."""
        return self.used_ns / sum(self.run_ns) if self.run_ns else None

    def abandon(self) -> None:
        """End the timers that are running, without counting a round."""
        for timer in reversed(self.running[:]):
            timer.__exit__(GeneratorExit, None, None)

    def samples(self) -> Samples:
        """Return the rounds so far."""
        timer_blocks = self.block_policy.blocks(self.run_ns, self.parts) if self.block_policy else TimerBlocks(())
        return Samples(
            self.wall_ns,
            self.cpu_ns,
            overhead_ns=overhead_ns(self.clock),
            cpu_overhead_ns=cpu_overhead_ns(self.clock) if self.with_cpu else None,
            elapsed_ns=int(sum(self.wall_ns)),
            blocks=timer_blocks.blocks,
            turns=timer_blocks.turns,
        )


class Timer:
    """A context manager that times its block; a timer runs one block at a time."""

    def __init__(self, record: TimerRounds) -> None:
        self._record = record
        self._wall_ns = record.clock.wall_ns
        self._start_ns: int | None = None
        self._part = 0
        self._start_cpu_ns = 0
        self._start_waited_ns = 0
        self._before_ns = 0
        self._collection: AbstractContextManager[None] | None = None
        self._spans: AbstractContextManager[None] | None = None

    def __enter__(self) -> None:
        """Begin a round."""
        if self._start_ns is not None:
            message = "perf.timer: this timer is running already: call perf.timer(...) for each block"
            raise MisuseError(message)
        self._record.traced |= is_traced()
        if self._record.block_policy is not None:
            self._part = self._record.block_policy.begin(self._record.name)
        self._collection = uncollected()
        self._collection.__enter__()
        self._record.running.append(self)
        if self._record.spans is not None:
            self._spans = self._record.spans()
            self._spans.__enter__()
        if self._record.block_policy is not None:
            self._before_ns = self._wall_ns()
            self._start_waited_ns = self._record.clock.waited_ns()
        if self._record.with_cpu or self._record.block_policy is not None:
            self._start_cpu_ns = self._record.clock.cpu_ns()
        self._start_ns = self._wall_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End a round; a block that raised an exception does not count as a round."""
        end_ns = self._wall_ns()
        if self._start_ns is None or self._collection is None:
            return
        used_ns = self._record.clock.cpu_ns() - self._start_cpu_ns if self._start_cpu_ns else 0
        waited_ns = self._waited_ns(end_ns) if self._record.block_policy is not None else 0
        if self._spans is not None:
            with suppress(ValueError):  # the block ends in another task than it began in, whose context is gone
                self._spans.__exit__(kind, error, traceback)
            self._spans = None
        if self._record.with_cpu and kind is None:
            self._record.cpu_ns.append(used_ns)
        if self._record.block_policy is not None:
            self._record.block_policy.end()
            if kind is None:
                self._record.parts.append(self._part)
                self._record.used_ns += used_ns
                self._record.run_ns.append(max(end_ns - self._start_ns - max(waited_ns, 0), 1))
        self._collection.__exit__(None, None, None)
        self._record.running.remove(self)
        if kind is None:
            self._record.wall_ns.append(end_ns - self._start_ns)
        self._start_ns = None

    def _waited_ns(self, end_ns: int) -> int:
        """Return how long the block has waited for a CPU; read before anything else runs after the block."""
        waited_ns = self._record.clock.waited_ns() - self._start_waited_ns
        before_ns = (self._start_ns or 0) - self._before_ns
        return waited_within(waited_ns, before_ns, self._wall_ns() - end_ns)
