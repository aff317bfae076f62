from __future__ import annotations

from collections.abc import Iterator

import pytest
from line_server import Start, servers
from virtual_loads import LOOPS, Loop


@pytest.fixture(params=LOOPS.values(), ids=list(LOOPS))
def loop(request: pytest.FixtureRequest) -> Loop:
    made: Loop = request.param()
    return made


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that starts a server whose answers take so many seconds each."""
    with servers() as starts:
        yield starts
