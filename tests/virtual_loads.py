"""Loads of coroutines in virtual time, in the event loops of asyncio and trio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from virtual_time import VirtualLoop, VirtualTrio

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.measure.load.async_load import AsyncLoad
from pytest_perfbudget.measure.load.call import LoadCall, Look, User, never_early
from pytest_perfbudget.measure.load.recorder import LoadRecorder

Loop = VirtualLoop | VirtualTrio
LOOPS = {"asyncio": VirtualLoop, "trio": VirtualTrio}


def load(
    loop: Loop,
    plan: LoadPlan,
    function: Callable[..., Awaitable[object]],
    *,
    user: User | None = None,
    look: Look = never_early,
) -> LoadRecord:
    """Generate a load and return its record."""

    async def generate() -> LoadRecord:
        recorder = LoadRecorder(loop.clock)
        generator = AsyncLoad(plan, LoadCall(function, user, (Stop,)), recorder, look=look, pacer=loop.pacer)
        await generator.run()
        return recorder.record(plan, generator.ended_early)

    return loop.run(generate)


class Stop(BaseException):
    """An exception that ends a test, such as pytest's for a skipped test."""


def answers(loop: Loop, seconds: float = 0.1) -> Callable[..., Awaitable[None]]:
    """Return a request that is answered after some time."""

    async def answer(*_: object) -> None:
        await loop.sleep(seconds)

    return answer
