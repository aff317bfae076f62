"""The statistics of the committed baseline: what a reference is, and whether fresh runs differ from it.

A run is what one process measured: blocks of rounds with the weather around them. Its estimate is
the log time it would have had in calm weather: the weighted median over blocks of
`log(time) - weights * shift` (control variates; Lavenberg and Welch 1981). Runs have the variance
`spread**2 / weight`, with the weight of their weather, so means of runs are weighted means, and their
difference is judged by a t test. A spread from few runs is uncertain and is moderated towards that
of all tests (Smyth 2004, "Linear models and empirical Bayes methods", as in limma), but never taken
for smaller than it was seen, in the baseline or now.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_perfbudget.core.distributions import digamma, trigamma
from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.weather import CALM, BlockTime, Canaries, calm, shifts, weight, weighted_median

FEWEST_RUNS: Final = 2
"""A reference takes so many runs at least: one has no spread."""

SHARED: Final = 0.1
"""The part of the runs' variance that runs in a row have in common, which their mean keeps. Recorded
runs have none of it once the weather is taken out, but for work on disks."""

SESSION: Final = 0.005
"""Standard deviation of what all runs of a session have in common and the next session has not (placement,
a frequency, a neighbour that stays): no number of runs makes it smaller."""

SLOPE_ERROR: Final = 0.1
"""By how much the share of the weather that a function feels differs from one time to another."""

_PRIOR_SLOPE_ERROR = 0.3
_FIRM = 2.5
_LEAST_SPREAD = 0.002
"""No machine repeats itself better than this, whatever a few runs say."""

_PRIOR = (0.015, 4.0)
_MOST_PRIOR_DEGREES = 10.0
_FEWEST_FOR_PRIOR = 6


@dataclass(frozen=True, slots=True)
class Reference:
    """What a baseline knows of the time of one measurement on one machine.

    Attributes:
        time_ns: the time of one call in calm weather.
        spread: standard deviation of a calm run's log time.
        runs: how many processes it rests on.
        blocks: how many blocks each of them took; the fewest.
        precision: their weights' sum; `runs` if all were calm.
        weather: the mean shift of those runs, in log time.
        slope_error: standard error of the share of the weather that the function feels.
        weights: that share, per canary.
        calm_ns: the canaries in calm weather.
    """

    time_ns: float
    spread: float
    runs: int
    blocks: int
    precision: float
    weather: float
    slope_error: float
    weights: tuple[float, ...]
    calm_ns: Canaries


def uncorrected(time_ns: float, spread: float) -> Reference:
    """Return a reference for a time from elsewhere: one run, and nothing known of the weather."""
    return Reference(time_ns, spread, FEWEST_RUNS, 1, 1.0, 0.0, 1.0, (), ())


@dataclass(frozen=True, slots=True)
class Prior:
    """The typical spread, and how many degrees of freedom it counts as."""

    spread: float = _PRIOR[0]
    dof: float = _PRIOR[1]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One run: its log time in calm weather, its mean shift, and its weight."""

    log_ns: float
    weather: float
    weight: float


def estimate(blocks: Sequence[BlockTime], weights: Sequence[float], calm_ns: Canaries) -> Estimate:
    """Return the estimate of a run from its blocks, at least one."""
    import numpy as np  # noqa: PLC0415 - only where something is compared

    found = shifts(blocks, calm_ns)
    corrected = np.log([block.time_ns for block in blocks]) - found.canaries @ np.array(weights)
    parts = found.weight / found.weight.sum()
    distance, mean = float(parts @ np.abs(found.mean)), float(parts @ found.mean)
    return Estimate(weighted_median(corrected, found.weight), mean, weight(distance))


def estimate_for(reference: Reference, blocks: Sequence[BlockTime]) -> Estimate:
    """Return the estimate of a run as it is compared with a reference.

    A reference that came from elsewhere knows no weather: the run is taken as it is. A run of fewer blocks
    than the reference's counts for less.
    """
    if reference.weights:
        found = estimate(blocks, reference.weights, reference.calm_ns)
        return replace(found, weight=found.weight * min(1.0, len(blocks) / reference.blocks))
    calm_ns = calm(blocks)
    return replace(estimate(blocks, (0.0,) * len(calm_ns), calm_ns), weather=0.0, weight=1.0)


def fit(runs: Sequence[Sequence[BlockTime]], calm_ns: Canaries | None = None) -> Reference:
    """Return the reference that runs make.

    Args:
        runs: the blocks of each process; at least `FEWEST_RUNS`, none of them empty.
        calm_ns: the canaries in calm weather; from these runs if not given.
    """
    calm_ns = calm_ns or calm([block for run in runs for block in run])
    weights, slope_error = _weights(runs, calm_ns)
    found = [estimate(run, weights, calm_ns) for run in runs]
    centre, spread, huber_weights = _centre(found)
    precision = sum(one.weight * huber_weight for one, huber_weight in zip(found, huber_weights, strict=True))
    weather = sum(one.weight * one.weather for one in found) / sum(one.weight for one in found)
    return Reference(
        time_ns=math.exp(centre),
        spread=spread,
        runs=len(runs),
        blocks=min(map(len, runs)),
        precision=precision,
        weather=weather,
        slope_error=slope_error,
        weights=weights,
        calm_ns=calm_ns,
    )


