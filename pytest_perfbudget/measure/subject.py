"""The subject of a measurement: a function with its arguments, called or awaited, singly or in rounds."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import CodeType
from typing import Any, NamedTuple, Protocol

from pytest_perfbudget.errors import MisuseError, shown
from pytest_perfbudget.measure.clock import Clock, waited_within
from pytest_perfbudget.measure.lazy import unfinished

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


class BlockPlan(NamedTuple):
    """The plan for rounds in a row; after `deadline_ns` on the wall clock no round begins except the first."""

    rounds: int
    iterations: int
    deadline_ns: int
    with_cpu: bool
    with_waits: bool = False


@dataclass(frozen=True, slots=True)
class Timings:
    """The time of each round, all its iterations together, in ns: wall-clock time, CPU time, and waiting for a CPU."""

    wall_ns: list[int] = field(default_factory=list)
    cpu_ns: list[int] = field(default_factory=list)
    waited_ns: list[int] = field(default_factory=list)

    def run_ns(self) -> list[int]:
        """Return the wall-clock times of the rounds, without the time spent waiting for a CPU if that was recorded."""
        if not self.waited_ns:
            return self.wall_ns
        return [max(wall - max(waited, 0), 1) for wall, waited in zip(self.wall_ns, self.waited_ns, strict=True)]


class Probe(Protocol):
    """The watcher of one call, from just before to just after the call, without its set-up."""

    def start(self) -> None:
        """Begin to watch."""

    def stop(self) -> None:
        """Stop watching; called even if the call failed."""


class _NoProbe:
    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


UNWATCHED = _NoProbe()


class CarriedStopIterationError(Exception):
    """A `StopIteration` of measured code, which cannot leave a coroutine as it is (PEP 479)."""

    def __init__(self, error: StopIteration) -> None:
        super().__init__()
        self.error = error


class Subject(Protocol):
    """The code under measurement, which can be run once or timed in rounds.

    Both methods are coroutines, so that one runner serves plain and `async` functions. The coroutines for a plain
    function never suspend.
    """

    @property
    def function(self) -> Callable[..., Any]:
        """The function that is called or awaited."""

    @property
    def is_single(self) -> bool:
        """Whether a round is one call, because each call has a set-up or a tear-down of its own."""

    async def once(self, probe: Probe = ...) -> Any:  # noqa: ANN401 - whatever the function returns
        """Run the set-up and the call, untimed, and return the call's result; the probe watches the call."""

    async def rounds(self, block: BlockPlan, clock: Clock) -> Timings:
        """Time the rounds of a block; the set-up runs before each round, untimed."""


def _checked(returned: object, given: Arguments) -> Arguments:
    """Return the arguments that a set-up returned, in pytest-benchmark's form, or else the given arguments."""
    if returned is None:
        return given
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping):
        positional, named = returned
        if isinstance(positional, (tuple, list)):
            if any(given):
                message = "perf: setup returned arguments although some were given: pass them in one of the two ways"
                raise MisuseError(message)
            return positional, named
    message = f"perf: setup must return None or (args, kwargs), such as ((1, 2), {{}}); it returned {shown(returned)}"
    raise MisuseError(message)


def source_file(function: object) -> str:
    """Return the source file of a function; empty if the function has none, such as a built-in function."""
    plain = function.func if isinstance(function, partial) else function
    code = getattr(inspect.unwrap(plain) if callable(plain) else plain, "__code__", None)
    return code.co_filename if isinstance(code, CodeType) else ""


def _refuse_unfinished(result: object) -> None:
    if problem := unfinished(result):
        if inspect.iscoroutine(result):
            result.close()  # without a warning that it was never awaited
        message = f"perf: {problem}"
        raise MisuseError(message)


