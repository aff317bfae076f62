"""Two dozen different workloads, none like a canary, in units of work that can be added one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pytest_perfbudget.doctor.data_work import DATA_WORK
from pytest_perfbudget.doctor.library_work import LIBRARY_WORK

UNITS: Final = 100
"""The units of work in one call, so that one more unit is 1 % more work."""

WORKLOADS: Final[dict[str, Callable[[], Callable[[], object]]]] = {**LIBRARY_WORK, **DATA_WORK}
"""The factories of the workloads, by name; each returns a function that does one unit of work."""


def workload(name: str, slowdown: float = 0.0) -> Callable[[], Any]:
    """Return a function that does `UNITS` units of a workload, and more units in proportion to a slowdown."""
    unit = WORKLOADS[name]()
    units = range(round(UNITS * (1 + slowdown)))

    def work() -> None:
        for _ in units:
            unit()

    return work
