"""The measurements that a pair does not keep on one CPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.measure.affinity import cpus
from pytest_perfbudget.measure.one_cpu import PARALLEL


def unpinned_measurements(
    measurements: Iterable[Measurement], requests: Mapping[str, MeasurementRequest]
) -> Iterator[tuple[str, str]]:
    """Yield the measurements that may use all CPUs, each with the reason; for a load that goes without saying."""
    for one in measurements:
        found = one.recording.cpus if one.recording is not None else None
        if one.name in requests and one.kind is LOAD:
            yield one.name, ""
        elif one.name in requests and not requests[one.name].pin:
            yield one.name, "measured on all CPUs: pin = false"
        elif found is not None and found > PARALLEL and cpus():
            yield one.name, f"measured on all CPUs: the code uses {found:.1f} of them"
