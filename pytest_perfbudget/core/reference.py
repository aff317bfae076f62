"""The statistics of the committed baseline: references, and the difference between fresh runs and a reference.

A run is the measurement by one process: blocks of rounds with the weather around them. The estimate from a run is the
log time that the run would have had in calm weather: the weighted median over blocks of `log(time) - weights * shift`
(control variates; Lavenberg and Welch 1981). The variance of a run is `spread**2 / weight`, where the weight depends on
the run's weather. So means over runs are weighted means, and their difference is judged by a t test. A spread from few
runs is uncertain and is moderated towards the spread of all tests (Smyth 2004, "Linear models and empirical Bayes
methods", as in limma), but is never taken to be smaller than it was observed, in the baseline or now.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final

from pytest_perfbudget.core.distributions import digamma, trigamma
from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.robust import MAD, huber_centre
from pytest_perfbudget.core.weather import CALM, BlockTime, Canaries, Floats, calm, shifts, weight, weighted_median

FEWEST_RUNS: Final = 2
"""The smallest number of runs in a reference: a single run has no spread."""

SHARED: Final = 0.1
"""The part of the runs' variance that consecutive runs have in common, so that their mean keeps it. Recorded runs have
no such part once they are corrected for the weather, except for work on disks."""

SESSION: Final = 0.005
"""The standard deviation of the effect that all runs in a session have in common and the next session does not have
(placement, a frequency, a neighbour that stays): no number of runs makes this effect smaller."""

SLOPE_ERROR: Final = 0.1
"""The standard deviation, from one time to another, of the share of the weather that a function feels."""

_PRIOR_SLOPE_ERROR = 0.3
_TUNING = 2.5
_LEAST_SPREAD = 0.002
"""The smallest spread that is assumed: no machine repeats itself better, whatever a few runs show."""

_PRIOR = (0.015, 4.0)
_MOST_PRIOR_DEGREES = 10.0
_FEWEST_FOR_PRIOR = 6


@dataclass(frozen=True, slots=True)
class Reference:
    """The time of one measurement on one machine, as the baseline holds it.

    Attributes:
        time_ns: the time of one call in calm weather, in ns.
        spread: the standard deviation of the log time of a run in calm weather.
        runs: the number of runs, each by one process, that the reference rests on.
        blocks: the number of blocks in the run that has the fewest.
        precision: the sum of the runs' weights, each times its Huber weight; equal to `runs` if all runs were calm and
            none was an outlier.
        weather: the mean shift of the runs from calm weather, in log time.
        slope_error: the standard error of the share of the weather that the function feels.
        weights: the share of the weather that the function feels, by canary; empty for a time that is not corrected for
            weather.
        calm_ns: the times of the canaries in calm weather, in ns.
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
    """Return a reference for a time from elsewhere, with the precision of one run and no data about the weather."""
    return Reference(time_ns, spread, FEWEST_RUNS, 1, 1.0, 0.0, 1.0, (), ())


