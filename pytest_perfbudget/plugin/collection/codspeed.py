"""Tests in the style of CodSpeed: a marker instead of a fixture makes a benchmark of the whole test."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest

from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.plugin.collection.neighbours import is_measured_by_codspeed
from pytest_perfbudget.plugin.keys import can_be_measured

CODSPEED_MARKERS: Final = ("codspeed_benchmark", "benchmark")
"""The markers, the name that wins first."""
_FIXTURES: Final = frozenset(CODSPEED_MARKERS)
"""The fixtures, which have the names of the markers."""


def is_codspeed_test(item: pytest.Item) -> bool:
    """Return whether a marker makes a benchmark of a test, and no fixture does."""
    if not can_be_measured(item) or not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
        return False
    return any(item.get_closest_marker(name) for name in CODSPEED_MARKERS)


def codspeed_limits(item: pytest.Item) -> list[Limits]:
    """Return the limits in the markers of such a test, which have their `max_time` in seconds.

    Other keywords of the markers are for CodSpeed's own measurement, and are left to CodSpeed.

    Raises:
        ConfigError: a limit has an impossible value.
    """
    if not is_codspeed_test(item):
        return []
    max_time_s, rounds = (_option(item, key) for key in ("max_time", "max_rounds"))
    if max_time_s is not None and not (_is_number(max_time_s) and 0 < max_time_s < math.inf):
        message = f"benchmark marker of {item.nodeid}: max_time must be a number of seconds, found {max_time_s!r}"
        raise ConfigError(message)
    if rounds is not None and not (_is_number(rounds) and isinstance(rounds, int) and rounds >= 1):
        message = f"benchmark marker of {item.nodeid}: max_rounds must be a whole number from 1, found {rounds!r}"
        raise ConfigError(message)
    # As in CodSpeed, a number of rounds takes precedence over a time.
    time_ns = None if max_time_s is None or rounds is not None else max(int(max_time_s * NS_PER["s"]), 1)
    return [Limits(max_time_ns=time_ns, max_rounds=rounds)]


def hide_max_rounds(item: pytest.Item) -> None:
    """Let pytest-benchmark see a marker without CodSpeed's `max_rounds`, for which it would refuse to run the test."""
    mark = item.get_closest_marker("benchmark")
    if mark is not None and "max_rounds" in mark.kwargs and not is_measured_by_codspeed(item.config):
        others = {key: value for key, value in mark.kwargs.items() if key != "max_rounds"}
        item.add_marker(pytest.mark.benchmark(*mark.args, **others), append=False)


def _option(item: pytest.Item, key: str) -> Any:  # noqa: ANN401 - whatever a user wrote
    marks = [mark for name in CODSPEED_MARKERS for mark in item.iter_markers(name)]
    return next((mark.kwargs[key] for mark in marks if key in mark.kwargs), None)


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, (int, float)) and not isinstance(value, bool)