def _centre(found: Sequence[Estimate]) -> tuple[float, float, list[float]]:
    """Return the centre of runs, their spread, and how firmly each counts.

    Huber's M-estimator: a wild run, and there is one in a hundred, counts as much as one at the edge.
    """
    huber_weights = [1.0] * len(found)
    centre = weighted_median([one.log_ns for one in found], [one.weight for one in found])
    for _ in range(20):
        residuals = [(one.log_ns - centre) * math.sqrt(one.weight) for one in found]
        scale = max(1.4826 * sorted(map(abs, residuals))[len(residuals) // 2], _LEAST_SPREAD)
        huber_weights = [min(1.0, _FIRM * scale / max(abs(residual), 1e-12)) for residual in residuals]
        parts = [one.weight * huber_weight for one, huber_weight in zip(found, huber_weights, strict=True)]
        centre = sum(part * one.log_ns for part, one in zip(parts, found, strict=True)) / sum(parts)
    squares = [
        one.weight * (huber_weight * (one.log_ns - centre)) ** 2
        for one, huber_weight in zip(found, huber_weights, strict=True)
    ]
    return centre, math.sqrt(sum(squares) / (len(found) - 1)), huber_weights


def _weights(runs: Sequence[Sequence[BlockTime]], calm_ns: Canaries) -> tuple[tuple[float, ...], float]:
    """Return the share of each canary's weather that the times show, and the standard error of their sum.

    Least squares over all blocks, each with the weight of its weather, robust against wild ones
    (Huber), bounded below by zero and shrunk towards the average canary: with little weather to
    learn from it is taken to be felt in full. The error counts only weather that stands out: what the
    canaries show of calm moments is their own noise.
    """
    import numpy as np  # noqa: PLC0415 - only where a baseline is made
    from scipy.optimize import nnls  # noqa: PLC0415 - as above

    blocks = [block for run in runs for block in run]
    times = np.log([block.time_ns for block in blocks])
    canaries, mean, counts = shifts(blocks, calm_ns)
    number = canaries.shape[1]
    weights, huber_weights, scale = np.full(number, 1 / number), np.ones(len(blocks)), 0.02
    for _ in range(8):
        parts = counts * huber_weights
        mean_time, mean_canaries = np.average(times, weights=parts), np.average(canaries, axis=0, weights=parts)
        ridge = scale * math.sqrt(counts.sum())
        rows = np.vstack([(canaries - mean_canaries) * np.sqrt(parts)[:, None], ridge * np.eye(number)])
        wanted = np.concatenate([(times - mean_time) * np.sqrt(parts), np.full(number, ridge / number)])
        weights = nnls(rows, wanted)[0]
        residuals = (times - mean_time - (canaries - mean_canaries) @ weights) * np.sqrt(counts)
        scale = max(1.4826 * float(np.median(np.abs(residuals))), _LEAST_SPREAD / 2)
        huber_weights = np.minimum(1, 1.5 * scale / np.maximum(np.abs(residuals), 1e-12))
    far = mean - np.average(mean, weights=counts)
    seen = float((counts * np.where(np.abs(far) > CALM, far**2, 0.0)).sum()) / scale**2
    return tuple(float(part) for part in weights), 1 / math.sqrt(_PRIOR_SLOPE_ERROR**-2 + seen)


def prior_of(references: Iterable[Reference]) -> Prior:
    """Return the typical spread of a baseline's tests and what it counts for (Smyth 2004, section 6.2).

    With few tests there is none to speak of, and the one of recorded sessions stands in.
    """
    known = [(one.runs - 1, math.log(max(one.spread, _LEAST_SPREAD) ** 2)) for one in references if one.weights]
    if len(known) < _FEWEST_FOR_PRIOR:
        return Prior()
    usual = {own: (digamma(own / 2) - math.log(own / 2), trigamma(own / 2)) for own in {own for own, _ in known}}
    values = [found - usual[own][0] for own, found in known]
    mean = math.fsum(values) / len(values)
    excess = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    excess -= math.fsum(usual[own][1] for own, _ in known) / len(known)
    dof = min(2 * _inverse_trigamma(excess), _MOST_PRIOR_DEGREES) if excess > 0 else _MOST_PRIOR_DEGREES
    spread = math.exp((mean + digamma(dof / 2) - math.log(dof / 2)) / 2)
    return Prior(spread, dof)


def _inverse_trigamma(value: float) -> float:
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if trigamma(middle) > value else (low, middle)
    return low


def compare(reference: Reference, fresh: Sequence[Estimate], prior: Prior) -> Effect:
    """Return the difference of fresh runs, at least one, from a reference."""
    number = len(fresh)
    total = sum(one.weight for one in fresh)
    log_ns = sum(one.weight * one.log_ns for one in fresh) / total
    weather = sum(one.weight * one.weather for one in fresh) / total
    own = reference.runs - 1
    moderated = (prior.dof * prior.spread**2 + own * reference.spread**2) / (prior.dof + own)
    dof = prior.dof + own + number - 1
    among = sum(one.weight * (one.log_ns - log_ns) ** 2 for one in fresh)
    variance = ((prior.dof + own) * moderated + among) / dof
    variance = max(variance, moderated, reference.spread**2, _LEAST_SPREAD**2)
    # Of a session that is less steady than the baseline's was, its own runs tell how much.
    own_variance = max(variance, among / (number - 1)) if number > 1 else variance
    slope = (SLOPE_ERROR**2 + reference.slope_error**2) * (weather - reference.weather) ** 2
    error = math.sqrt(own_variance / total + variance * (1 / reference.precision + SHARED) + slope + SESSION**2)
    return Effect(log_ns - math.log(reference.time_ns), error, dof, number, weather - reference.weather)
