"""The times of a measurement's rounds as they would be in calm weather."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

from pytest_perfbudget.core.calm_quantiles import FEWEST_ROUNDS, SHARES, CalmQuantiles
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import Reference, estimate_for
from pytest_perfbudget.core.samples import quantile


def has_weather(recording: Recording) -> bool:
    """Return whether a run has canaries around its blocks, as blocks in turns do not."""
    return bool(recording.blocks) and bool(recording.blocks[0].before)


def calm_factor(recording: Recording, reference: Reference) -> float | None:
    """Return the factor that turns times of a run into those in calm weather; None if the weather is not known.

    Args:
        recording: the run.
        reference: the baseline's time, or that of an update.
    """
    if not (has_weather(recording) and reference.weights):
        return None
    raw_ns = median(block.time_ns for block in recording.blocks)
    return math.exp(estimate_for(reference, recording.blocks).log_ns) / raw_ns


def calm_times(runs: Iterable[Recording], reference: Reference) -> list[tuple[float, float]]:
    """Return the times of the rounds of all runs in calm weather, in ns of one call, in ascending order.

    Each time stands beside the part of it in which other processes held the CPU; see `RoundTimes.waits_ns`.
    """
    found: list[tuple[float, float]] = []
    for run in runs:
        if run.rounds is not None and (factor := calm_factor(run, reference)) is not None:
            both = zip(run.rounds.times_ns(), run.rounds.waits_ns(), strict=True)
            found += [(factor * time, factor * waited) for time, waited in both]
    return sorted(found)


def quantiles_of(runs: Iterable[Recording], reference: Reference) -> CalmQuantiles | None:
    """Return the quantiles of the rounds of all runs in calm weather; None if there are too few rounds."""
    times = [time for time, _ in calm_times(runs, reference)]
    if len(times) < FEWEST_ROUNDS:
        return None
    return CalmQuantiles(len(times), tuple(quantile(times, share) for share in SHARES))
