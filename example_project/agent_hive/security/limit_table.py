"""The limit of each action, as the strategies of the library need them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerSecond

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

    @classmethod
    def of(cls, *, allowed: bool, remaining: int, wait_s: float) -> Decision:
        """Return the decision on a hit; a refused hit has to wait."""
        if allowed:
            return cls(allowed=True, remaining=remaining, retry_after_s=0)
        # Up to the next whole second, because a hit still counts at the very end of its window.
        return cls(allowed=False, remaining=0, retry_after_s=math.floor(max(wait_s, 0.0)) + 1)


class LimitTable:
    """The limits of actions, by name, and the limit of all other actions together.

    Other actions share one window, so that an agent gains nothing by inventing names of actions.
    """

    def __init__(self, limits: Mapping[str, Limit], default: Limit) -> None:
        for action in limits:
            if "/" in action or action == _OTHER:  # the storage joins action and agent id with a slash
                raise ValueError(f"{action!r} cannot be the name of an action")
        self._items = {action: _item(action, limit) for action, limit in limits.items()}
        self._default = _item(_OTHER, default)

    def item(self, action: str) -> RateLimitItem:
        """Return the limit of an action."""
        return self._items.get(action, self._default)


def _item(action: str, limit: Limit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.hits, limit.window_s, namespace=action)
