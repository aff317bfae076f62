"""The gatherer: which spans belong to which execution, and what is forgotten."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import queue
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from scripting import ScriptedClock

from pytest_perfbudget import track
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.gate import BudgetGate
from pytest_perfbudget.core.load import latencies
from pytest_perfbudget.measure import spans as module
from pytest_perfbudget.measure.plan import Plan
from pytest_perfbudget.measure.runner import measure, run_plain
from pytest_perfbudget.measure.span_receiver import SpanReceiver
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.measure.subject import AsyncSubject, PlainSubject
from pytest_perfbudget.measure.traced_subject import TracedSubject
from pytest_perfbudget.tracing import Span, add_sink, current, emit, is_tracking, remove_sink
from pytest_perfbudget.tracing.span import EPOCH_NS

HERE = Path(__file__).parent
PACKAGE = str(Path(module.__file__).parent.parent / "*")


@pytest.fixture
def gatherer() -> SpanGatherer:
    return SpanGatherer(HERE, ["query"])


def counts(gatherer: SpanGatherer, name: str) -> list[int]:
    series = gatherer.store.series(name)
    return [] if series is None else list(series.counts)


def query(text: str = "SELECT 1") -> str:
    with track("query", statement=text):
        return text


def test_spans_belong_to_the_execution_in_which_they_ran(gatherer: SpanGatherer) -> None:
    with gatherer.listening():
        for number in (1, 2):
            with gatherer.execution():
                for _ in range(number):
                    query()
        query()  # outside all executions
        gatherer.keep()
    assert counts(gatherer, "query") == [1, 2]
    assert gatherer.store.lost == 1


def test_nothing_listens_before_and_after(gatherer: SpanGatherer) -> None:
    assert not is_tracking()
    with gatherer.listening():
        assert is_tracking()
    assert not is_tracking()


def test_what_was_not_kept_is_forgotten(gatherer: SpanGatherer) -> None:
    with gatherer.listening(), gatherer.execution():
        query()
    with gatherer.listening(), gatherer.execution():
        pass
    gatherer.keep()
    assert gatherer.store.executions == 1
    assert counts(gatherer, "query") == []


def in_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_a_thread_belongs_to_the_execution_that_started_the_thread(gatherer: SpanGatherer) -> None:
    """Also under load, where the executions overlap and their times say nothing."""
    with gatherer.listening():
        with gatherer.execution():
            with gatherer.execution():
                in_thread(query)
            in_thread(lambda: [query(), query()])
        gatherer.keep()
    assert sorted(counts(gatherer, "query")) == [1, 2]


def test_a_thread_without_the_context_is_placed_by_its_time(gatherer: SpanGatherer) -> None:
    with gatherer.listening():
        for number in (0, 1):
            with gatherer.execution():
                if number:
                    in_thread(lambda: contextvars.Context().run(query))
        gatherer.keep()
    assert counts(gatherer, "query") == [0, 1]


def test_a_thread_that_works_on_for_later_executions_belongs_to_these(gatherer: SpanGatherer) -> None:
    jobs: queue.SimpleQueue[threading.Event | None] = queue.SimpleQueue()

    def work() -> None:
        while (done := jobs.get()) is not None:
            query()
            done.set()

    worker = threading.Thread(target=work)
    with gatherer.listening():
        for number in (0, 1, 2):
            with gatherer.execution():
                if not number:
                    worker.start()
                for _ in range(number):
                    done = threading.Event()
                    jobs.put(done)
                    assert done.wait(10)
        gatherer.keep()
    jobs.put(None)
    worker.join()
    assert counts(gatherer, "query") == [0, 1, 2]


def own_bytes() -> int:
    """Return the memory that the package has: caches of the interpreter, and other threads such as xdist's, have more."""
    gc.collect()
    taken = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(inclusive=True, filename_pattern=PACKAGE)])
    return sum(one.size for one in taken.statistics("filename"))


