"""The wording of the gate's self-test: the tests that stay blind to a planted slowdown, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pytest_perfbudget.core.planted_tests import PlantedTests
from pytest_perfbudget.core.results import RegressionResult
from pytest_perfbudget.report.numbers import counted, percent, tolerance_text

_MOST_NAMED: Final = 3


def self_test_lines(tests: PlantedTests) -> Iterator[str]:
    """Yield a line for each test that does not see the slowdown."""
    yield from (f"blind: {test}: {_reason(change)}" for test, change in tests.blind.items())
    yield from (f"not tried: {test}: its measured code runs none of the slowed functions" for test in tests.untouched)


def blind_sentence(tests: PlantedTests) -> str:
    """Return the sentence on the blind tests; empty if there are none."""
    number = len(tests.blind)
    if not number:
        return ""
    verb = "stays" if number == 1 else "stay"
    return f"{number} of {counted(tests.number, 'perf test')} {verb} blind: {_named([*tests.blind])}."


def untouched_sentence(tests: PlantedTests) -> str:
    """Return the sentence on the tests that run no slowed function; empty if there are none."""
    number = len(tests.untouched)
    if not number:
        return ""
    verb = "runs" if number == 1 else "run"
    return (
        f"{number} of {counted(tests.number, 'perf test')} {verb} none of these functions: {_named(tests.untouched)}."
    )


def _named(tests: Sequence[str]) -> str:
    more = len(tests) - _MOST_NAMED
    return ", ".join(tests[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _reason(change: RegressionResult | None) -> str:
    if change is None:
        return "its time was not compared"
    if change.reason or change.ratio is None:
        return f"its time is {change.verdict.value}{f': {change.reason}' if change.reason else ''}"
    place = f" from {change.source}" if change.source else ""
    return f"its time is {change.verdict.value} at {percent(change.ratio)}, limit {tolerance_text(change.limit)}{place}"
