"""A subject whose rounds have their spans gathered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.measure.subject import UNWATCHED, AsyncSubject, BlockPlan, PlainSubject, Probe, Timings
from pytest_perfbudget.measure.thread_use import ThreadReading, read_thread

Note = Callable[[ThreadReading, ThreadReading], None]


@dataclass(frozen=True)
class TracedSubject:
    """A subject, each call of which in a round is an execution.

    Attributes:
        inner: the subject.
        gatherer: the gatherer of the spans.
        note: a function that takes the readings of the thread before and after a block; None if nobody asks for them.
    """

    inner: PlainSubject | AsyncSubject
    gatherer: SpanGatherer
    note: Note | None = None

    @property
    def function(self) -> Callable[..., Any]:
        """See `Subject.function`."""
        return self.inner.function

    @property
    def is_single(self) -> bool:
        """See `Subject.is_single`."""
        return self.inner.is_single

    async def once(self, probe: Probe = UNWATCHED) -> Any:  # noqa: ANN401
        """See `Subject.once`."""
        __tracebackhide__ = True
        return await self.inner.once(probe)

    async def rounds(self, block: BlockPlan, clock: Clock) -> Timings:
        """See `Subject.rounds`."""
        __tracebackhide__ = True
        with self.gatherer.listening():
            marked = self.gatherer.marked(self.function, is_awaited=isinstance(self.inner, AsyncSubject))
            if self.note is None:
                return await replace(self.inner, function=marked).rounds(block, clock)
            before = read_thread(clock)
            timings = await replace(self.inner, function=marked).rounds(block, clock)
            self.note(before, read_thread(clock))
            return timings
