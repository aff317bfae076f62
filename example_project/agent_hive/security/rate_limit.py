"""The rate limits of agents: a sliding window for each agent and action."""

from __future__ import annotations

from collections.abc import Mapping

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pytest_perfbudget import track

from agent_hive.clock import SYSTEM_CLOCK, Clock
from agent_hive.security.limit_table import Decision, Limit, LimitTable


class RateLimiter:
    """A counter of the hits of every agent, for each action, in the memory of this process. Threads may share it.

    Args:
        limits: the limit of each action, by the name of the action.
        default: the limit of all other actions together.
        clock: the clock of `Decision.retry_after_s`. The library's memory storage reads `time.time`
            itself, so the two must agree.
    """

    def __init__(self, limits: Mapping[str, Limit], *, default: Limit, clock: Clock = SYSTEM_CLOCK) -> None:
        self._table = LimitTable(limits, default)
        self._clock = clock
        self._window = MovingWindowRateLimiter(MemoryStorage())

    @track("security.rate_limit")
    def hit(self, agent_id: str, action: str) -> Decision:
        """Count a hit if it is allowed; a refused hit does not count."""
        item = self._table.item(action)
        return self._decision(item, agent_id, allowed=self._window.hit(item, agent_id))

    def peek(self, agent_id: str, action: str) -> Decision:
        """Return the decision that a hit would get now, without counting a hit."""
        item = self._table.item(action)
        return self._decision(item, agent_id, allowed=self._window.test(item, agent_id))

    def _decision(self, item: RateLimitItem, agent_id: str, *, allowed: bool) -> Decision:
        stats = self._window.get_window_stats(item, agent_id)
        return Decision.of(allowed=allowed, remaining=stats.remaining, wait_s=stats.reset_time - self._clock())
