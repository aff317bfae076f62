"""The kinds of perf tests, by the part of the test that is measured."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterable, Mapping
from typing import Final

import pytest

from pytest_perfbudget.core.limits import Rule
from pytest_perfbudget.plugin.collection.collected import nodeid_of
from pytest_perfbudget.plugin.keys import asks, can_be_measured, is_marked


class PerfTestKind(enum.Enum):
    """The part of a perf test that is measured."""

    BODY = "its body, repeated"
    FIXTURE = "what it hands to the perf fixture"
    BENCHMARK = "what it hands to pytest-benchmark"
    OTHER = "nothing: its perf is another fixture"
    FOREIGN = "nothing: another plugin measures it"


def is_perf_test(item: pytest.Item, rules: Iterable[Rule]) -> bool:
    """Return whether a test itself or a rule of the configuration says that the test is a perf test."""
    return asks(item) or (can_be_measured(item) and any(rule.matches(nodeid_of(item)) for rule in rules))


def kind_of(item: pytest.Item) -> PerfTestKind:
    """Return which part of a test is measured.

    A test that itself asks for `perf` passes the code to be measured to `perf`. If only the test's fixtures ask for
    `perf`, a test with the marker is measured by its body, and a test without the marker by the fixtures' calls.
    """
    if not _may_be_repeated(item):
        return PerfTestKind.FOREIGN
    if "benchmark" in getattr(item, "fixturenames", ()):
        return PerfTestKind.BENCHMARK
    function = getattr(item, "function", None)
    own = inspect.signature(function).parameters if function is not None else ()
    if "perf" in own or ("perf" in getattr(item, "fixturenames", ()) and not is_marked(item)):
        return PerfTestKind.FIXTURE
    return PerfTestKind.BODY


def _may_be_repeated(item: pytest.Item) -> bool:
    """Return whether no other plugin measures the test, or runs it in threads, so that repetitions would mislead it."""
    option = item.config.option
    is_memory = getattr(option, "memray", False) and any(map(item.get_closest_marker, ("limit_memory", "limit_leaks")))
    is_parallel = getattr(option, "parallel_threads", 1) not in {None, 1, "1"}
    return not (is_memory or is_parallel or "codspeed_benchmark" in getattr(item, "fixturenames", ()))


NOTHING_MEASURED: Final[Mapping[PerfTestKind, str]] = {
    PerfTestKind.BODY: "the test's function was never called, or by a plugin that does not use item.obj",
    PerfTestKind.FIXTURE: "the test asks for the perf fixture but never called it",
    PerfTestKind.BENCHMARK: "the test asks for the benchmark fixture but never called it",
    PerfTestKind.FOREIGN: "another plugin measures this test or runs it in threads (pytest-codspeed, pytest-memray, "
    "pytest-run-parallel): run without that plugin, or use a test of its own",
}
"""The reason why a test has no measurement, by its kind."""
