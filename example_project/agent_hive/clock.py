"""The time of day as a dependency: code that needs the time takes a `Clock`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

Clock = Callable[[], float]
"""A function that returns the seconds since 1970-01-01 UTC."""

SYSTEM_CLOCK: Final[Clock] = time.time


class ManualClock:
    """A clock that stands still until a caller moves it, for tests and for replays of a recorded day."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time to which the clock is set."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self.now += seconds
