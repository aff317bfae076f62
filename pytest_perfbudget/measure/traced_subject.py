"""A subject whose rounds have their spans gathered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.measure.subject import UNWATCHED, AsyncSubject, BlockPlan, PlainSubject, Probe, Timings


@dataclass(frozen=True)
class TracedSubject:
    """A subject, each call of which in a round is an execution."""

    inner: PlainSubject | AsyncSubject
    gatherer: SpanGatherer

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
            return await replace(self.inner, function=marked).rounds(block, clock)
