"""The note on a baseline whose times are too uncertain to find a slowdown."""

from __future__ import annotations

import pytest
from results import change

from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.core.reference import Prior, Reference
from pytest_perfbudget.core.results import RegressionResult
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest

REFERENCE = Reference(1e6, 0.01, 10, 40, 10.0, 0.0, 0.03, (0.4, 0.3, 0.3), (1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("decided", "is_told"), [(None, True), (change(in_pairs=False), True), (change(in_pairs=True), False)]
)
def test_a_duet_needs_no_time_of_the_baseline(
    monkeypatch: pytest.MonkeyPatch, decided: RegressionResult | None, *, is_told: bool
) -> None:
    monkeypatch.setattr(UnpairedSlowdownTest, "smallest_found", lambda _: 1.37)
    known = KnownData(None, None, UnpairedSlowdownTest(0.05, 0.001, REFERENCE, Prior(0.01, 4)), is_known_elsewhere=True)
    notes = [*known.doubts(0.05, decided)]
    note = (
        "the baseline is uncertain, its processes differ: a slowdown of less than 137 % would not be found: update on a "
        "calmer machine, or compare in pairs"
    )
    assert notes == ([note] if is_told else [])
