from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pytest_perfbudget.config import parse_settings
from pytest_perfbudget.monitor import Monitor

S = 10**9


class WallClock:
    """The time in ns since 1970, which moves only when a test says so."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * S

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * S)


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


@pytest.fixture
def make_monitor(wall: WallClock) -> Iterator[Callable[..., Monitor]]:
    """A function that makes a monitor on the scripted clock from the content of `[tool.perfbudget]`."""
    with ExitStack() as stack:

        def make(table: dict[str, Any] | None = None, **options: Any) -> Monitor:
            settings = parse_settings(table or {}, "pyproject.toml")
            given = {"clock": wall, "in_background": False, "takes_spans": False, **options}
            return stack.enter_context(Monitor(settings, **given))

        yield make
