"""The driver of the generators: it generates the loads of a test, one after the other, in threads or an event loop."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord, ProcessFacts
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.load.call import LoadCall, Look, never_early
from pytest_perfbudget.measure.load.leaving_errors import LeavingErrors
from pytest_perfbudget.measure.load.process_watch import ProcessWatch
from pytest_perfbudget.measure.load.recorder import LoadRecorder, ThreadRecorder
from pytest_perfbudget.plugin.progress import Progress
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.progress import part_progress_text

if TYPE_CHECKING:
    from pytest_perfbudget.measure.load.async_load import AsyncLoad
    from pytest_perfbudget.measure.load.thread_load import ThreadLoad

_Result = TypeVar("_Result")

_SHOWN_NS: Final = NS_PER["s"] // 4
"""The length from which the terminal shows one of several loads; shorter ones would flicker."""

Loads = Generator[LoadPlan, LoadRecord, _Result]
"""A function that yields loads, is sent the record of each load, and returns a result."""


class LoadDriver:
    """The loads of one test.

    Args:
        progress: the display of the session's current work.

    Attributes:
        recorder: the recorder of the load that runs; None between loads.
        left: the number of calls of the last load that did not return.
        unclean: the errors at the end of the context managers of the last load's users.
        hung: the number of users of the last load that did not leave their context manager in time.
    """

    def __init__(self, progress: Progress) -> None:
        self.recorder: LoadRecorder | None = None
        self.left = 0
        self.hung = 0
        self.unclean = LeavingErrors()
        self._failed_check: BaseException | None = None
        self._progress = progress

    def generate(
        self,
        plan: LoadPlan,
        call: LoadCall,
        recorder: ThreadRecorder | None = None,
        look: Look = never_early,
        watch: ProcessWatch | None = None,
    ) -> LoadRecord:
        """Generate a load of plain calls, in threads.

        Args:
            plan: the load.
            call: the request.
            recorder: the recorder of the load; by default a new one.
            look: a function that ends the load early; see `measure.load.call.Look`.
            watch: the watch over the serving process; None if no process is known.
        """
        from pytest_perfbudget.measure.load.thread_load import ThreadLoad  # noqa: PLC0415 - few tests need it

        __tracebackhide__ = True
        used = recorder or ThreadRecorder()
        load = ThreadLoad(plan, call, used, look=look)
        with self._running(used, watch, call.place) as facts:
            load.run()
        self._note_end(load, call)
        return replace(used.record(plan, load.ended_early), process=facts.get("process"))

    async def generate_async(
        self,
        plan: LoadPlan,
        call: LoadCall,
        recorder: LoadRecorder | None = None,
        look: Look = never_early,
        watch: ProcessWatch | None = None,
    ) -> LoadRecord:
        """Generate a load of coroutines in the running event loop; see `generate`."""
        from pytest_perfbudget.measure.load.async_load import AsyncLoad  # noqa: PLC0415 - as above

        __tracebackhide__ = True
        used = recorder or LoadRecorder()
        load = AsyncLoad(plan, call, used, look=look)
        with self._running(used, watch, call.place) as facts:
            await load.run()
        self._note_end(load, call)
        return replace(used.record(plan, load.ended_early), process=facts.get("process"))

    def raise_failed_check(self) -> None:
        """Raise the first failed assertion at the end of a user's context manager, if there was one: it fails the test.

        Raises:
            BaseException: the exception of the failed check.
        """
        __tracebackhide__ = True
        found, self._failed_check = self._failed_check, None
        if found is not None:
            raise found

    def _note_end(self, load: ThreadLoad | AsyncLoad, call: LoadCall) -> None:
        """Note what of a load did not end well."""
        self.left, self.hung, self.unclean = load.left, load.hung, load.unclean
        self._failed_check = self._failed_check or load.unclean.failed_check(call.checks)

    def unfinished(self) -> Iterator[str]:
        """Yield a note about each part of the last load that did not end."""
        if self.left:
            yield f"{counted(self.left, 'request')} did not return, and may still run"
        if self.hung:
            yield f"user=: {counted(self.hung, 'user')} did not leave the context manager in time"
        for one in self.unclean:
            yield f"user=: {counted(one.count, 'user')} left the context manager with {one.kind}: {one.message}"

    def drive(self, loads: Loads[_Result], call: LoadCall) -> _Result:
        """Generate the loads that a function asks for, and return the function's result."""
        __tracebackhide__ = True
        plan, found = _following(loads, None)
        while plan is not None:
            self._announce(plan)
            plan, found = _following(loads, self.generate(plan, call))
        return found[0]

    async def drive_async(self, loads: Loads[_Result], call: LoadCall) -> _Result:
        """Do the same as `drive` with coroutines."""
        __tracebackhide__ = True
        plan, found = _following(loads, None)
        while plan is not None:
            self._announce(plan)
            plan, found = _following(loads, await self.generate_async(plan, call))
        return found[0]

    def _announce(self, plan: LoadPlan) -> None:
        if plan.duration_ns >= _SHOWN_NS:
            self._progress.note(part_progress_text(plan.text))

    @contextmanager
    def _running(
        self, recorder: LoadRecorder, watch: ProcessWatch | None, place: str
    ) -> Iterator[dict[str, ProcessFacts]]:
        """Watch the serving process while the load runs; yield a table with the facts about it after the load."""
        if self.recorder is not None:  # of two awaitables, such as in asyncio.gather
            message = f"{place}: another load of this test is running: await one before the next"
            raise MisuseError(message)
        facts: dict[str, ProcessFacts] = {}
        self.recorder = recorder
        if watch is not None:
            watch.start()
            recorder.begins = watch.begin
        try:
            yield facts
        finally:
            self.recorder = None
            self._progress.clear()
            if watch is not None:
                facts["process"] = watch.stop(recorder.last_ns)


def _following(loads: Loads[_Result], record: LoadRecord | None) -> tuple[LoadPlan | None, list[_Result]]:
    """Return the next load that a function asks for; at its end, None and the function's result.

    Args:
        loads: the function.
        record: of the load before; None at the beginning.
    """
    try:
        return (next(loads) if record is None else loads.send(record)), []
    except StopIteration as end:
        return None, [end.value]
