"""The verdict on a perf test that a pull request changes: whether the test measures less than it did."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict


def lower_numbers(measurements: Iterable[Measurement]) -> list[tuple[str, RegressionResult]]:
    """Return the numbers of a test that are lower than those of the base's own test, or may be.

    Args:
        measurements: the test's measurements. Their changes compare the base's code with itself: `before` is the number
            in the changed test, `after` the number in the base's own test.

    Returns:
        The name of each measurement with a result: `regressed` if the changed test measures less, or unjudged if the
        times could not be compared.
    """
    found = [(one.name, change) for one in measurements for change in one.changes]
    less = [(name, one) for name, one in found if one.verdict is RegressionVerdict.REGRESSED]
    return less or [(name, one) for name, one in found if one.verdict.is_unjudged and one.metric == TIME.name]


def is_comparable(measurement: Measurement) -> bool:
    """Return whether a measurement of a changed test is compared with the same of the base's own test.

    A measurement that the base does not have is new. One that could not be compared has a result of its own.

    Args:
        measurement: the measurement, with the results of the session.
    """
    return measurement.is_pending or any(not one.verdict.is_unjudged for one in measurement.changes)