def test_many_spans_leave_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of spans beyond the number whose times are kept exactly, only counts are left."""
    monkeypatch.setattr(latencies, "MOST_EXACT", 100)
    gatherer = SpanGatherer(HERE, ["query"])

    def block() -> None:
        with gatherer.listening(), gatherer.execution():
            for number in range(2_000):
                query(f"SELECT {number % 3}")
        gatherer.keep()

    tracemalloc.start()
    block()
    before = own_bytes()
    for _ in range(4):
        block()
    after = own_bytes()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counts(gatherer, "query") == [2_000] * 5
    assert before > 0
    assert after - before < 20_000  # 8,000 spans later
    assert most < 2_000 * 2_000  # while a block is added up


def test_executions_that_overlap_have_only_spans_of_their_own_trace(gatherer: SpanGatherer) -> None:
    async def request(number: int) -> None:
        with gatherer.execution():
            for _ in range(number):
                query()
                await asyncio.sleep(0)
            emit(Span("stray", 1, 1, 0, EPOCH_NS, 1, None))

    async def load() -> None:
        await asyncio.gather(*(request(number) for number in (1, 2, 3)))

    with gatherer.listening():
        asyncio.run(load())
        gatherer.keep()
    assert sorted(counts(gatherer, "query")) == [1, 2, 3]
    assert counts(gatherer, "stray") == []
    assert gatherer.store.lost == 3


def test_too_many_spans_at_once_are_lost_and_counted(gatherer: SpanGatherer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PENDING", 5)
    with gatherer.listening():
        with gatherer.execution():
            for _ in range(8):
                query()
        gatherer.keep()
    assert counts(gatherer, "query") == [5]
    assert gatherer.store.lost == 3


class Receiver:
    """A receiver that counts how often spans on their way are waited for."""

    def __init__(self) -> None:
        self.settled: list[bool] = []
        self.take: Callable[[list[Span]], None] = lambda _: None
        self.dropped = self.vanished = self.refused = 0

    def settle(self, *, is_expected: bool = False) -> None:
        self.settled.append(is_expected)


def with_receiver(receiver: Receiver) -> SpanGatherer:
    return SpanGatherer(HERE, receiver=cast("SpanReceiver", receiver), is_load=True)


def test_spans_of_other_processes_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver()
    gatherer = with_receiver(receiver)
    monkeypatch.setattr(module, "MOST_HELD", 8)
    for number in (1, 2, 3, 1):
        with gatherer.listening():
            with gatherer.execution():
                trace_id = gatherer_trace()
                for _ in range(number):
                    query()
            receiver.take([Span("remote", trace_id, 1, 0, 0, 1, None), Span("foreign", 1, 2, 0, 0, 1, None)])
            gatherer.keep()
    assert receiver.settled == [False]  # when there were too many
    gatherer.finish(["query", "absent"])
    assert receiver.settled == [False, True]
    assert counts(gatherer, "query") == [1, 2, 3, 1]
    assert counts(gatherer, "remote") == [1, 1, 1, 1]
    assert gatherer.store.has_remote
    assert gatherer.store.lost == 0


def test_losses_count_from_the_first_listening_on() -> None:
    receiver = Receiver()
    receiver.dropped, receiver.vanished, receiver.refused = 10, 20, 30
    gatherer = with_receiver(receiver)
    with gatherer.listening():
        receiver.dropped, receiver.vanished, receiver.refused = 11, 22, 33
    gatherer.finish()
    assert (gatherer.store.lost, gatherer.store.vanished, gatherer.store.refused) == (1, 2, 3)


def remote(trace_id: int, span_id: int, parent_id: int = 0, start_ns: int = 0) -> Span:
    return Span("remote", trace_id, span_id, parent_id, start_ns, 1, None)


def test_a_span_that_comes_twice_counts_once() -> None:
    receiver = Receiver()
    gatherer = SpanGatherer(HERE, receiver=cast("SpanReceiver", receiver))
    local: list[Span] = []
    with gatherer.listening():
        with gatherer.execution():
            trace_id = gatherer_trace()
            add_sink(take := lambda record: local.append(Span._make(record)))
            query()
            remove_sink(take)
        receiver.take([*local, *[remote(trace_id, 1)] * 2, remote(trace_id, 2)])
        gatherer.keep()
    gatherer.finish()
    assert counts(gatherer, "query") == [1]
    assert counts(gatherer, "remote") == [2]


def test_a_process_that_works_on_for_later_executions_belongs_to_these() -> None:
    receiver = Receiver()
    gatherer = SpanGatherer(HERE, receiver=cast("SpanReceiver", receiver))
    with gatherer.listening():
        with gatherer.execution():
            first = current()
        assert first is not None
        within = remote(first.trace_id, 1, first.span_id)  # its clock is behind, as of another machine
        with gatherer.execution():
            now_ns = EPOCH_NS + time.perf_counter_ns()
            later = [remote(first.trace_id, 2, first.span_id, now_ns), remote(first.trace_id, 3, 2, now_ns + 1)]
            after_all = remote(first.trace_id, 4, 1, now_ns)
        receiver.take([within, *later, after_all])
        gatherer.keep()
    gatherer.finish()
    assert counts(gatherer, "remote") == [2, 2]


def test_spans_of_a_load_without_a_trace_are_noted_however_its_requests_overlap() -> None:
    receiver = Receiver()
    gatherer = with_receiver(receiver)
    with gatherer.listening():
        with gatherer.execution():
            receiver.take([remote(1, 2, start_ns=EPOCH_NS + time.perf_counter_ns())])
        gatherer.keep()
    gatherer.finish()
    assert counts(gatherer, "remote") == []
    assert gatherer.store.is_untraced("remote")


def gatherer_trace() -> int:
    context = current()
    assert context is not None
    return context.trace_id


def sites(gatherer: SpanGatherer) -> dict[str, str]:
    """Return the line that made each statement of the only execution."""
    gatherer.keep()
    series = gatherer.store.series("query")
    return {} if series is None else dict(series.statements.keys())


def test_each_line_that_makes_the_same_query_counts_on_its_own(gatherer: SpanGatherer) -> None:
    with gatherer.listening():
        with gatherer.execution():
            query()
            for _ in range(3):
                query()
        gatherer.keep()
    series = gatherer.store.series("query")
    assert series is not None
    assert sorted(series.statements.values()) == [1, 3]


def test_a_query_is_known_by_its_line_and_the_line_of_its_caller(gatherer: SpanGatherer) -> None:
    with gatherer.listening(), gatherer.execution():
        query("SELECT 1")
        query("SELECT 2")
    first, second = sites(gatherer)["SELECT 1"], sites(gatherer)["SELECT 2"]
    line = test_a_query_is_known_by_its_line_and_the_line_of_its_caller.__code__.co_firstlineno
    inner = query.__code__.co_firstlineno + 1
    assert first == f"test_spans.py:{inner}, called from test_spans.py:{line + 2}"
    assert second == f"test_spans.py:{inner}, called from test_spans.py:{line + 3}"


def test_a_tracked_function_is_known_by_the_line_that_calls_it(gatherer: SpanGatherer) -> None:

    @track("query", statement="SELECT 1")
    def tracked() -> None:
        pass

    with gatherer.listening(), gatherer.execution():
        tracked()
    line = test_a_tracked_function_is_known_by_the_line_that_calls_it.__code__.co_firstlineno
    assert sites(gatherer)["SELECT 1"].startswith(f"test_spans.py:{line + 7}")


def test_a_query_in_a_generator_expression_is_known_by_the_line_that_calls_its_function(gatherer: SpanGatherer) -> None:
    @track("page")
    def page() -> None:
        assert all(query(f"SELECT {number}") for number in range(2))

    with gatherer.listening(), gatherer.execution():
        page()
    line = page.__wrapped__.__code__.co_firstlineno  # type: ignore[attr-defined]
    inner = query.__code__.co_firstlineno + 1
    assert sites(gatherer)["SELECT 0"] == f"test_spans.py:{inner}, called from test_spans.py:{line + 2}"


class TestSubject:
    def plan(self, clock: ScriptedClock, gatherer: SpanGatherer, rounds: int) -> Plan:
        gate = BudgetGate((), Errors(0.01, 0.05))
        return Plan(gate, 1_000_000_000, clock.clock, fewest_rounds=rounds, keep=gatherer.keep)

    @pytest.mark.parametrize("ms", [0.1, 3, 8])
    def test_only_rounds_that_count_are_executions(self, scripted: ScriptedClock, ms: float) -> None:
        gatherer = SpanGatherer(HERE, clock=scripted.clock)

        def work() -> None:
            query()
            scripted.advance(ms * 1e6)

        subject = TracedSubject(PlainSubject(work), gatherer)
        outcome = run_plain(measure(subject, self.plan(scripted, gatherer, 100)))
        samples = outcome.samples
        assert gatherer.store.executions == len(samples.wall_ns) * samples.iterations >= 100
        assert sum(gatherer.store.totals_ns) == pytest.approx(sum(samples.wall_ns) * samples.iterations)
        assert set(counts(gatherer, "query")) == {1}

    def test_more_rounds_than_unlimited_code_gets(self, scripted: ScriptedClock) -> None:
        gatherer = SpanGatherer(HERE, clock=scripted.clock)
        subject = TracedSubject(PlainSubject(lambda: scripted.advance(3e6)), gatherer)
        assert len(run_plain(measure(subject, self.plan(scripted, gatherer, 0))).samples.wall_ns) < 60
        assert len(run_plain(measure(subject, self.plan(scripted, gatherer, 236))).samples.wall_ns) >= 236

    def test_coroutines_are_awaited_within_their_execution(self, scripted: ScriptedClock) -> None:
        gatherer = SpanGatherer(HERE, clock=scripted.clock)

        async def work() -> None:
            query()
            await asyncio.sleep(0)
            query()
            scripted.advance(5e6)

        asyncio.run(measure(TracedSubject(AsyncSubject(work), gatherer), self.plan(scripted, gatherer, 60)))
        assert set(counts(gatherer, "query")) == {2}
        assert gatherer.store.lost == 0

    def test_the_first_call_and_counting_passes_are_not_tracked(self, gatherer: SpanGatherer) -> None:
        seen: list[bool] = []
        run_plain(TracedSubject(PlainSubject(lambda: seen.append(is_tracking())), gatherer).once())
        assert seen == [False]
