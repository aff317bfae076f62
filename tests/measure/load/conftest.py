from __future__ import annotations

import pytest
from virtual_loads import LOOPS, Loop


@pytest.fixture(params=LOOPS.values(), ids=list(LOOPS))
def loop(request: pytest.FixtureRequest) -> Loop:
    made: Loop = request.param()
    return made
