"""The regression result for the time of a measurement against the committed baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pytest_perfbudget.compare.baseline_lines import BaselineLines
from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.compare.obstacles import ADDRESS_IN_NAME, no_namesake, untimed
from pytest_perfbudget.core.kinds import NONE
from pytest_perfbudget.core.measurement import Measurement, has_address
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict


def time_result(
    measurement: Measurement,
    known: KnownData,
    confirmed: Mapping[str, RegressionResult],
    lines: BaselineLines,
    file: str,
) -> RegressionResult:
    """Return the result for the time of a measurement.

    Args:
        measurement: the measurement.
        known: the baseline's data on it.
        confirmed: the results of fresh processes, by the names of the suspects.
        lines: all lines of the baseline.
        file: the path of the baseline, as the settings have it.
    """
    if (obstacle := known.obstacle(measurement)) is not None:
        return obstacle
    if known.slowdown_test is None:
        return _unanswerable(measurement, known, lines, file)
    if measurement.name in confirmed:
        return confirmed[measurement.name]
    if measurement.recording is None or not measurement.recording.blocks:
        return untimed(RegressionVerdict.UNMEASURED, _why_untimed(measurement))
    run = known.slowdown_test.estimate(measurement.recording.blocks)
    if known.slowdown_test.is_stale(run):
        slower = math.exp(run.weather)
        why = f"the canaries take {slower:.2g} times as long as for the baseline: update the baseline"
        return untimed(RegressionVerdict.UNMEASURED, why)
    return known.slowdown_test.screened(run)


def _unanswerable(measurement: Measurement, known: KnownData, lines: BaselineLines, file: str) -> RegressionResult:
    """Return the result for a measurement whose time the baseline does not have."""
    nodeid = measurement.nodeid
    is_known = lines.has_test(nodeid)
    # No update can add a measurement to the baseline that has a result and can have no time.
    if is_known if measurement.kind is NONE else _has_reason(measurement):
        return untimed(RegressionVerdict.UNMEASURED, _why_untimed(measurement))
    if has_address(measurement.id):
        in_id = "its id holds an address, which differs from process to process: give parametrize ids="
        why = in_id if has_address(nodeid) else ADDRESS_IN_NAME
        return untimed(RegressionVerdict.UNMEASURED, why)
    if not known.is_known_elsewhere:
        if lines.is_missing:
            why = f"there is no {file}: create the file with pytest --perf-update-baseline"
            return untimed(RegressionVerdict.NEW, why)
        return no_namesake("the baseline", measurement, known.only_base)
    if known.line is None:
        why = f"the baseline has no times of this machine ({lines.machine})"
        return untimed(RegressionVerdict.FOREIGN, why)
    return untimed(RegressionVerdict.UNMEASURED, "the baseline has no time of this measurement")


def _why_untimed(measurement: Measurement) -> str:
    known = measurement.recording.untimed if measurement.recording is not None else ""
    return known or f"not timed in blocks ({measurement.kind.name})"


def _has_reason(measurement: Measurement) -> bool:
    """Return whether a measurement says why it has no blocks."""
    return measurement.recording is not None and bool(measurement.recording.untimed)
