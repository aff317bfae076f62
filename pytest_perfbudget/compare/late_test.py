"""A test that could not be compared beside the session, and is compared after the last test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.measurement import Measurement


@dataclass(frozen=True)
class LateTest:
    """A test that is compared late.

    Attributes:
        measurements: the measurements of the session's own run.
        requests: the requests, by measurement.
        why: the failure beside the session.
    """

    measurements: Sequence[Measurement]
    requests: Mapping[str, MeasurementRequest]
    why: str
