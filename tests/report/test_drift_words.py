"""The words for the side of its limit on which a drift is."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.drift import Drift, DriftVerdict
from pytest_perfbudget.report.drift import limit_text


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (DriftVerdict.EXCEEDED, "above max_drift = 8 %"),
        (DriftVerdict.DRIFTING, "above 5 %, not surely above max_drift = 8 %"),
        (DriftVerdict.CANDIDATE, "a candidate above max_drift = 8 %: one session, far from the others"),
        (DriftVerdict.UNDECIDED, "undecided against max_drift = 8 %, which the interval contains"),
        (DriftVerdict.UNMEASURED, "not judged"),
        (DriftVerdict.WITHIN, "within max_drift = 8 %"),
    ],
)
def test_each_verdict_has_its_words(verdict: DriftVerdict, text: str) -> None:
    assert limit_text(Drift(verdict, 1.1, 1.06, 1.14, 0.05, 0.08, 0.01)) == text


@pytest.mark.parametrize(("upper", "text"), [(1.04, "below 5 %"), (1.14, "not surely above 5 %")])
def test_without_a_limit_the_growth_is_held_against_the_growth_of_a_warning(upper: float, text: str) -> None:
    assert limit_text(Drift(DriftVerdict.WITHIN, 1.01, 0.99, upper, 0.05, None, 0.01)) == text
