"""The identities from tokens whose signature has been verified before."""

from __future__ import annotations

import threading
from collections import OrderedDict

from agent_hive.security.identity import Identity


class TokenCache:
    """A bounded map from a token's digest to its identity; the least recently used entry is removed first.

    The map has digests as keys, so that a dump of its memory reveals no token. The verifier checks at
    every use that a token has not expired and is not revoked. Threads may share the map.
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
        """Return the identity of an entry, and count the entry as used; None if there is no entry."""
        with self._lock:
            identity = self._entries.get(digest)
            if identity is not None:
                self._entries.move_to_end(digest)
            return identity

    def put(self, digest: bytes, identity: Identity) -> None:
        """Keep an identity, and remove the least recently used entry if there are too many."""
        with self._lock:
            self._entries[digest] = identity
            self._entries.move_to_end(digest)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def discard(self, digest: bytes) -> None:
        """Remove an entry if it exists."""
        with self._lock:
            self._entries.pop(digest, None)

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._entries.clear()