@dataclass(frozen=True)
class PlainSubject:
    """A function that is called; the tear-down is called after each call, with the call's arguments, untimed."""

    function: Callable[..., Any]
    given: Arguments = ((), {})
    setup: Callable[[], Any] | None = None
    teardown: Callable[..., Any] | None = None

    @property
    def is_single(self) -> bool:
        """See `Subject.is_single`."""
        return self.setup is not None or self.teardown is not None

    async def once(self, probe: Probe = UNWATCHED) -> Any:  # noqa: ANN401
        """See `Subject.once`."""
        __tracebackhide__ = True
        try:
            return self._once(probe)
        except StopIteration as error:
            raise CarriedStopIterationError(error) from error

    async def rounds(self, block: BlockPlan, clock: Clock) -> Timings:
        """See `Subject.rounds`."""
        __tracebackhide__ = True
        try:
            return self._rounds(block, clock)
        except StopIteration as error:
            raise CarriedStopIterationError(error) from error

    def _arguments(self) -> Arguments:
        return self.given if self.setup is None else _checked(self.setup(), self.given)

    def _once(self, probe: Probe) -> Any:  # noqa: ANN401
        __tracebackhide__ = True
        args, kwargs = self._arguments()
        probe.start()
        try:
            result = self.function(*args, **kwargs)
        finally:
            probe.stop()
        if self.teardown is not None:
            self.teardown(*args, **kwargs)
        _refuse_unfinished(result)
        return result

    def _rounds(self, block: BlockPlan, clock: Clock) -> Timings:
        __tracebackhide__ = True
        function, wall, cpu, waited = self.function, clock.wall_ns, clock.cpu_ns, clock.waited_ns
        args, kwargs = self.given
        timings = Timings()
        for _ in range(block.rounds):
            if self.setup is not None:
                args, kwargs = self._arguments()
            before = wall() if block.with_waits else 0
            waited_start = waited() if block.with_waits else 0
            cpu_start = cpu() if block.with_cpu else 0
            if block.iterations == 1:
                start = wall()
                function(*args, **kwargs)
                end = wall()
            else:
                calls = range(block.iterations)
                start = wall()
                for _ in calls:
                    function(*args, **kwargs)
                end = wall()
            if block.with_cpu:
                timings.cpu_ns.append(cpu() - cpu_start)
            if block.with_waits:
                waited_end = waited()
                timings.waited_ns.append(waited_within(waited_end - waited_start, start - before, wall() - end))
            timings.wall_ns.append(end - start)
            if self.teardown is not None:
                self.teardown(*args, **kwargs)
            if end >= block.deadline_ns:
                break
        return timings


@dataclass(frozen=True)
class AsyncSubject:
    """A function whose result is awaited in the running event loop; the result of the set-up may be awaited, too."""

    function: Callable[..., Awaitable[Any]]
    given: Arguments = ((), {})
    setup: Callable[[], Any] | None = None

    @property
    def is_single(self) -> bool:
        """See `Subject.is_single`."""
        return self.setup is not None

    async def _arguments(self) -> Arguments:
        if self.setup is None:
            return self.given
        returned = self.setup()
        if inspect.isawaitable(returned):
            returned = await returned
        return _checked(returned, self.given)

    async def once(self, probe: Probe = UNWATCHED) -> Any:  # noqa: ANN401
        """See `Subject.once`."""
        __tracebackhide__ = True
        args, kwargs = await self._arguments()
        probe.start()
        try:
            pending = self.function(*args, **kwargs)
            is_awaited = inspect.isawaitable(pending)
            result = await pending if is_awaited else None
        finally:
            probe.stop()
        if not is_awaited:
            message = "perf.aio: the function returned nothing to await: use `perf(...)` for plain functions"
            raise MisuseError(message)
        _refuse_unfinished(result)
        return result

    async def rounds(self, block: BlockPlan, clock: Clock) -> Timings:
        """See `Subject.rounds`."""
        __tracebackhide__ = True
        function, wall, cpu, waited = self.function, clock.wall_ns, clock.cpu_ns, clock.waited_ns
        args, kwargs = self.given
        timings = Timings()
        for _ in range(block.rounds):
            if self.setup is not None:
                args, kwargs = await self._arguments()
            before = wall() if block.with_waits else 0
            waited_start = waited() if block.with_waits else 0
            cpu_start = cpu() if block.with_cpu else 0
            calls = range(block.iterations)
            start = wall()
            for _ in calls:
                await function(*args, **kwargs)
            end = wall()
            if block.with_cpu:
                timings.cpu_ns.append(cpu() - cpu_start)
            if block.with_waits:
                waited_end = waited()
                timings.waited_ns.append(waited_within(waited_end - waited_start, start - before, wall() - end))
            timings.wall_ns.append(end - start)
            if end >= block.deadline_ns:
                break
        return timings
