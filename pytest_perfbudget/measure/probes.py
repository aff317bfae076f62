"""The probes that count in one execution, during passes that are not timed."""

from __future__ import annotations

import cProfile
import sys
import threading
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any, Final, Protocol, cast

from pytest_perfbudget.core.count_passes import needs_pass
from pytest_perfbudget.core.instructions import MOST_COUNTED
from pytest_perfbudget.core.metrics import CALLS, INSTRUCTIONS, METRICS, PEAK, Metric
from pytest_perfbudget.measure.clock import SYSTEM, Clock
from pytest_perfbudget.measure.instruction_counter import CounterBusyError, InstructionCounter, instruction_counter
from pytest_perfbudget.measure.isolation import uncollected
from pytest_perfbudget.measure.one_thread import SEES_ALL_THREADS, keep_to_this_thread
from pytest_perfbudget.measure.own_functions import summed, without_own_functions
from pytest_perfbudget.measure.subject import Probe, Subject
from pytest_perfbudget.measure.thread_calls import ThreadCalls

_STOPPED_BY_CODE: Final = "the measured code stopped the profiler itself, or uses another: its calls are not counted"
_GETPROFILE: Final = "<built-in method sys.getprofile>"
_COMPREHENSIONS: Final = ("<listcomp>", "<setcomp>", "<dictcomp>")


class ProbeBusyError(Exception):
    """The error for a count that another tool, or the measured code itself, prevents."""


class CountingProbe(Probe, Protocol):
    """A probe that ends with a count."""

    count: float


class PeakBytes:
    """The probe for the most bytes held at once through Python's allocators, above the bytes held at the start."""

    def __init__(self) -> None:
        self.count = 0.0
        self._ours = False
        self._before = 0

    def start(self) -> None:
        """See `Probe.start`."""
        self._ours = not tracemalloc.is_tracing()
        if self._ours:
            tracemalloc.start()
        tracemalloc.reset_peak()
        self._before = tracemalloc.get_traced_memory()[0]

    def stop(self) -> None:
        """See `Probe.stop`."""
        if not tracemalloc.is_tracing():
            message = "the measured code stopped tracemalloc itself"
            raise ProbeBusyError(message)
        self.count = float(max(0, tracemalloc.get_traced_memory()[1] - self._before))
        if self._ours:
            tracemalloc.stop()


class FunctionCalls:
    """The probe for calls of Python and built-in functions, including the measured function and recursive calls.

    Of several executions the probe has the sum. Calls in other threads are kept apart, and comprehensions are part of
    their functions: neither are counted, so that the number is the same in all versions of Python.

    Args:
        begins_threads: whether threads are known to begin meanwhile.
    """

    def __init__(self, *, begins_threads: bool = False) -> None:
        self.count = 0.0
        self.executions = 0
        self.threads = ThreadCalls()
        self._recorded: Sequence[Any] = ()
        self._entries: Sequence[Any] | None = None
        self.is_kept_to_thread = SEES_ALL_THREADS and (begins_threads or threading.active_count() > 1)
        self._profile = cProfile.Profile()

    def start(self) -> None:
        """See `Probe.start`."""
        message = "another profiler is active: run without it to count calls"
        if sys.getprofile() is not None:  # before 3.12 this profiler would replace the other profiler
            raise ProbeBusyError(message)
        self.threads.start()
        try:
            self._profile.enable()
        except ValueError as error:
            self.threads.stop()
            raise ProbeBusyError(message) from error
        if self.is_kept_to_thread:
            keep_to_this_thread()
            self._profile.clear()  # of the calls above, and of earlier executions, which `stop` has kept

    @property
    def is_mixed(self) -> bool:
        """Whether calls of other threads, which have begun unexpectedly, are among those of this thread."""
        return SEES_ALL_THREADS and self.threads.have_begun and not self.is_kept_to_thread

    def stop(self) -> None:
        """See `Probe.stop`."""
        try:
            # Before 3.12, other profilers replace this profiler, which then is still enabled and sees no calls.
            replaced_by: object = None if SEES_ALL_THREADS else sys.getprofile()
            self._profile.disable()
        except ValueError as error:
            raise ProbeBusyError(_STOPPED_BY_CODE) from error
        finally:
            self.threads.stop()
        if not SEES_ALL_THREADS and replaced_by is not self._profile:
            if callable(replaced_by):
                sys.setprofile(cast("Any", replaced_by))
            raise ProbeBusyError(_STOPPED_BY_CODE)
        self.executions += 1
        # The profiler also saw this method and the functions that the method calls.
        ours = (FunctionCalls.stop.__code__, "<method 'disable' of '_lsprof.Profiler' objects>")
        recorded = [
            entry
            for entry in self._profile.getstats()
            if entry.code not in ours and (entry.code != _GETPROFILE or entry.callcount > self.executions)
        ]
        self._recorded = summed([*self._recorded, *recorded]) if self.is_kept_to_thread else recorded
        self._entries = None
        self.count = float(sum(entry.callcount for entry in self._recorded if not is_comprehension(entry.code)))

    @property
    def entries(self) -> Sequence[Any]:
        """The functions of all executions so far, as cProfile has them, without those of this plugin."""
        if self._entries is None:
            self._entries = without_own_functions(self._recorded)
        return self._entries


