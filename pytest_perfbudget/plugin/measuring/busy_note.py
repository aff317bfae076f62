"""The note on a thread that ran while other processes measured a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_perfbudget.core.measurement import Measurement


def with_busy_threads(measurements: Sequence[Measurement], threads: Mapping[str, str]) -> list[Measurement]:
    """Return the compared measurements of a test with a note on each busy thread.

    Args:
        measurements: the measurements.
        threads: the names of the threads, each with the test in which the thread was seen first.
    """
    notes = [
        f"the thread {name}, seen first in {nodeid}, runs while other processes measure, which may make times "
        "longer: let it wait or end"
        for name, nodeid in threads.items()
    ]
    return [replace(one, warnings=[*one.warnings, *notes]) if one.changes else one for one in measurements]
