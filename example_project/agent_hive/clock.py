"""The time of day, as a value that is handed in: whoever needs it takes a `Clock`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

Clock = Callable[[], float]
"""Returns the seconds since 1970-01-01 UTC."""

SYSTEM_CLOCK: Final[Clock] = time.time


class ManualClock:
    """A clock that stands still until it is moved; for tests and for replays of a recorded day."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time it was set to."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self.now += seconds
