from __future__ import annotations

import pytest

from agent_hive.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """The time is set by the test, so that nothing has to wait."""
    return ManualClock(1_750_000_000.0)
