"""The rate limits of agents: a sliding window for each agent and action."""

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
    """The most hits within any stretch of time of a given length."""

    hits: int
    window_s: int

    def __post_init__(self) -> None:
        """Refuse a limit that allows no hit or has no window."""
        if self.hits < 1 or self.window_s < 1:
            raise ValueError(f"a limit needs at least one hit and one second, found {self}")


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a hit: whether it is allowed, how many more hits are left, and the seconds until the next try."""

    allowed: bool
    remaining: int
    retry_after_s: int


class RateLimiter:
    """A counter of the hits of every agent, for each action. Threads may share it.

    Args:
        limits: the limit of each action, by the name of the action.
        default: the limit of all other actions together. They share one window, so that an agent
            gains nothing by inventing names of actions.
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
        """Count a hit if it is allowed; a refused hit does not count."""
        item = self._limits.get(action, self._default)
        return self._decision(item, agent_id, allowed=self._window.hit(item, agent_id))

    def peek(self, agent_id: str, action: str) -> Decision:
        """Return the decision that a hit would get now, without counting a hit."""
        item = self._limits.get(action, self._default)
        return self._decision(item, agent_id, allowed=self._window.test(item, agent_id))

    def _decision(self, item: RateLimitItem, agent_id: str, *, allowed: bool) -> Decision:
        stats = self._window.get_window_stats(item, agent_id)
        if allowed:
            return Decision(allowed=True, remaining=stats.remaining, retry_after_s=0)
        # Up to the next whole second, because a hit still counts at the very end of its window.
        wait_s = math.floor(max(stats.reset_time - self._clock(), 0.0)) + 1
        return Decision(allowed=False, remaining=0, retry_after_s=wait_s)


def _item(action: str, limit: Limit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.hits, limit.window_s, namespace=action)
