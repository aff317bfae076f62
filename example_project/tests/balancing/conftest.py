from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_hive.discovery.registry import Endpoint

Make = Callable[..., list[Endpoint]]


@pytest.fixture
def endpoints() -> Make:
    """A function that makes the endpoints `a`, `b`, ... with the given weights."""

    def make(*weights: int) -> list[Endpoint]:
        return [
            Endpoint(name, f"http://{name}", weight, is_healthy=True, expires_at=0)
            for name, weight in zip("abcdefghij", weights, strict=False)
        ]

    return make
