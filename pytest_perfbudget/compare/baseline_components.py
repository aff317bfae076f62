"""The change of each component since the baseline, from the spans of the baseline's line and of fresh processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.core.calm_spans import calm_batch
from pytest_perfbudget.core.measurement import Recording
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.spans.changes import SpanComparison
from pytest_perfbudget.core.spans.reference import compare_with

NO_SPANS: Final = (
    "the baseline has no spans of this measurement, so its components are not compared: update the baseline"
)


def with_components(
    results: Sequence[RegressionResult], known: KnownData, runs: Sequence[Recording], *, is_shown: bool
) -> list[RegressionResult]:
    """Return the results of a measurement; a regression of its time has the change of each component.

    Args:
        results: the results.
        known: the baseline's data.
        runs: the recordings of this code, one of each process.
        is_shown: whether the components are shown without a regression, too.
    """
    asked = [one for one in results if one.metric == TIME.name and one.ratio is not None]
    if not any(is_shown or one.verdict is RegressionVerdict.REGRESSED for one in asked):
        return list(results)
    components = _components_since(known, [run for run in runs if run.spans and run.blocks])
    return [replace(one, components=components) if one in asked else one for one in results]


def lack_of_spans(known: KnownData, results: Sequence[RegressionResult], runs: Sequence[Recording]) -> str:
    """Return a note on a regression that could name its components if the baseline had spans; else empty."""
    is_slower = any(one.metric == TIME.name and one.verdict is RegressionVerdict.REGRESSED for one in results)
    has_none = known.line is not None and known.line.spans is None
    return NO_SPANS if is_slower and has_none and any(run.spans for run in runs) else ""


def _components_since(known: KnownData, runs: Sequence[Recording]) -> SpanComparison | None:
    """Return the change of each component; None if one of the sides has no spans."""
    line, slowdown_test = known.line, known.slowdown_test
    if line is None or line.spans is None or line.time is None or slowdown_test is None:
        return None
    batches = [batch for run in runs if (batch := calm_batch(run, line.time)) is not None]
    if not batches:
        return None
    effect = slowdown_test.effect([slowdown_test.estimate(run.blocks) for run in runs])
    return compare_with(line.spans, batches, effect.std_error)