def is_comprehension(code: CodeType | str) -> bool:
    """Return whether a function is a comprehension, which is no function of its own from Python 3.12 on."""
    return isinstance(code, CodeType) and code.co_name in _COMPREHENSIONS


class BytecodeInstructions:
    """The probe for bytecode instructions, whose count is one above `MOST_COUNTED` if there are more."""

    def __init__(self) -> None:
        self.count = 0.0
        self.runs: list[tuple[CodeType, list[int]]] = []
        self._counter: InstructionCounter | None = None

    def start(self) -> None:
        """See `Probe.start`."""
        try:
            self._counter = instruction_counter(MOST_COUNTED)
            self._counter.start()
        except CounterBusyError as error:
            self._counter = None
            raise ProbeBusyError(str(error)) from error

    def stop(self) -> None:
        """See `Probe.stop`."""
        if self._counter is None:
            return
        try:
            self._counter.stop()
        except CounterBusyError as error:
            raise ProbeBusyError(str(error)) from error
        self.runs = self._counter.runs()
        counted = sum(sum(runs) for _, runs in self.runs)
        self.count = float(MOST_COUNTED + 1 if self._counter.is_full else counted)


PROBES: Final[dict[str, type[CountingProbe]]] = {
    CALLS.name: FunctionCalls,
    INSTRUCTIONS.name: BytecodeInstructions,
    PEAK.name: PeakBytes,
}
"""The probe that counts a metric, by metric."""

LooksBad = Callable[[float], bool]
"""A function that returns whether a count is worth a second pass."""

NO_BUDGETS: Final[Mapping[str, LooksBad]] = {}


async def count(
    subject: Subject,
    wanted: Mapping[str, LooksBad],
    over_budget: Mapping[str, LooksBad] = NO_BUDGETS,
    clock: Clock = SYSTEM,
) -> tuple[dict[str, list[CountingProbe]], dict[str, str]]:
    """Run untimed passes for each metric: one, or more if its count looks bad.

    Args:
        subject: the subject that is run.
        wanted: the metrics to count, each with a function that returns whether its count is worth a second pass.
        over_budget: a function for each metric with a budget that returns whether a count exceeds the budget.
        clock: the clock that times the passes.

    Returns:
        The probes of all passes by metric, the best probe first; and by metric the reason why there is no count.
    """
    __tracebackhide__ = True
    found: dict[str, list[CountingProbe]] = {}
    problems: dict[str, str] = {}
    for name, looks_bad in wanted.items():
        try:
            found[name] = await _passes(subject, METRICS[name], looks_bad, over_budget.get(name, _never), clock)
        except ProbeBusyError as error:
            problems[name] = str(error)
    return found, problems


def _never(count: float) -> bool:  # noqa: ARG001 - see `LooksBad`
    return False


async def _passes(
    subject: Subject, metric: Metric, looks_bad: LooksBad, is_over_budget: LooksBad, clock: Clock
) -> list[CountingProbe]:
    """Return the probes of all passes, the best probe first; of equally good probes, the later probe comes first.

    The first pass finds the caches of the CPU and the interpreter cold, so its times are up to twice those of the
    second pass.
    """
    __tracebackhide__ = True
    probes: list[CountingProbe] = []
    passes: list[float] = []
    start_ns = clock.wall_ns()
    while not probes or (
        looks_bad(probes[0].count)
        and needs_pass(metric, passes, clock.wall_ns() - start_ns, is_over_budget=is_over_budget(probes[0].count))
    ):
        with uncollected():  # callbacks of the garbage collector are not calls by the measured code
            probe = await _probed(subject, metric)
        passes.append(probe.count)
        is_best = not probes or not metric.is_worse(probe.count, probes[0].count)
        probes.insert(0 if is_best else len(probes), probe)
    return probes


async def profiled(subject: Subject) -> FunctionCalls:
    """Return the calls of one execution; of a second one if threads have begun whose calls are mixed with them."""
    __tracebackhide__ = True
    probe = FunctionCalls()
    await subject.once(probe)
    if probe.is_mixed:
        probe = FunctionCalls(begins_threads=True)
        await subject.once(probe)
    return probe


async def _probed(subject: Subject, metric: Metric) -> CountingProbe:
    __tracebackhide__ = True
    if metric is CALLS:
        return await profiled(subject)
    probe = PROBES[metric.name]()
    await subject.once(probe)
    return probe
