"""What of a test is measured."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Mapping
from typing import Final

import pytest


class PerfTestKind(enum.Enum):
    """What of a perf test is measured."""

    BODY = "its body, repeated"
    FIXTURE = "what it hands to the perf fixture"
    BENCHMARK = "what it hands to pytest-benchmark"
    OTHER = "nothing: its perf is another fixture"


def mode_of(item: pytest.Item) -> PerfTestKind:
    """Return what of a test is measured.

    Only a test that itself asks for `perf` hands over what it wants measured; of one whose fixtures use
    it, the body is measured.
    """
    if "benchmark" in getattr(item, "fixturenames", ()):
        return PerfTestKind.BENCHMARK
    function = getattr(item, "function", None)
    own = inspect.signature(function).parameters if function is not None else ()
    marked = item.get_closest_marker("perf_budget") is not None
    if "perf" in own or ("perf" in getattr(item, "fixturenames", ()) and not marked):
        return PerfTestKind.FIXTURE
    return PerfTestKind.BODY


NOTHING_MEASURED: Final[Mapping[PerfTestKind, str]] = {
    PerfTestKind.BODY: "the test's function was never called, or by a plugin that does not use item.obj",
    PerfTestKind.FIXTURE: "the test asks for the perf fixture but never called it",
    PerfTestKind.BENCHMARK: "the test asks for the benchmark fixture but never called it",
}
"""Why a test has no measurement."""
