"""Creep: small steps that add up are seen, and the stated errors hold in simulations."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from pytest_perfbudget.core.drift import ALPHA, DriftVerdict
from pytest_perfbudget.core.history.creep import Creep, find_creep, is_step
from pytest_perfbudget.core.history.trend import SeriesKey, Trend, TrendPoint
from pytest_perfbudget.core.metrics import Direction


def trend(values: list[float], **changed: Any) -> Trend:
    """Return a trend of a session a commit, `c0` first; a list in `changed` has a value for each point."""
    given: dict[str, Any] = {
        "branch": "main", "is_dirty": False, "machine": "m", "python": "3.11", "lock": "l",
        "std_error": 0.005, "lower": None, "upper": None, "verdict": "",
    }  # fmt: skip
    points = []
    for at, value in enumerate(values):
        own = {name: one[at] if isinstance(one, list) else one for name, one in changed.items()}
        points.append(TrendPoint(**{"at_s": float(at), "commit": f"c{at}", "value": value, **given, **own}))
    return Trend(SeriesKey("t", "", "median"), "", "ns", Direction.LOWER, points)


def found(values: list[float], max_drift: float | None = 0.05, **changed: Any) -> Creep:
    creep = find_creep(trend(values, **changed), "c0", max_drift=max_drift)
    assert creep is not None
    return creep


def noisy(levels: list[float], chosen: random.Random, spread: float = 0.005) -> list[float]:
    return [level * math.exp(chosen.gauss(0, spread)) for level in levels]


CREEP = [100 * 1.01**at for at in range(13)]


class TestSmallSteps:
    """Twelve commits of +1 % each, of which none breaks a gate of 5 %."""

    def test_they_fail_with_max_drift_and_warn_without(self) -> None:
        values = noisy(CREEP, random.Random(1))
        assert found(values).drift.verdict is DriftVerdict.EXCEEDED
        drift = found(values, max_drift=None).drift
        assert drift.verdict is DriftVerdict.DRIFTING
        assert (drift.lower or 0) > 1.05
        assert drift.ratio == pytest.approx(1.127, abs=0.02)

    def test_the_first_of_them_are_within(self) -> None:
        values = [*noisy(CREEP, random.Random(1))[:8], 104.0]
        assert found(values, max_drift=0.08).drift.verdict is DriftVerdict.WITHIN
        assert found(values, max_drift=0.05).drift.verdict is DriftVerdict.UNDECIDED

    def test_unchanged_code_is_within(self) -> None:
        assert found(noisy([100.0] * 13, random.Random(1))).drift.verdict is DriftVerdict.WITHIN

    def test_noise_hides_them(self) -> None:
        values = noisy(CREEP, random.Random(3), 0.1)
        assert found(values).drift.verdict is DriftVerdict.UNDECIDED
        assert found(values, max_drift=None).drift.verdict is DriftVerdict.WITHIN

    def test_errors_that_the_sessions_do_not_show_hide_nothing(self) -> None:
        """The rounds of a busy machine differ by far more than its sessions."""
        drift = found(noisy(CREEP, random.Random(1)), std_error=[0.2, *[0.1] * 12]).drift
        assert drift.verdict is DriftVerdict.EXCEEDED
        assert (drift.lower or 0) > 1.08
        assert found(noisy([100.0] * 13, random.Random(1)), std_error=0.1).drift.verdict is DriftVerdict.WITHIN

    def test_errors_below_the_spread_between_sessions_show_nothing(self) -> None:
        assert found(noisy(CREEP, random.Random(3), 0.1), std_error=0.001).drift.verdict is DriftVerdict.UNDECIDED


class TestOneSession:
    """A single session may be an outlier, such as that of a busy machine, so one session alone fails nothing."""

    STEADY = noisy([100.0] * 30, random.Random(1))

    def test_a_session_far_from_the_one_before_is_a_candidate(self) -> None:
        assert found([*self.STEADY, 120.0]).drift.verdict is DriftVerdict.CANDIDATE

    def test_a_second_session_of_the_commit_decides(self) -> None:
        commits = [f"c{at}" for at in range(31)]
        slow = found([*self.STEADY, 120.0, 120.0], commit=[*commits, "c30"])
        assert slow.drift.verdict is DriftVerdict.EXCEEDED
        quick = found([*self.STEADY, 120.0, 100.0], commit=[*commits, "c30"])
        assert quick.drift.verdict is DriftVerdict.CANDIDATE

    def test_so_does_a_session_of_the_next_commit(self) -> None:
        assert found([*self.STEADY, 120.0, 120.5]).drift.verdict is DriftVerdict.EXCEEDED

    def test_a_session_a_little_above_the_one_before_may_cross_the_limit(self) -> None:
        values = [*self.STEADY, 106.5, 107.7]
        assert found(values[:-1]).drift.verdict is not DriftVerdict.EXCEEDED
        assert found(values).drift.verdict is DriftVerdict.EXCEEDED

    def test_the_worst_of_several_slow_sessions_is_no_candidate(self) -> None:
        commits = [f"c{at}" for at in range(31)]
        assert found([*self.STEADY, 115.0, 130.0], commit=[*commits, "c30"]).drift.verdict is DriftVerdict.EXCEEDED

    def test_a_rate_is_worse_if_it_is_smaller(self) -> None:
        commits = [f"c{at}" for at in range(31)]
        rates = replace(trend([*self.STEADY, 80.0, 100.0], commit=[*commits, "c30"]), direction=Direction.HIGHER)
        creep = find_creep(rates, "c0", max_drift=0.05)
        assert creep is not None
        assert creep.drift.verdict is DriftVerdict.CANDIDATE

    def test_the_only_session_of_the_anchor_far_from_those_beside_is_a_candidate(self) -> None:
        creep = found([85.0, *self.STEADY])
        assert creep.drift.verdict is DriftVerdict.CANDIDATE
        assert creep.is_by_anchor
        assert not found([*self.STEADY, 120.0]).is_by_anchor

    def test_a_second_session_of_the_anchor_decides(self) -> None:
        commits = ["c0", "c0", *(f"c{at}" for at in range(1, 31))]
        assert found([85.0, 85.0, *self.STEADY], commit=commits).drift.verdict is DriftVerdict.EXCEEDED
        assert found([85.0, 100.0, *self.STEADY], commit=commits).drift.verdict is DriftVerdict.CANDIDATE

    def test_so_do_sessions_before_the_anchor(self) -> None:
        """Steady code until the anchor, and a step right after it."""
        commits = ["b", "c0", *(f"c{at}" for at in range(1, 31))]
        assert found([85.0, 85.3, *self.STEADY], commit=commits).drift.verdict is DriftVerdict.EXCEEDED
        assert found([100.0, 85.0, *self.STEADY], commit=commits).drift.verdict is DriftVerdict.CANDIDATE

    def test_outliers_of_unchanged_code_fail_hardly_ever(self) -> None:
        chosen = random.Random(2)
        verdicts = []
        for _ in range(200):
            levels = [100.0 * (1.2 if chosen.random() < 0.05 else 1.0) for at in range(30)]
            verdicts.append(found(noisy(levels, chosen, 0.01)).drift.verdict)
        assert verdicts.count(DriftVerdict.EXCEEDED) <= 2
        assert verdicts.count(DriftVerdict.CANDIDATE) >= 4


class TestStep:
    """Whether a single commit may be behind a drift, so that a search for it is worth its time."""

    @pytest.mark.parametrize(
        ("levels", "expected"), [(CREEP, False), ([100.0] * 8 + [113.0] * 8, True)], ids=["creep", "step"]
    )
    def test_a_step_is_most_of_the_drift(self, levels: list[float], *, expected: bool) -> None:
        made = trend(noisy(levels, random.Random(1)))
        creep = find_creep(made, "c0", max_drift=0.05)
        assert creep is not None
        assert is_step(made, creep) is expected


class TestErrors:
    """The stated probabilities, at a growth of exactly the limit."""

    @pytest.mark.parametrize("kind", ["even", "step", "last"])
    def test_the_limit_is_exceeded_as_seldom_as_stated(self, kind: str) -> None:
        chosen = random.Random(kind)
        verdicts, above = [], 0
        for number in range(180):
            count = (10, 20, 40)[number % 3]
            share = {
                "even": lambda at, n: at / (n - 1),
                "step": lambda at, n: at >= n // 2,
                "last": lambda at, n: at == n - 1,
            }
            levels = [100 * 1.05 ** share[kind](at, count) for at in range(count)]
            drift = found(noisy(levels, chosen, 0.015), std_error=(None, 0.005)[number % 2]).drift
            verdicts.append(drift.verdict)
            above += (drift.lower or 0) > 1.05
        assert verdicts.count(DriftVerdict.EXCEEDED) <= 180 * ALPHA + 3 * math.sqrt(180 * ALPHA)
        assert above <= 180 * 0.025 + 3 * math.sqrt(180 * 0.025)


class TestSessions:
    """Which sessions count."""

    def test_sessions_of_another_machine_do_not(self) -> None:
        machines = ["m", "n"] * 8
        creep = found([100.0, 200.0] * 7 + [100.0, 100.0], machine=[*machines[:-1], "m"])
        assert creep.drift.ratio == pytest.approx(1.0)

    def test_without_a_session_of_the_anchor_here_there_is_no_drift(self) -> None:
        assert find_creep(trend(CREEP, lock=["k"] + ["l"] * 12), "c0") is None
        assert find_creep(trend(CREEP, is_dirty=[True] + [False] * 12), "c0") is None

    def test_the_anchor_itself_has_no_drift(self) -> None:
        assert find_creep(trend(CREEP, commit="c0"), "c0") is None

    def test_few_sessions_are_unmeasured(self) -> None:
        assert found(CREEP[:7]).drift.verdict is DriftVerdict.UNMEASURED

    def test_all_sessions_of_a_commit_count_and_a_dirty_session_alone(self) -> None:
        commits = ["c0", "c0", *(f"c{at}" for at in range(1, 9)), "now", "now"]
        values = [90.0, 110.0, *[100.0] * 8, 104.0, 106.0]
        creep = found(values, commit=commits)
        assert creep.anchors == 2
        assert creep.before == pytest.approx(math.sqrt(90 * 110))
        assert creep.after == pytest.approx(math.sqrt(104 * 106))
        assert found(values, commit=commits, is_dirty=[False] * 11 + [True]).after == pytest.approx(106)

    def test_a_value_of_zero_has_no_drift(self) -> None:
        assert find_creep(trend([0.0, *CREEP]), "c0") is None
