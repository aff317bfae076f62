"""How often an agent may do something: a sliding window per agent and action."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from agent_hive.clock import SYSTEM_CLOCK, Clock

_OTHER = "*"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many hits within any stretch of time of this length."""

    hits: int
    window_s: int

    def __post_init__(self) -> None:
        """Refuse a limit that allows nothing or knows no window."""
        if self.hits < 1 or self.window_s < 1:
            raise ValueError(f"a limit needs at least one hit and one second, found {self}")


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a hit is allowed, how many more are left, and after how many seconds to come back."""

    allowed: bool
    remaining: int
    retry_after_s: int


class RateLimiter:
    """Counts the hits of every agent, action by action. Safe to share by threads.

    Args:
        limits: the limit of each action, by its name.
        default: the limit of all other actions together. They share one window, so that making up
            names of actions gains nothing.
        clock: the clock of `Decision.retry_after_s`. The library's memory storage reads `time.time`
            itself, so the two must agree.
    """

    def __init__(self, limits: Mapping[str, Limit], *, default: Limit, clock: Clock = SYSTEM_CLOCK) -> None:
        for action in limits:
            if "/" in action or action == _OTHER:  # the storage joins action and agent id with a slash
                raise ValueError(f"{action!r} cannot be the name of an action")
        self._limits = {action: _item(action, limit) for action, limit in limits.items()}
        self._default = _item(_OTHER, default)
        self._clock = clock
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, agent_id: str, action: str) -> Decision:
        """Count a hit if it is allowed; a refused one does not count."""
        item = self._limits.get(action, self._default)
        return self._decision(item, agent_id, allowed=self._window.hit(item, agent_id))

    def peek(self, agent_id: str, action: str) -> Decision:
        """Return what a hit would be answered now, without counting one."""
        item = self._limits.get(action, self._default)
        return self._decision(item, agent_id, allowed=self._window.test(item, agent_id))

    def _decision(self, item: RateLimitItem, agent_id: str, *, allowed: bool) -> Decision:
        stats = self._window.get_window_stats(item, agent_id)
        if allowed:
            return Decision(allowed=True, remaining=stats.remaining, retry_after_s=0)
        # The next whole second: at the very end of its window a hit still counts.
        wait_s = math.floor(max(stats.reset_time - self._clock(), 0.0)) + 1
        return Decision(allowed=False, remaining=0, retry_after_s=wait_s)


def _item(action: str, limit: Limit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.hits, limit.window_s, namespace=action)
