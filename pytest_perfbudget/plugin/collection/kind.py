"""The kinds of perf tests, by the part of the test that is measured."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterable, Mapping
from typing import Final

import pytest

from pytest_perfbudget.core.limits import Rule
from pytest_perfbudget.plugin.collection.codspeed import is_codspeed_test
from pytest_perfbudget.plugin.collection.collected import nodeid_of
from pytest_perfbudget.plugin.collection.neighbours import why_not_measured
from pytest_perfbudget.plugin.keys import asks, can_be_measured, is_marked, measuring_fixtures


class PerfTestKind(enum.Enum):
    """The part of a perf test that is measured."""

    BODY = "its body, repeated"
    FIXTURE = "what it hands to the perf or perf_load fixture"
    BENCHMARK = "what it hands to pytest-benchmark"
    OTHER = "nothing: its perf is another fixture"
    FOREIGN = "nothing: another plugin times, traces or multiplies it"


def is_perf_test(item: pytest.Item, rules: Iterable[Rule], *, codspeed: bool = False) -> bool:
    """Return whether a test itself or a rule of the configuration says that the test is a perf test.

    Args:
        item: the test.
        rules: the entries of the configuration.
        codspeed: whether the markers of CodSpeed say so, too.
    """
    if asks(item) or (codspeed and is_codspeed_test(item)):
        return True
    return can_be_measured(item) and any(rule.matches(nodeid_of(item)) for rule in rules)


def kind_of(item: pytest.Item) -> PerfTestKind:
    """Return which part of a test is measured.

    A test that itself asks for `perf` passes the code to be measured to `perf`. If only the test's fixtures ask for
    `perf`, a test with the marker is measured by its body, and a test without the marker by the fixtures' calls.
    """
    if why_not_measured(item):
        return PerfTestKind.FOREIGN
    if "benchmark" in getattr(item, "fixturenames", ()):
        return PerfTestKind.BENCHMARK
    function = getattr(item, "function", None)
    own = inspect.signature(function).parameters if function is not None else ()
    asked = measuring_fixtures(item)
    if not asked.isdisjoint(own) or (asked and not is_marked(item)):
        return PerfTestKind.FIXTURE
    return PerfTestKind.BODY


def nothing_measured(item: pytest.Item, kind: PerfTestKind) -> str:
    """Return the reason why a test of a kind has no measurement; empty if the kind measures nothing by design."""
    if kind is PerfTestKind.FOREIGN:
        return why_not_measured(item)
    found = _NOTHING_MEASURED.get(kind, "")
    return found.replace("perf fixture", "perf_load fixture") if measuring_fixtures(item) == {"perf_load"} else found


_NOTHING_MEASURED: Final[Mapping[PerfTestKind, str]] = {
    PerfTestKind.BODY: "the test's function was never called, or by a plugin that does not use item.obj",
    PerfTestKind.FIXTURE: "the test asks for the perf fixture but never called it",
    PerfTestKind.BENCHMARK: "the test asks for the benchmark fixture but never called it",
}
