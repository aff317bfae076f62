"""Verdicts on a server whose generator was late, by the latencies that are left when the lateness is taken off.

A measured latency is at most the server's own latency plus the generator's lateness. If at most a share s of the
requests was late by more than q, then P(server > x) >= P(measured > x + q) - s. So the server's quantile at p exceeds a
limit if the measured quantile at p - s exceeds limit + q. The server's mean is the integral of P(server > x), so it is
at least the mean of the measured latencies minus q, without the largest share s of them. Nothing follows for a server
that is fast enough.

The generator of a closed load can be late for the answer only. In an open load, the generator can be late for the start
as well, so its lateness counts twice.

A p99.9 and a maximum depend on fewer requests than 1 %, so a single pause of the generator decides them. They are
judged by the lateness at their own rank.

Where the generator paused now and then, most requests met no pause. `exceeded_undisturbed` takes those that met a pause
for fast ones, whatever their latency: a lower bound that needs no lateness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.dependent import DependentMeanCriterion, DependentQuantileCriterion
from pytest_perfbudget.core.criteria.extreme import ExtremeCriterion
from pytest_perfbudget.core.load.record import GeneratorFacts
from pytest_perfbudget.core.metrics import QUANTILES, Metric
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult
from pytest_perfbudget.core.samples import quantile

_LATER: Final = 0.01
"""The share of the requests that is late by more than the lateness of most metrics, which is a p99."""

_RARELY_LATER: Final = 0.001


def lateness_of(metric: Metric, generator: GeneratorFacts) -> tuple[float, float]:
    """Return the lateness by which a statistic of latencies is judged, in ns, and the share of the requests beyond."""
    if metric.statistic == "max":
        return max(generator.lateness_max_ns, generator.lateness_p99_ns), 0.0
    if metric.statistic in QUANTILES and QUANTILES[metric.statistic] > 1 - _LATER:
        return max(generator.lateness_p999_ns, generator.lateness_p99_ns), _RARELY_LATER
    return generator.lateness_p99_ns, _LATER


def exceeded_in_spite(
    metric: Metric, values: Sequence[float], limit: float, errors: Errors, generator: GeneratorFacts, *, is_open: bool
) -> CriterionResult | None:
    """Return the result for a limit that a server exceeds whatever the lateness; None if that cannot be shown.

    Args:
        metric: a statistic of latencies.
        values: the measured latencies, in ns, in the order in which the requests ended.
        limit: the upper limit, in ns.
        errors: the probabilities of wrong verdicts.
        generator: the generator's own part.
        is_open: whether the load is of the open model.

    Returns:
        The result, whose estimate and bound are those of the server: the lateness is taken off.
    """
    times = 2 if is_open else 1
    late_ns, beyond = lateness_of(metric, generator)
    later, off_ns = times * beyond, times * late_ns
    if metric.statistic == "mean":
        left = [max(one - off_ns, 0.0) for one in values]
        most = quantile(sorted(left), 1 - later)
        off_ns = later * most  # the mean of the smaller values of `left` is that of min(left, most) minus this
        found = DependentMeanCriterion(errors).decide([min(one, most) for one in left], limit + off_ns, final=True)
    elif metric.statistic == "max":
        found = ExtremeCriterion("max", None).decide(values, limit + off_ns, final=True)
    elif metric.statistic in QUANTILES:
        share = QUANTILES[metric.statistic] - later
        found = DependentQuantileCriterion(share, errors).decide(values, limit + off_ns, final=True)
    else:
        return None
    if found.verdict is not BudgetVerdict.EXCEEDED or found.lower is None:
        return None
    return replace(found, estimate=found.estimate - off_ns, lower=found.lower - off_ns, upper=None)


def exceeded_undisturbed(
    metric: Metric, values: Sequence[float], limit: float, errors: Errors
) -> CriterionResult | None:
    """Return the result for a limit that the requests exceed that no pause of the generator has disturbed; else None.

    The others count as fast, so the server's statistic is at least that of the given values.

    Args:
        metric: a statistic of latencies.
        values: the measured latencies, in ns, in the order in which the requests ended; 0 for a disturbed request.
        limit: the upper limit, in ns, with the lateness that counts as no disturbance.
        errors: the probabilities of wrong verdicts.
    """
    if metric.statistic == "mean":
        found = DependentMeanCriterion(errors).decide(values, limit, final=True)
    elif metric.statistic in QUANTILES:
        found = DependentQuantileCriterion(QUANTILES[metric.statistic], errors).decide(values, limit, final=True)
    else:  # a maximum would depend on a single request, whose pause may have gone unnoticed
        return None
    return replace(found, upper=None) if found.verdict is BudgetVerdict.EXCEEDED else None
