"""The numbers of a changed test that are lower than those of the base's own test."""

from __future__ import annotations

import pytest
from results import change, measurement

from pytest_perfbudget.core.changed_tests import is_comparable, lower_numbers
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

LESS, SAME = change(), change(RegressionVerdict.UNCHANGED)
CALLS = change(metric="calls")
FASTER, UNKNOWN = change(RegressionVerdict.IMPROVED), change(RegressionVerdict.UNMEASURED)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([LESS, SAME], [LESS]),
        ([SAME, CALLS], [CALLS]),
        ([UNKNOWN], [UNKNOWN]),
        ([UNKNOWN, CALLS], [CALLS]),  # fewer calls say enough
        ([SAME, FASTER], []),  # as much work, or more
        ([SAME, change(RegressionVerdict.UNMEASURED, metric="calls")], []),  # the time was compared
    ],
)
def test_less_work_or_an_unknown_time_is_found(changes: list[RegressionResult], found: list[RegressionResult]) -> None:
    assert lower_numbers([measurement(name="step", changes=changes)]) == [("step", one) for one in found]


def test_a_new_measurement_and_that_without_a_result_have_nothing_to_be_compared_with() -> None:
    assert not is_comparable(measurement(changes=[change(RegressionVerdict.NEW)]))
    assert not is_comparable(measurement(changes=[UNKNOWN]))
    assert is_comparable(measurement(changes=[FASTER]))
    assert is_comparable(measurement(changes=[UNKNOWN], is_pending=True))
