"""The circuit breaker of an agent: after several failures the agent is left alone for a while."""

from __future__ import annotations

import enum

from agent_hive.clock import SYSTEM_CLOCK, Clock
from agent_hive.errors import CircuitOpenError


class CircuitState(enum.Enum):
    """The state of a breaker: calls are made, not made, or a single call is made as a trial."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """A breaker that opens after a number of failures in a row. One event loop or thread uses it.

    Args:
        failures: how many failures in a row open the breaker.
        open_s: how long the breaker stays open before a call may be tried.
        clock: the time.
    """

    def __init__(self, *, failures: int = 5, open_s: float = 10.0, clock: Clock = SYSTEM_CLOCK) -> None:
        if failures < 1 or open_s <= 0:
            raise ValueError(f"a breaker needs a failure and a time above zero, found {failures} and {open_s}")
        self._most = failures
        self._open_s = open_s
        self._clock = clock
        self._failed = 0
        self._opened_at: float | None = None
        self._is_tried = False

    @property
    def state(self) -> CircuitState:
        """The state at this time."""
        if self._opened_at is None:
            return CircuitState.CLOSED
        return CircuitState.HALF_OPEN if self._clock() - self._opened_at >= self._open_s else CircuitState.OPEN

    @property
    def is_ready(self) -> bool:
        """Whether a call may begin now."""
        state = self.state
        return state is CircuitState.CLOSED or (state is CircuitState.HALF_OPEN and not self._is_tried)

    def begin(self) -> None:
        """Note that a call begins; one of the three methods below has to follow.

        Raises:
            CircuitOpenError: the breaker is open, or half-open with a trial on its way.
        """
        state = self.state
        if state is CircuitState.CLOSED:
            return
        if state is CircuitState.OPEN or self._is_tried:
            raise CircuitOpenError(f"the circuit breaker is {state.value}")
        self._is_tried = True

    def succeed(self) -> None:
        """Note that a call was answered: the breaker closes."""
        self._failed = 0
        self._opened_at = None
        self._is_tried = False

    def fail(self) -> None:
        """Note that a call was not answered: a failed trial opens the breaker again."""
        self._failed += 1
        if self._is_tried or (self._opened_at is None and self._failed >= self._most):
            self._opened_at = self._clock()
            self._is_tried = False

    def abandon(self) -> None:
        """Note that a call ended before its outcome was known, so that another trial may be made."""
        self._is_tried = False
