"""The verdict beside a baseline whose times are too uncertain to find a slowdown."""

from __future__ import annotations

import pytest
from results import change

from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.core.reference import Prior, Reference
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest

REFERENCE = Reference(1e6, 0.01, 10, 40, 10.0, 0.0, 0.03, (0.4, 0.3, 0.3), (1.0, 1.0, 1.0))


UNCONFIRMED = change(RegressionVerdict.UNCONFIRMED)


@pytest.mark.parametrize(
    ("found", "is_told"),
    [
        (change(RegressionVerdict.UNDECIDED, runs=0), True),
        (UNCONFIRMED, True),
        (change(RegressionVerdict.UNCONFIRMED, in_pairs=True), False),
        (change(RegressionVerdict.REGRESSED), False),
        (change(RegressionVerdict.IMPROVED), False),
        (change(RegressionVerdict.UNDECIDED, reason="its first runs look slower"), False),
    ],
    ids=["screened", "by processes", "by pairs", "regressed", "improved", "with another reason"],
)
def test_a_time_that_an_uncertain_baseline_cannot_judge_is_undecided(
    monkeypatch: pytest.MonkeyPatch, found: RegressionResult, *, is_told: bool
) -> None:
    """A slowdown that doubles the time would pass as unsuspicious otherwise. Pairs need no time of the baseline."""
    monkeypatch.setattr(UnpairedSlowdownTest, "smallest_found", lambda _: 1.37)
    monkeypatch.setattr(UnpairedSlowdownTest, "told_without_pairs", lambda _: 4.62)
    known = KnownData(None, None, UnpairedSlowdownTest(0.05, 0.001, REFERENCE, Prior(0.01, 4)), is_known_elsewhere=True)
    doubted = known.doubted(found)
    where = "in 5 fresh processes" if found.runs else "in this session"
    reason = (
        f"+12 % {where}, but the baseline is uncertain, its processes differ: a slowdown of less than 462 % may not be found: update on a "
        "calmer machine, or compare in pairs"
    )
    assert (doubted.verdict is RegressionVerdict.UNDECIDED and doubted.reason == reason) is is_told
    assert doubted.smallest_found == (1.37 if is_told else None)
    assert is_told or doubted == found


def test_a_certain_baseline_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownData(None, None, UnpairedSlowdownTest(0.05, 0.001, REFERENCE, Prior(0.01, 4)), is_known_elsewhere=True)
    monkeypatch.setattr(UnpairedSlowdownTest, "smallest_found", lambda _: 0.4)
    assert known.doubted(UNCONFIRMED) == UNCONFIRMED
    untimed = KnownData(None, None, None, is_known_elsewhere=True)
    assert untimed.doubted(UNCONFIRMED) == UNCONFIRMED
