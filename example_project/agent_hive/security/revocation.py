"""Tokens that are withdrawn before their expiry."""

from __future__ import annotations

import heapq
import threading

from agent_hive.clock import SYSTEM_CLOCK, Clock


class RevocationList:
    """The ids of revoked tokens, each kept until its token has expired anyway. Threads may share the list."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        self._by_end: list[tuple[float, str]] = []

    def __contains__(self, token_id: str) -> bool:
        """Return whether the token with this id is revoked."""
        return token_id in self._until

    def __len__(self) -> int:
        """Return how many ids are remembered."""
        return len(self._until)

    def add(self, token_id: str, until: float) -> None:
        """Revoke the token with this id.

        Args:
            token_id: the `jti` of the token.
            until: the time from which every verifier refuses the token as expired, leeway included.
        """
        with self._lock:
            if until > self._until.get(token_id, 0.0):
                self._until[token_id] = until
                heapq.heappush(self._by_end, (until, token_id))
            self._forget_expired()

    def _forget_expired(self) -> None:
        now = self._clock()
        while self._by_end and self._by_end[0][0] <= now:
            end, token_id = heapq.heappop(self._by_end)
            if self._until.get(token_id) == end:  # otherwise the token was revoked again, for longer
                del self._until[token_id]
