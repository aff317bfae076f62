from __future__ import annotations

import pytest

from agent_hive.balancing.circuit_breaker import CircuitBreaker, CircuitState
from agent_hive.clock import ManualClock
from agent_hive.errors import CircuitOpenError


@pytest.fixture
def breaker(clock: ManualClock) -> CircuitBreaker:
    return CircuitBreaker(failures=3, open_s=10, clock=clock)


@pytest.fixture
def opened(breaker: CircuitBreaker) -> CircuitBreaker:
    for _ in range(3):
        breaker.begin()
        breaker.fail()
    return breaker


@pytest.mark.perf_budget
def test_lets_a_call_pass(breaker: CircuitBreaker) -> None:
    breaker.begin()
    breaker.succeed()


@pytest.mark.perf_budget
def test_refuses_a_call(opened: CircuitBreaker) -> None:
    assert not opened.is_ready
    with pytest.raises(CircuitOpenError):
        opened.begin()


@pytest.mark.perf_budget
def test_opens_and_closes_again(breaker: CircuitBreaker, clock: ManualClock) -> None:
    for _ in range(3):
        breaker.begin()
        breaker.fail()
    clock.advance(10)
    breaker.begin()
    breaker.succeed()
    assert breaker.state is CircuitState.CLOSED


class TestClosed:
    def test_a_new_breaker_is_closed(self, breaker: CircuitBreaker) -> None:
        assert breaker.state is CircuitState.CLOSED
        assert breaker.is_ready

    def test_failures_in_a_row_open_it(self, breaker: CircuitBreaker) -> None:
        for state in (CircuitState.CLOSED, CircuitState.CLOSED, CircuitState.OPEN):
            breaker.begin()
            breaker.fail()
            assert breaker.state is state

    def test_an_answer_between_them_does_not(self, breaker: CircuitBreaker) -> None:
        for _ in range(10):
            breaker.fail()
            breaker.fail()
            breaker.succeed()
        assert breaker.state is CircuitState.CLOSED


class TestOpen:
    def test_no_call_is_made(self, opened: CircuitBreaker) -> None:
        assert not opened.is_ready
        with pytest.raises(CircuitOpenError, match="open"):
            opened.begin()

    def test_a_late_failure_does_not_keep_it_open_for_longer(self, opened: CircuitBreaker, clock: ManualClock) -> None:
        clock.advance(9)
        opened.fail()
        clock.advance(1)
        assert opened.state is CircuitState.HALF_OPEN


class TestHalfOpen:
    @pytest.fixture
    def half_open(self, opened: CircuitBreaker, clock: ManualClock) -> CircuitBreaker:
        clock.advance(10)
        return opened

    def test_a_single_call_is_tried(self, half_open: CircuitBreaker) -> None:
        assert half_open.is_ready
        half_open.begin()
        assert not half_open.is_ready
        with pytest.raises(CircuitOpenError, match="half-open"):
            half_open.begin()

    def test_an_answer_closes_it(self, half_open: CircuitBreaker) -> None:
        half_open.begin()
        half_open.succeed()
        assert half_open.state is CircuitState.CLOSED

    def test_a_failure_opens_it_again(self, half_open: CircuitBreaker, clock: ManualClock) -> None:
        half_open.begin()
        half_open.fail()
        assert half_open.state is CircuitState.OPEN
        clock.advance(10)
        assert half_open.is_ready

    def test_a_trial_without_outcome_is_repeated(self, half_open: CircuitBreaker) -> None:
        half_open.begin()
        half_open.abandon()
        assert half_open.state is CircuitState.HALF_OPEN
        assert half_open.is_ready


@pytest.mark.parametrize(("failures", "open_s"), [(0, 10.0), (1, 0.0)])
def test_a_breaker_that_cannot_work_is_refused(failures: int, open_s: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        CircuitBreaker(failures=failures, open_s=open_s)
