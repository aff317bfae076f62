"""The weather around timers, which run where the test is: traced, if it is."""

from __future__ import annotations

import sys

from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.plugin.pace import Weather


def test_canaries_are_read_without_the_tracer_of_the_test_which_is_put_back() -> None:
    """It slows them more than most code, and would be taken for bad weather."""
    seen: set[str] = set()
    before = sys.gettrace()

    def tracer(frame: object, _event: str, _argument: object) -> None:
        seen.add(frame.f_code.co_name)  # type: ignore[attr-defined]

    sys.settrace(tracer)
    try:
        weather = Weather(SYSTEM)
        weather.begin("step")
        weather.end()
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert "begin" in seen
    assert "_allocate" not in seen
