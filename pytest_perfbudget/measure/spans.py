"""The gatherer of spans, which notes the spans of each timed execution.

A sink is in place only while rounds are timed, so neither warm-ups nor passes that count function calls see spans. The
spans of a block of rounds are added up after the block.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import wraps
from operator import attrgetter, sub
from pathlib import Path
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from pytest_perfbudget.core.spans import SITE, STATEMENT, Execution
from pytest_perfbudget.core.spans.names import covers
from pytest_perfbudget.core.spans.placement import EndedExecution, placed_spans
from pytest_perfbudget.core.spans.series import SpanStore
from pytest_perfbudget.measure import otel
from pytest_perfbudget.measure.clock import SYSTEM, Clock
from pytest_perfbudget.measure.otel import Within
from pytest_perfbudget.measure.query_sites import QuerySites
from pytest_perfbudget.real_clocks import WALL_CPU_THREAD_NS
from pytest_perfbudget.tracing import Span, add_sink, continued, new_root, remove_sink
from pytest_perfbudget.tracing.announced import announced_to_children
from pytest_perfbudget.tracing.open_span import add_sampler, remove_sampler
from pytest_perfbudget.tracing.resting_span import finish_resting
from pytest_perfbudget.tracing.span import EPOCH_NS, Record
from pytest_perfbudget.tracing.steps import driven, is_in_event_loop
from pytest_perfbudget.tracing.threads import inherited
from pytest_perfbudget.tracing.wait_clock import WaitClock
from pytest_perfbudget.tracing.wait_sampling import Look, WaitSampler

if TYPE_CHECKING:
    from pytest_perfbudget.measure.span_receiver import SpanReceiver

MOST_PENDING: Final = 200_000
"""The most spans that wait until their executions are added up, about 100 MB; further spans are lost."""

MOST_HELD: Final = 50_000
"""The number of spans from which they no longer wait for later spans of other processes."""

_WHOLE: Final = ""
"""The name of executions among those of spans."""
_thread_ns: Final = WALL_CPU_THREAD_NS[2]

_losses: Final = attrgetter("dropped", "vanished", "refused")
"""The numbers of lost spans, of processes that lose some, and of refused batches, of a receiver."""

_FIELDS: Final = len(Span._fields)
"""The number of values of a span, which are kept one after the other in a flat list: the values need no object of their
own, at which the garbage collector would look while rounds are timed. In place of attributes and error stand the
statement and the line that makes the query, if the span is watched."""


class SpanGatherer:
    """The spans of the executions of one measurement.

    Args:
        root: the folder of the project, to which the lines that make queries belong.
        watched: the names or patterns of which repeated statements and their lines are noted.
        limited: the names or patterns that have a limit.
        clock: the clock of the executions.
        receiver: the receiver of spans from child processes; None if there is none.
        is_load: whether the executions are requests of a load, several of them at a time.
        store: the store of the executions; by default a new one.

    Attributes:
        store: the spans of the executions that count.
        kept: the number of executions that count so far.
    """

    def __init__(
        self,
        root: Path,
        watched: Collection[str] = (),
        limited: Collection[str] = (),
        clock: Clock = SYSTEM,
        receiver: SpanReceiver | None = None,
        *,
        is_load: bool = False,
        store: SpanStore | None = None,
    ) -> None:
        self.store = store or SpanStore(watched, limited)
        self.kept = 0
        self._sites = QuerySites(root, watched)
        self._now_ns = clock.wall_ns
        self._is_system = clock is SYSTEM
        self._waiting = WaitClock()
        self._sampler = WaitSampler(self._waiting.look)
        self._receiver = receiver
        self._lost_before: Sequence[int] = ()
        self._is_load = is_load
        self._warm_up: set[int] = set()
        self._uncounted: set[int] = set()
        self._announced = None if is_load else receiver
        self._within: Within | None = None
        self._pending: list[Any] = []
        self._most_values = 0
        self._is_watched = self._sites.is_watched
        self._ended: list[EndedExecution] = []
        self._held: list[Span] = []
        self._held_ended: list[EndedExecution] = []
        self._remote: list[Span] = []

    def take(self, span: Record) -> None:
        """Note a span that has ended; the sink."""
        try:
            is_watched = self._is_watched[span[0]]
        except KeyError:
            is_watched = self._sites.watches(span[0])
        kept: Sequence[Any] = span
        if is_watched or span[7] or span[8]:  # attributes or an error, which nobody will ask for
            # All names, because a star makes a list.
            name, trace, own, parent, start, duration, cpu, facts, _, thread, file, line, active, task, waits = span
            text = site = ""
            if is_watched:
                text, site = facts.get(STATEMENT, ""), facts[SITE] if SITE in facts else self._sites.calling()
                if text.__class__ is not str:
                    text = str(text)
            kept = (name, trace, own, parent, start, duration, cpu, text, site, thread, file, line, active, task, waits)
        if len(self._pending) < self._most_values:
            self._pending.extend(kept)  # at once, as other threads do so, too
        else:
            self.store.lose(1, span[0])

    def _site(self, name: str) -> str:
        """Return the line that begins a span which ends elsewhere, if the name is watched."""
        return self._sites.calling() if self._sites.watches(name) else ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note spans within the block, and forget those that have not been kept."""
        self._pending, self._ended, self._most_values = [], [], MOST_PENDING * _FIELDS
        if self._receiver is not None:
            self._receiver.take = self.take_remote
            if not self._lost_before:
                self._lost_before = _losses(self._receiver)
        self._waiting.find_processes()
        sampler = self._sampler if self._is_system else None
        add_sampler(sampler)
        add_sink(self.take, site=self._site)
        try:
            with inherited(), otel.listening(self.take) as self._within:
                yield
        finally:
            remove_sink(self.take)
            remove_sampler(sampler)

    @contextmanager
    def execution(self, *, counts_raised: bool = True, is_alone: bool = False) -> Iterator[None]:
        """Let the block be an execution, whose spans belong together.

        Args:
            counts_raised: whether a block that raises is an execution, too.
            is_alone: whether nothing else runs in the thread meanwhile although an event loop runs there.
        """
        root = new_root()
        within = self._within(root) if self._within is not None else nullcontext()
        with announced_to_children(root) if self._announced is not None else nullcontext(), continued(root), within:
            before, thread_ns = self._begun(reads=is_alone or not is_in_event_loop())
            start_ns = self._now_ns()
            try:
                yield
            except BaseException:
                if not counts_raised:
                    self._uncounted.add(root.trace_id)
                raise
            finally:
                end_ns = self._now_ns()
                cpu_ns = waits = None
                if thread_ns is not None:
                    cpu_ns = _thread_ns() - thread_ns
                    waits = self._sampler.end(_WHOLE, before, start_ns, end_ns, end_ns - start_ns - cpu_ns)
                finish_resting(root.trace_id)
                self._ended.append(EndedExecution(*root, EPOCH_NS + start_ns, EPOCH_NS + end_ns, cpu_ns, waits))

    def _begun(self, *, reads: bool) -> tuple[Look | None, int | None]:
        """Return a look at the start of an execution, if it is chosen, and the CPU time of this thread, if it counts.

        The CPU time of the thread is the system's, which means nothing on another clock.
        """
        if not (reads and self._is_system):
            return None, None
        return self._sampler.begin(_WHOLE), _thread_ns()

    def marked(self, function: Callable[..., Any], *, is_awaited: bool) -> Callable[..., Any]:
        """Return a function, each call of which is an execution.

        Args:
            function: the function.
            is_awaited: whether the result of the function is awaited; the result is a coroutine function then.
        """
        if is_awaited:

            @wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own types
                with self.execution(is_alone=not self._is_load):
                    pending = function(*args, **kwargs)
                    return await (driven(pending) if isinstance(pending, CoroutineType) else pending)

            return awaited

        @wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
            __tracebackhide__ = True
            with self.execution(is_alone=True):
                return function(*args, **kwargs)

        return called

    def keep(self, begin_ns: int = 0) -> None:
        """Let the executions since `listening` count, with their spans.

        Spans of other processes come later, so the executions are added up at the end if there may be such spans.

        Args:
            begin_ns: the time, on the clock of the executions, before which executions are a warm-up.
        """
        warm_up = {one.trace_id for one in self._ended if begin_ns and one.start_ns < begin_ns + EPOCH_NS}
        warm_up |= self._uncounted
        self._uncounted = set()
        self._warm_up |= warm_up
        counted = [one for one in self._ended if one.trace_id not in warm_up]
        self._held_ended += counted
        self.kept += len(counted)
        self._held += [one for one in _spans(self._pending) if one.trace_id not in warm_up]
        self._pending, self._ended = [], []
        if self._receiver is None:
            self._add_up()
        elif len(self._held) + len(self._remote) > MOST_HELD:
            self._receiver.settle()
            self._add_up()

    def finish(self, expected: Collection[str] = ()) -> None:
        """Wait for the spans of other processes, and add up what is left.

        Args:
            expected: the names that a test limits.
        """
        if self._receiver is not None:
            known = {*self.store.names, *(one.name for one in self._held)}
            lacks = any(not any(covers(one, name) for name in known) for one in expected)
            self._receiver.settle(is_expected=lacks)
            self._receiver.take = None
            losses = _losses(self._receiver)
            dropped, vanished, refused = map(sub, losses, self._lost_before or losses)
            self.store.lose(dropped)
            self.store.vanished += vanished
            self.store.refused += refused
        self._add_up()

    def take_remote(self, batch: Sequence[Span]) -> None:
        """Note spans of other processes, in a thread of the receiver."""
        room = MOST_PENDING - len(self._remote)
        self._remote += batch[:room]
        self.store.lose(max(len(batch) - room, 0))

    def _add_up(self) -> None:
        ended = sorted(self._held_ended, key=attrgetter("start_ns"))
        remote = self._taken_remote()
        self.store.has_remote |= bool(remote)
        placed = placed_spans(ended, [*self._held, *remote], overlap=self._is_load)
        is_remote = {id(span) for span in remote}
        for span in placed.stray:
            self._note_stray(span, ended, is_remote=id(span) in is_remote)
        for one in ended:
            self.store.add(Execution(one.start_ns, one.end_ns, placed.by_trace[one.trace_id], one.cpu_ns, one.waits))
        self._held, self._held_ended = [], []

    def _taken_remote(self) -> list[Span]:
        """Return the spans of other processes, each once: an application may export the spans of this process, too."""
        known = {one.span_id for one in self._held}  # the application's copy may have another trace
        found, self._remote = self._remote, []
        by_key = {(one.trace_id, one.span_id): one for one in found}
        return [self._with_site(one) for one in by_key.values() if one.span_id not in known]

    def _with_site(self, span: Span) -> Span:
        """Return a span of another process with the line that made the query, if the span is watched."""
        if not self._sites.watches(span.name):
            return span
        return span._replace(attributes={**span.attributes, SITE: self._sites.of_remote(span)})

    def _note_stray(self, span: Span, ended: Sequence[EndedExecution], *, is_remote: bool) -> None:
        """Count a span that belongs to no execution: the executions of a load overlap, so its time says nothing."""
        is_of_load = self._is_load and bool(ended) and ended[0].start_ns <= span.start_ns
        if not is_remote:
            if is_of_load:
                self.store.lose(1, span.name)
            else:
                self.store.lost += 1
        elif is_of_load and span.trace_id not in self._warm_up:  # otherwise the work of another process for itself
            self.store.note_untraced(span.name)


def _spans(values: Sequence[Any]) -> Iterator[Span]:
    """Yield the spans of a flat list."""
    each = iter(values)
    for *numbers, text, site, thread, file, line, active, task, waits in zip(*[each] * _FIELDS, strict=True):
        attributes = {STATEMENT: text, SITE: site} if text or site else {}
        yield Span._make((*numbers, attributes, "", thread, file, line, active, task, waits))
