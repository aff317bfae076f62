"""The growth since a fixed anchor: small steps add up, and only credible growth is called so."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.drift import (
    ALPHA,
    Anchored,
    Drift,
    DriftVerdict,
    drift_of_pairs,
    judge_drift,
    sessions_needed,
)
from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

ANCHOR = Anchored(100.0, 0.01)
RATIOS = st.floats(0.1, 10)
ERRORS = st.floats(0.0, 0.5)
PRESSING = list(DriftVerdict)


def verdict(value: float, error: float | None = 0.01, **limits: Any) -> DriftVerdict:
    return judge_drift(ANCHOR, Anchored(value, error), **limits).verdict


class TestTwelveCommits:
    """Twelve commits of +1 % each, none of which a gate of 5 % would stop."""

    COMMITS = tuple(100 * 1.01**commit for commit in range(1, 13))

    def test_they_are_a_warning_from_where_the_interval_is_above_5_percent(self) -> None:
        drifts = [judge_drift(ANCHOR, Anchored(value, 0.01)) for value in self.COMMITS]
        warned = [commit for commit, one in enumerate(drifts, 1) if one.verdict is DriftVerdict.DRIFTING]
        assert warned == [8, 9, 10, 11, 12]
        lower = drifts[7].lower
        assert lower is not None
        assert lower > 1.05
        assert DriftVerdict.EXCEEDED not in [one.verdict for one in drifts]

    def test_they_fail_with_a_largest_drift(self) -> None:
        verdicts = [verdict(value, max_drift=0.08) for value in self.COMMITS]
        within, undecided, drifting, exceeded = (verdicts.count(one) for one in (
            DriftVerdict.WITHIN, DriftVerdict.UNDECIDED, DriftVerdict.DRIFTING, DriftVerdict.EXCEEDED,
        ))  # fmt: skip
        assert (within, undecided, drifting, exceeded) == (4, 3, 4, 1)
        assert verdicts[-1] is DriftVerdict.EXCEEDED

    def test_they_do_not_where_each_is_compared_with_the_last(self) -> None:
        for before, after in zip(self.COMMITS, self.COMMITS[1:], strict=False):
            one = judge_drift(Anchored(before, 0.001), Anchored(after, 0.001))
            assert one.verdict is DriftVerdict.WITHIN


class TestPairs:
    """The drift of a session that compared its code with that of the anchor."""

    @staticmethod
    def drift(growth: float, max_drift: float | None = 0.05, *, error: float = 0.01, dof: float = 5.0) -> Drift:
        effect = Effect(math.log1p(growth), error, dof, 3, 0.0)
        lower, upper = (math.exp(effect.bound(one)) for one in (0.025, 0.975))
        change = RegressionResult(
            "time", RegressionVerdict.UNDECIDED, ratio=1 + growth, lower=lower, upper=upper, log_std_error=error
        )
        found = drift_of_pairs(change, max_drift=max_drift)
        assert found is not None
        return found

    @pytest.mark.parametrize(
        ("growth", "max_drift", "expected"),
        [
            (0.13, 0.05, DriftVerdict.EXCEEDED),
            (0.13, 0.12, DriftVerdict.DRIFTING),
            (0.13, None, DriftVerdict.DRIFTING),
            (0.04, 0.05, DriftVerdict.UNDECIDED),
            (0.0, 0.05, DriftVerdict.WITHIN),
            (-0.2, 0.05, DriftVerdict.WITHIN),
        ],
    )
    def test_the_interval_and_the_limit_decide(
        self, growth: float, max_drift: float | None, expected: DriftVerdict
    ) -> None:
        assert self.drift(growth, max_drift).verdict is expected

    @pytest.mark.parametrize("dof", [1.5, 3.0, 12.0, 400.0])
    def test_a_growth_fails_at_the_stated_significance_however_few_pairs_there_are(self, dof: float) -> None:
        above = math.expm1(math.log(1.05) + 0.01 * -Effect(0.0, 1.0, dof, 3, 0.0).bound(ALPHA))
        just, hardly = (self.drift(above + one, dof=dof) for one in (1e-4, -1e-4))
        assert just.p_value == pytest.approx(ALPHA, rel=0.05)
        assert just.verdict is DriftVerdict.EXCEEDED
        assert hardly.verdict is not DriftVerdict.EXCEEDED

    def test_a_comparison_without_an_interval_says_nothing(self) -> None:
        assert drift_of_pairs(RegressionResult("time", RegressionVerdict.NEW)) is None


class TestVerdicts:
    """Which growth is a warning and which fails."""

    def test_a_number_that_falls_is_within_unless_higher_is_better(self) -> None:
        assert verdict(80.0, max_drift=0.1) is DriftVerdict.WITHIN
        assert verdict(80.0, direction=Direction.HIGHER) is DriftVerdict.DRIFTING
        assert verdict(80.0, direction=Direction.HIGHER, max_drift=0.1) is DriftVerdict.EXCEEDED
        assert verdict(125.0, direction=Direction.HIGHER, max_drift=0.1) is DriftVerdict.WITHIN

    def test_a_number_without_error_cannot_be_judged(self) -> None:
        drift = judge_drift(ANCHOR, Anchored(150.0, None), max_drift=0.1)
        assert (drift.verdict, drift.lower, drift.p_value) == (DriftVerdict.UNMEASURED, None, None)
        assert drift.ratio == pytest.approx(1.5)

    def test_counts_have_no_error_and_are_exact(self) -> None:
        assert judge_drift(Anchored(200, 0.0), Anchored(211, 0.0)).verdict is DriftVerdict.DRIFTING
        assert judge_drift(Anchored(200, 0.0), Anchored(210, 0.0), max_drift=0.06).verdict is DriftVerdict.WITHIN
        assert judge_drift(Anchored(200, 0.0), Anchored(213, 0.0), max_drift=0.06).verdict is DriftVerdict.EXCEEDED

    def test_a_growth_that_may_be_above_its_limit_is_undecided(self) -> None:
        assert verdict(103.0, max_drift=0.05) is DriftVerdict.UNDECIDED
        assert verdict(103.0, max_drift=0.07) is DriftVerdict.WITHIN
        assert verdict(103.0) is DriftVerdict.WITHIN
        assert verdict(100.0, error=0.1, max_drift=0.05) is DriftVerdict.UNDECIDED

    def test_the_result_is_builtins(self) -> None:
        found = judge_drift(ANCHOR, Anchored(112.0, 0.01), max_drift=0.05).to_dict()
        assert found["verdict"] == "exceeded"
        assert found["p_value"] == pytest.approx(2.5e-6, rel=0.05)

    def test_a_growth_of_exactly_the_limit_rarely_fails_or_warns(self) -> None:
        generator = np.random.default_rng(4)
        errors = (0.01, 0.02)
        runs = [
            (Anchored(math.exp(before), errors[0]), Anchored(1.05 * math.exp(after), errors[1]))
            for before, after in (np.array(errors) * generator.normal(size=(4000, 2))).tolist()
        ]
        failed = sum(judge_drift(*one, max_drift=0.05).verdict is DriftVerdict.EXCEEDED for one in runs)
        warned = sum(judge_drift(*one).verdict is DriftVerdict.DRIFTING for one in runs)
        assert 0.004 < failed / 4000 < 0.016  # 1 %
        assert 0.015 < warned / 4000 < 0.035  # 2.5 %

    @given(RATIOS, RATIOS, ERRORS, st.none() | st.floats(0, 1), st.sampled_from(Direction))
    def test_a_worse_number_never_has_a_milder_verdict(
        self, ratio: float, worse: float, error: float, max_drift: float | None, direction: Direction
    ) -> None:
        low, high = sorted((ratio, worse), reverse=direction is Direction.HIGHER)
        mild, bad = (verdict(100 * one, error, max_drift=max_drift, direction=direction) for one in (low, high))
        assert PRESSING.index(bad) <= PRESSING.index(mild)


class TestInput:
    """Wrong input is refused."""

    @pytest.mark.parametrize(
        ("anchor", "limits", "message"),
        [
            ({"value": 0.0}, {}, "the anchor must be above zero, found 0.0"),
            ({"log_std_error": -1.0}, {}, "the error of the anchor must be None or from zero up, found -1.0"),
            ({}, {"max_drift": -0.1}, "max_drift must be a share from zero up, found -0.1"),
            ({}, {"warn_at": math.inf}, "warn_at must be a share from zero up, found inf"),
        ],
    )
    def test_what_is_no_number_is_refused(
        self, anchor: dict[str, float], limits: dict[str, float], message: str
    ) -> None:
        with pytest.raises(ValueError, match=f"^{message}$"):
            judge_drift(replace(ANCHOR, **anchor), ANCHOR, **limits)  # type: ignore[arg-type]  # fields of two types


class TestSessionsNeeded:
    """How many sessions show that unchanged code is within its limit."""

    @pytest.mark.parametrize(
        ("error", "anchors", "presents", "needed"),
        [
            (0.02, 1, 1, (2, 1)),
            (0.02, 2, 1, None),
            (0.03, 1, 1, (3, 3)),
            (0.03, 5, 2, (6, 2)),
            (0.05, 1, 1, (9, 9)),
            (0.005, 1, 1, None),
        ],
    )
    def test_more_sessions_of_the_anchor_come_first(
        self, error: float, anchors: int, presents: int, needed: tuple[int, int] | None
    ) -> None:
        assert sessions_needed(0.05, error, anchors, presents) == needed

    @given(st.floats(0.01, 0.5), st.floats(0.001, 0.2), st.integers(1, 20), st.integers(1, 5))
    def test_so_many_are_enough_and_no_less_than_there_are(
        self, max_drift: float, error: float, anchors: int, presents: int
    ) -> None:
        first, second = sessions_needed(max_drift, error, anchors, presents) or (anchors, presents)
        assert first >= anchors
        assert second >= presents
        errors = (error / math.sqrt(one) for one in (first, second))
        at_anchor, now = (Anchored(100.0, one * (1 - 1e-9)) for one in errors)
        assert judge_drift(at_anchor, now, max_drift=max_drift).verdict is DriftVerdict.WITHIN
