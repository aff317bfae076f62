"""The recorder of a load: a look at a running load neither stops the load nor changes with it."""

from __future__ import annotations

import sys
import threading
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load.outcomes import Outcome
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.measure.load.recorder import LoadRecorder, ThreadRecorder

MS = 1_000_000
PLAN = LoadPlan(users=1, requests=1)
KINDS = pytest.mark.parametrize("kind", [LoadRecorder, ThreadRecorder])


@pytest.fixture
def quick_turns() -> Iterator[None]:
    """Let threads take turns every 10 us, so that they meet in the middle of what they do."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@KINDS
def test_requests_end_while_a_look_views_the_numbers(kind: type[LoadRecorder]) -> None:
    """An array whose buffer is in use cannot grow."""
    recorder = kind()
    recorder.begin(0)
    recorder.answered(0, 5)
    seen = recorder.record(PLAN)
    views = np.frombuffer(seen.failed, dtype="b"), np.frombuffer(seen.latencies.sequence, dtype="q")
    for _ in range(1_000):
        recorder.answered(0, 7)
    assert [view.tolist() for view in views] == [[0], [5]]
    assert recorder.record(PLAN).requests == 1_001


@KINDS
def test_answers_within_the_planned_duration_are_counted(kind: type[LoadRecorder]) -> None:
    recorder = kind()
    recorder.begin(1_000 * MS, 500 * MS)
    recorder.answered(900 * MS, 1_100 * MS)  # of the warm-up
    recorder.answered(1_000 * MS, 1_100 * MS)
    recorder.answered(1_400 * MS, 1_500 * MS)
    recorder.raised(OSError(), 1_400 * MS, 1_500 * MS)
    recorder.answered(1_490 * MS, 2_900 * MS)
    found = recorder.record(LoadPlan(users=2, duration_ns=500 * MS))
    assert (found.requests, found.in_time, found.rps) == (4, 2, 4)


@KINDS
def test_an_error_after_the_warm_up_counts_whenever_its_request_began(kind: type[LoadRecorder]) -> None:
    """A request of the warm-up that is never answered is not lost between the warm-up and the load."""
    recorder = kind()
    recorder.begin(1_000 * MS)
    recorder.raised(OSError(), 900 * MS, 999 * MS)
    recorder.given_up("TimeoutError", "no answer", 900 * MS, 999 * MS)
    recorder.answered(900 * MS, 1_100 * MS)
    assert recorder.record(PLAN).requests == 0
    recorder.raised(OSError(), 900 * MS, 1_000 * MS)
    recorder.given_up("TimeoutError", "no answer", 900 * MS, 1_400 * MS)
    found = recorder.record(PLAN)
    assert (found.requests, found.failures, found.latencies.unanswered) == (2, 2, 1)
    assert found.given_up == 1
    assert list(found.latencies.sequence) == [500 * MS]


@KINDS
def test_an_error_without_an_answer_is_slower_than_any_limit(kind: type[LoadRecorder]) -> None:
    """The client may have waited for a shorter time than the limit."""
    recorder = kind()
    recorder.begin(0)
    recorder.raised(TimeoutError(), 0, 200 * MS, has_no_answer=True)
    recorder.raised(OSError("reset"), 0, 200 * MS)
    found = recorder.record(PLAN)
    assert (found.failures, found.latencies.unanswered, list(found.latencies.sequence)) == (2, 1, [200 * MS])
    assert list(found.outcomes) == [Outcome.NO_ANSWER, Outcome.FAILED]
    assert found.given_up == 0  # the client ended it, and no late generator excuses that
    assert len(found.latencies.with_failed(100 * MS)) == 2


@KINDS
def test_a_request_that_found_no_free_connection_of_its_client_was_not_sent(kind: type[LoadRecorder]) -> None:
    """A client with more connections might have seen an answer, as a generator with more time might have."""
    pool: type[Exception] = type("PoolTimeout", (Exception,), {"__module__": "httpx"})
    recorder = kind()
    recorder.begin(0)
    recorder.raised(pool(), 0, 200 * MS, has_no_answer=True)
    recorder.raised(pool(), 0, 200 * MS)  # no_answer= of the test says that this error is an answer
    found = recorder.record(PLAN)
    assert list(found.outcomes) == [Outcome.GIVEN_UP, Outcome.FAILED]
    assert (found.given_up, found.failures, found.latencies.unanswered) == (1, 2, 1)


@KINDS
def test_requests_that_meet_a_pause_of_the_generator_are_known(kind: type[LoadRecorder]) -> None:
    recorder = kind()
    recorder.begin(1_000 * MS)
    recorder.late(900 * MS, 950 * MS)  # in the warm-up
    recorder.answered(1_000 * MS, 1_010 * MS)
    recorder.late(1_020 * MS, 1_050 * MS)
    recorder.answered(1_000 * MS, 1_060 * MS)
    recorder.given_up("TimeoutError", "", 1_000 * MS, 1_070 * MS)
    recorder.answered(1_300 * MS, 1_310 * MS)
    found = recorder.record(PLAN)
    kept = [10 * MS, 0, 0, 10 * MS]
    assert found.disturbances.undisturbed(found.latencies.sequence, 20 * MS) == (kept, 2)
    assert found.disturbances.undisturbed(found.latencies.sequence, 40 * MS)[1] == 0


def test_a_request_takes_ten_bytes() -> None:
    """Also with the windows over time, in which the latencies of a real service spread over two powers of ten."""
    tracemalloc.start()
    try:
        recorder = LoadRecorder()
        recorder.begin(0)
        for number in range(100_000):
            recorder.answered(number * MS, number * MS + MS + number * 7_919 % (100 * MS))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 10 * 100_000 + 1_000_000  # the windows take the same however long the load is


@KINDS
def test_a_record_does_not_change_with_the_load(kind: type[LoadRecorder]) -> None:
    recorder = kind()
    recorder.begin(0)
    recorder.step("login", 0, 3)
    recorder.raised(OSError("refused"), 0, 4)
    seen = recorder.record(PLAN)
    recorder.step("login", 0, 3)
    recorder.raised(OSError("refused"), 0, 6)
    assert ([(one.count, one.last_ns) for one in seen.errors], len(seen.steps["login"])) == ([(1, 4)], 1)
    later = recorder.record(PLAN)
    assert ([(one.count, one.last_ns) for one in later.errors], len(later.steps["login"])) == ([(2, 6)], 2)


@pytest.mark.usefixtures("quick_turns")
def test_looks_beside_threads_that_record() -> None:
    recorder = ThreadRecorder()
    recorder.begin(0)
    gate = LoadGate(parse_budgets({"p95_ms": 50, "max_error_rate": 0.9}, "call"), Errors(0.01, 0.05))
    failures: list[BaseException] = []

    def record(number: int) -> None:
        try:
            for at in range(10_000):
                recorder.answered(0, at)
                if at % 20 == 0:
                    recorder.raised(OSError(f"{number} {at % 30}"), 0, at)
                    recorder.step(f"{number} {at % 30}", 0, at)
                    recorder.late(0, at)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    while any(one.is_alive() for one in threads):
        gate.why_end_early(recorder.record(PLAN), 1)
        assert recorder.errors.count <= 2_000
    assert not failures
    assert recorder.record(PLAN).requests == 42_000