@dataclass(frozen=True, slots=True)
class Prior:
    """The typical spread of a baseline's tests, and the degrees of freedom that this spread counts for."""

    spread: float = _PRIOR[0]
    dof: float = _PRIOR[1]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate from one run.

    Attributes:
        log_ns: the logarithm of the time of a call in calm weather, in ns.
        weather: the mean shift from calm weather, in log time.
        weight: the weight of the run; 1 in calm weather.
        waited: the share of the time in which the process waited for a CPU.
    """

    log_ns: float
    weather: float
    weight: float
    waited: float = 0.0


def estimate(blocks: Sequence[BlockTime], weights: Sequence[float], calm_ns: Canaries) -> Estimate:
    """Return the estimate from the blocks of a run, at least one block."""
    import numpy as np  # noqa: PLC0415 - only where something is compared

    found = shifts(blocks, calm_ns)
    corrected = np.log([block.time_ns for block in blocks]) - found.canaries @ np.array(weights)
    parts = found.weight / found.weight.sum()
    distance, mean = float(parts @ np.abs(found.mean)), float(parts @ found.mean)
    log_ns = weighted_median(corrected, found.weight)
    return Estimate(log_ns, mean, weight(math.hypot(distance, found.waited)), found.waited)


def estimate_for(reference: Reference, blocks: Sequence[BlockTime]) -> Estimate:
    """Return the estimate from a run for a comparison with a reference.

    A reference from elsewhere has no data about the weather, so the run is not corrected for weather either. A run with
    fewer blocks than the reference's runs has a smaller weight.
    """
    if reference.weights:
        found = estimate(blocks, reference.weights, reference.calm_ns)
        return replace(found, weight=found.weight * min(1.0, len(blocks) / reference.blocks))
    calm_ns = calm(blocks)
    return replace(estimate(blocks, (0.0,) * len(calm_ns), calm_ns), weather=0.0, weight=1.0)


def fit(runs: Sequence[Sequence[BlockTime]], calm_ns: Canaries | None = None) -> Reference:
    """Return the reference that is fitted to runs.

    Args:
        runs: the blocks of each run; at least `FEWEST_RUNS` runs, none of them empty.
        calm_ns: the times of the canaries in calm weather; taken from these runs if not given.
    """
    calm_ns = calm_ns or calm([block for run in runs for block in run])
    weights, slope_error = weather_weights(runs, calm_ns)
    found = [estimate(run, weights, calm_ns) for run in runs]
    centre = huber_centre(
        [one.log_ns for one in found], [one.weight for one in found], tuning=_TUNING, least_scale=_LEAST_SPREAD
    )
    precision = sum(one.weight * part for one, part in zip(found, centre.huber_weights, strict=True))
    weather = sum(one.weight * one.weather for one in found) / sum(one.weight for one in found)
    return Reference(
        time_ns=math.exp(centre.value),
        spread=math.sqrt(centre.squares / (len(found) - 1)),
        runs=len(runs),
        blocks=min(map(len, runs)),
        precision=precision,
        weather=weather,
        slope_error=slope_error,
        weights=weights,
        calm_ns=calm_ns,
    )


def weather_weights(
    runs: Sequence[Sequence[BlockTime]], calm_ns: Canaries, *, is_same_code: bool = True
) -> tuple[tuple[float, ...], float]:
    """Return the share of each canary's weather that the times show, and the standard error of the sum of these shares.

    The shares come from least squares over all blocks, each with the weight of its weather. They are robust against
    outliers (Huber), bounded below by zero and shrunk towards the average canary: if there is little weather to learn
    from, the function is assumed to feel the weather in full. The standard error counts only weather that stands out,
    because in calm moments the canaries show only their own noise.

    Args:
        runs: the blocks of each run.
        calm_ns: the times of the canaries in calm weather, in ns.
        is_same_code: whether all runs are of the same code, so that a difference between runs is one of the weather;
            otherwise only the differences within the runs are.
    """
    import numpy as np  # noqa: PLC0415 - only where a baseline is made
    from scipy.optimize import nnls  # noqa: PLC0415 - as above

    blocks = [block for run in runs for block in run]
    times = np.log([block.time_ns for block in blocks])
    canaries, mean, counts, _ = shifts(blocks, calm_ns)
    number = canaries.shape[1]
    starts = [0, *accumulate(map(len, runs))]
    groups = [slice(None)] if is_same_code else [slice(*ends) for ends in pairwise(starts)]

    def centred(values: Floats, parts: Floats) -> Floats:
        return np.concatenate([values[at] - np.average(values[at], axis=0, weights=parts[at]) for at in groups])

    weights, huber_weights, scale = np.full(number, 1 / number), np.ones(len(blocks)), 0.02
    for _ in range(8):
        parts = counts * huber_weights
        far_times, far_canaries = centred(times, parts), centred(canaries, parts)
        ridge = scale * math.sqrt(counts.sum())
        rows = np.vstack([far_canaries * np.sqrt(parts)[:, None], ridge * np.eye(number)])
        wanted = np.concatenate([far_times * np.sqrt(parts), np.full(number, ridge / number)])
        weights = nnls(rows, wanted)[0]
        residuals = (far_times - far_canaries @ weights) * np.sqrt(counts)
        scale = max(MAD * float(np.median(np.abs(residuals))), _LEAST_SPREAD / 2)
        huber_weights = np.minimum(1, 1.5 * scale / np.maximum(np.abs(residuals), 1e-12))
    far = centred(mean, counts)
    seen = float((counts * np.where(np.abs(far) > CALM, far**2, 0.0)).sum()) / scale**2
    return tuple(float(part) for part in weights), 1 / math.sqrt(_PRIOR_SLOPE_ERROR**-2 + seen)


def prior_of(references: Iterable[Reference]) -> Prior:
    """Return the typical spread of a baseline's tests, with its degrees of freedom (Smyth 2004, section 6.2).

    A baseline with few tests has no typical spread to speak of; the prior from recorded sessions is returned instead.
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
    """Return the difference between fresh runs, at least one run, and a reference."""
    number = len(fresh)
    total = sum(one.weight for one in fresh)
    log_ns = sum(one.weight * one.log_ns for one in fresh) / total
    weather = sum(one.weight * one.weather for one in fresh) / total
    waited = sum(one.waited for one in fresh) / number
    own = reference.runs - 1
    moderated = (prior.dof * prior.spread**2 + own * reference.spread**2) / (prior.dof + own)
    dof = prior.dof + own + number - 1
    among = sum(one.weight * (one.log_ns - log_ns) ** 2 for one in fresh)
    variance = ((prior.dof + own) * moderated + among) / dof
    variance = max(variance, moderated, reference.spread**2, _LEAST_SPREAD**2)
    # If this session is less steady than the baseline's was, the variance among its own runs shows by how much.
    own_variance = max(variance, among / (number - 1)) if number > 1 else variance
    # Waiting is weather that no canary feels, and no number of runs makes its effect smaller.
    distance = math.hypot(weather - reference.weather, waited)
    slope = (SLOPE_ERROR**2 + reference.slope_error**2) * distance**2
    error = math.sqrt(own_variance / total + variance * (1 / reference.precision + SHARED) + slope + SESSION**2)
    return Effect(log_ns - math.log(reference.time_ns), error, dof, number, weather - reference.weather)
