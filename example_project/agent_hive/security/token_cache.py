"""Identities of tokens whose signature was verified before."""

from __future__ import annotations

import threading
from collections import OrderedDict

from agent_hive.security.identity import Identity


class TokenCache:
    """A bounded map from a token's digest to its identity; the least recently used entry goes first.

    It holds digests so that a dump of its memory gives no token away. Whether an entry is still
    good, in time and not revoked, is the verifier's question at every use. Safe to share by threads.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a cache holds at least one entry, found size {size}")
        self._size = size
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, Identity] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def get(self, digest: bytes) -> Identity | None:
        """Return the identity and count the entry as used; None if there is none."""
        with self._lock:
            identity = self._entries.get(digest)
            if identity is not None:
                self._entries.move_to_end(digest)
            return identity

    def put(self, digest: bytes, identity: Identity) -> None:
        """Keep an identity, and let go of the least recently used one if there are too many."""
        with self._lock:
            self._entries[digest] = identity
            self._entries.move_to_end(digest)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def discard(self, digest: bytes) -> None:
        """Let go of an entry, if there is one."""
        with self._lock:
            self._entries.pop(digest, None)

    def clear(self) -> None:
        """Let go of all entries."""
        with self._lock:
            self._entries.clear()
