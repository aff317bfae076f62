"""The spans of a run in calm weather, by the correction that the baseline has for the run's time."""

from __future__ import annotations

from dataclasses import replace

from pytest_perfbudget.core.calm_times import calm_factor
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import Reference
from pytest_perfbudget.core.spans.batches import SpanBatch, SpanPart
from pytest_perfbudget.core.spans.causes import Causes


def calm_batch(recording: Recording, reference: Reference) -> SpanBatch | None:
    """Return the typical executions of a run as they would be in calm weather; None if the run recorded no spans.

    Args:
        recording: the run, whose spans are one batch, taken after its blocks.
        reference: the baseline's time, or that of an update.
    """
    if not recording.spans or (factor := calm_factor(recording, reference)) is None:
        return None
    batch = recording.spans[0].typical or recording.spans[0]
    parts = {name: _scaled(part, factor) for name, part in batch.parts.items()}
    return replace(batch, total_ns=factor * batch.total_ns, parts=parts)


def _scaled(part: SpanPart, factor: float) -> SpanPart:
    """Return a part with its times and their causes multiplied by a factor."""
    return SpanPart(
        factor * part.self_ns,
        part.number,
        None if part.cpu_ns is None else factor * part.cpu_ns,
        None if part.causes is None else Causes(*(factor * cause for cause in part.causes)),
    )
