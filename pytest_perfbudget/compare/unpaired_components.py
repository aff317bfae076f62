"""The change of each component between runs of one process each: since the baseline, and in a sequential comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pytest_perfbudget.compare.components import has_tracked_code
from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.core.calm_spans import calm_batch
from pytest_perfbudget.core.kinds import LOAD, TIMER
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.spans.changes import SpanComparison
from pytest_perfbudget.core.spans.reference import SpanReference, compare_with, reference_of
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest

_NOT_REPEATED: Final = {LOAD: "a load", TIMER: "a timer"}

NO_SPANS: Final = (
    "the baseline has no spans of this measurement, so its components are not compared: update the baseline"
)

NO_RUN_HAS_SPANS: Final = (
    "its components are not compared: the baseline has its spans, and no process of this session recorded any"
)

UNRECORDED: Final = (
    "its components are not compared: the spans of {} are recorded if they have a limit, or with --perf-spans, and "
    "both sides need them"
)


def why_not_recorded(measurement: Measurement, root: Path) -> str:
    """Return a note on a regression that could name its components if its spans were recorded; else empty.

    A load or a timer cannot be repeated to record its spans.

    Args:
        measurement: the measurement, with its results.
        root: the folder of the project.
    """
    if measurement.kind not in _NOT_REPEATED or measurement.spans is not None:
        return ""
    times = [one for one in measurement.changes if one.metric == TIME.name]
    is_slower = any(one.verdict is RegressionVerdict.REGRESSED and one.components is None for one in times)
    return UNRECORDED.format(_NOT_REPEATED[measurement.kind]) if is_slower and has_tracked_code(root) else ""


def with_components(
    results: Sequence[RegressionResult], compare: Callable[[], SpanComparison | None], *, is_shown: bool
) -> list[RegressionResult]:
    """Return the results of a measurement; a regression of its time has the change of each component.

    Args:
        results: the results.
        compare: a function that returns the change of each component.
        is_shown: whether the components are shown without a regression, too.
    """
    asked = [one for one in results if one.metric == TIME.name and one.ratio is not None]
    if not any(is_shown or one.verdict is RegressionVerdict.REGRESSED for one in asked):
        return list(results)
    components = compare()
    return [replace(one, components=components) if one in asked else one for one in results]


def lack_of_spans(known: KnownData, results: Sequence[RegressionResult], runs: Sequence[Recording]) -> str:
    """Return a note on a regression that could name its components if both sides had spans; else empty."""
    times = [one for one in results if one.metric == TIME.name and one.verdict is RegressionVerdict.REGRESSED]
    if known.line is None or not any(one.components is None for one in times):
        return ""
    has_spans = any(run.spans for run in runs)
    if known.line.spans is None:
        return NO_SPANS if has_spans else ""
    return "" if has_spans else NO_RUN_HAS_SPANS


def since_baseline(known: KnownData, runs: Sequence[Recording]) -> SpanComparison | None:
    """Return the change of each component since the baseline; None if one of the sides has no spans.

    Args:
        known: the baseline's data.
        runs: the recordings of this code, one of each process.
    """
    line, slowdown_test = known.line, known.slowdown_test
    if line is None or line.spans is None or line.time is None or slowdown_test is None:
        return None
    return _since(line.spans, slowdown_test, runs)


def between_runs(
    slowdown_test: UnpairedSlowdownTest, base: Sequence[Recording], head: Sequence[Recording]
) -> SpanComparison | None:
    """Return the change of each component between two sides; None if one of them has no spans.

    Args:
        slowdown_test: the test whose reference is fitted to the runs of the base.
        base: the recordings of the base, one of each process.
        head: the recordings of the head, one of each process.
    """
    batches = [calm_batch(run, slowdown_test.reference) for run in base]
    spans = reference_of([one for one in batches if one is not None])
    return None if spans is None else _since(spans, slowdown_test, head)


def _since(
    spans: SpanReference, slowdown_test: UnpairedSlowdownTest, runs: Sequence[Recording]
) -> SpanComparison | None:
    found = [(run, batch) for run in runs if (batch := calm_batch(run, slowdown_test.reference)) is not None]
    if not found:
        return None
    effect = slowdown_test.effect([slowdown_test.estimate(run.blocks) for run, _ in found])
    return compare_with(spans, [batch for _, batch in found], effect.std_error)
