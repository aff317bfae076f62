"""The load of the machine, as the system averages it."""

from __future__ import annotations

import os

_BUSY = 1.5
"""The number of processes for each CPU from which a comparison takes several times as long: its processes wait in most
of their turns."""


def load_average() -> float | None:
    """Return how many processes ran or waited for a CPU, on average in the last minute; None if that is not known."""
    read = getattr(os, "getloadavg", None)  # not on Windows
    try:
        return None if read is None else float(read()[0])
    except OSError:
        return None


def busy_load() -> tuple[float, int] | None:
    """Return the load average and the number of CPUs of a busy machine; None if the machine is not known to be busy."""
    load, cpus = load_average(), os.cpu_count() or 1
    return (load, cpus) if load is not None and load > _BUSY * cpus else None
