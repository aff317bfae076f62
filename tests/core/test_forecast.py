"""The trend of a history: found where there is one, silent where there is none, also if neighbours resemble each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from change_series import dependent
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.forecast import Growth, crossing, find_growth

DAYS = [float(day) for day in range(60)]
GROWTH = Growth(0.01, 0.008, 0.0125, 1e-6, 100.0, 50.0, 50.0)


def history(count: int, rate: float, seed: int, *, dependence: float = 0.0, spread: float = 0.03) -> list[float]:
    """Return values that grow by a rate, with noise of which each value inherits a share from the last."""
    noise = dependent(count, dependence, np.random.default_rng((7, seed)))
    found: list[float] = (100 * np.exp(rate * np.arange(count) + spread * noise)).tolist()
    return found


class TestGrowth:
    """Which histories have a trend, and how well its rate is known."""

    def test_a_growth_is_found_with_its_rate_in_the_interval(self) -> None:
        growth = find_growth(history(60, 0.005, 1), DAYS)
        assert growth is not None
        assert growth.lower < 0.005 < growth.upper
        assert growth.now == pytest.approx(100 * math.exp(0.005 * 59), rel=0.02)
        assert (growth.at, growth.spans) == (59.0, 59.0)
        assert set(growth.to_dict()) == set(growth.__slots__)

    def test_a_fall_is_a_growth_below_zero(self) -> None:
        growth = find_growth(history(60, -0.005, 1), DAYS)
        assert growth is not None
        assert growth.upper < 0

    def test_the_same_noise_without_growth_has_no_trend(self) -> None:
        assert find_growth(history(60, 0.0, 1), DAYS) is None
        assert find_growth([100.0] * 60, DAYS) is None

    def test_an_outlier_neither_makes_a_trend_nor_hides_one(self) -> None:
        quiet, growing = history(60, 0.0, 1), history(60, 0.005, 1)
        quiet[-1] = growing[3] = 1000.0
        assert find_growth(quiet, DAYS) is None
        growth = find_growth(growing, DAYS)
        assert growth is not None
        assert growth.rate == pytest.approx(0.005, rel=0.25)

    def test_too_few_points_or_no_time_between_them_show_nothing(self) -> None:
        assert find_growth(history(5, 0.05, 1, spread=0.001), DAYS[:5]) is None
        assert find_growth(history(6, 0.05, 1, spread=0.001), DAYS[:6]) is not None
        assert find_growth(history(60, 0.05, 1), [3.0] * 60) is None

    def test_only_the_newest_points_of_a_long_history_count(self) -> None:
        values = history(1400, 0.0, 1)
        newest = find_growth([*values[:400], *history(1000, 0.001, 2)], list(range(1400)))
        assert newest is not None
        assert newest.rate == pytest.approx(0.001, rel=0.05)
        assert newest.spans == 999

    @pytest.mark.parametrize("dependence", [0.0, 0.3, 0.5, 0.7, 0.9])
    def test_at_most_1_percent_of_histories_without_a_trend_have_one(self, dependence: float) -> None:
        false = 0
        for count in (6, 7, 9, 11, 12, 25, 60, 120):
            rows = [history(count, 0.0, seed, dependence=dependence) for seed in range(150)]
            false += sum(find_growth(one, list(range(count))) is not None for one in rows)
        assert false <= 12

    @pytest.mark.parametrize(("count", "found"), [(6, 25), (8, 80), (11, 98)])
    def test_a_steady_growth_of_a_few_points_is_found_by_its_steps(self, count: int, found: int) -> None:
        rows = [history(count, 0.05, seed, spread=0.01) for seed in range(100)]
        growths = [one for row in rows if (one := find_growth(row, DAYS[:count])) is not None]
        assert len(growths) >= found
        assert sum(one.lower <= 0.05 <= one.upper for one in growths) >= 0.95 * len(growths)

    @pytest.mark.parametrize("step", [1, 5, 12, 30, -3])
    def test_a_count_that_grows_by_the_same_amount_has_a_trend_from_six_points_on(self, step: int) -> None:
        for count in range(6, 161):
            growth = find_growth([1000.0 + step * day for day in range(count)], list(range(count)))
            assert growth is not None
            assert growth.rate * growth.now == pytest.approx(step)
            assert growth.is_linear

    @pytest.mark.parametrize("spread", [0.0, 0.0005, 0.001, 0.003])
    @pytest.mark.parametrize("is_linear", [True, False])
    def test_a_growth_shows_however_small_its_noise_is(self, spread: float, is_linear: bool) -> None:
        days = np.arange(60)
        line = 1 + 0.006 * days if is_linear else np.exp(0.006 * days)
        found = 0
        for seed in range(40):
            noise = 1 + spread * np.random.default_rng((9, seed)).normal(size=60)
            found += find_growth((1000 * line * noise).tolist(), DAYS) is not None
        assert found == 40

    def test_steps_in_the_same_direction_are_a_trend_even_of_a_curve(self) -> None:
        curve = [1000.0 + day**2 for day in range(20)]
        assert find_growth(curve, DAYS[:20]) is not None
        assert find_growth([*curve[:10], *curve[:10]], DAYS[:20]) is None

    @pytest.mark.parametrize("kind", ["few values", "random walk", "rare steps", "saw"])
    def test_at_most_1_percent_of_counts_that_rise_and_fall_have_a_trend(self, kind: str) -> None:
        generator = np.random.default_rng((10, len(kind)))

        def counts(count: int) -> list[float]:
            if kind == "few values":
                steps = 12 * generator.integers(0, 4, count)
            elif kind == "random walk":
                steps = 3 * np.cumsum(generator.integers(-1, 2, count))
            elif kind == "rare steps":
                steps = np.cumsum((generator.random(count) < 0.3) * generator.choice((-5, 5), count))
            else:
                steps = 10 * ((np.arange(count) + generator.integers(0, 7)) % 7)
            return [float(one) for one in 1000 + steps]

        lengths = (12, 20, 40, 80) if kind == "saw" else (6, 7, 8, 10, 12, 20, 40, 80)
        found = sum(find_growth(counts(n), list(range(n))) is not None for n in lengths for _ in range(250))
        assert found <= 2.5 * len(lengths)

    def test_a_trend_is_found_among_values_that_depend_on_each_other(self) -> None:
        rows = [history(60, 0.005, seed, dependence=0.3) for seed in range(100)]
        found = [one for row in rows if (one := find_growth(row, DAYS)) is not None]
        assert len(found) >= 95
        assert sum(one.lower <= 0.005 <= one.upper for one in found) >= 93

    @given(st.lists(st.floats(0.1, 1e6), max_size=40), st.sampled_from([0.125, 1024.0]))
    @settings(max_examples=40, deadline=None)
    def test_the_unit_of_the_values_does_not_matter(self, values: list[float], factor: float) -> None:
        days = DAYS[: len(values)]
        one, other = find_growth(values, days), find_growth([factor * value for value in values], days)
        assert (one is None) is (other is None)
        if one is not None and other is not None:
            assert one.lower <= one.rate <= one.upper
            assert other.rate == pytest.approx(one.rate, rel=1e-6, abs=1e-9)

    @pytest.mark.parametrize(
        ("values", "times", "message"),
        [
            ([1.0], [], "values and times must be equally many, found 1 and 0"),
            ([1.0, -1.0], [1.0, 2.0], "value 1 must be a number above zero, found -1.0"),
            ([1.0, 1.0], [2.0, 1.0], "time 1 must not be before time 0, found 1.0 after 2.0"),
        ],
    )
    def test_what_is_no_history_is_refused(self, values: Sequence[Any], times: Sequence[Any], message: str) -> None:
        with pytest.raises(ValueError, match=f"^{message}$"):
            find_growth(values, times)


class TestCrossing:
    """When a trend crosses a limit."""

    def test_a_limit_ahead_is_crossed_within_an_interval_of_time(self) -> None:
        found = crossing(GROWTH, 120.0)
        assert found is not None
        assert found.at == pytest.approx(50 + math.log(1.2) / 0.01)
        assert found.earliest == pytest.approx(50 + math.log(1.2) / 0.0125)
        assert found.latest == pytest.approx(50 + math.log(1.2) / 0.008)

    def test_a_falling_number_crosses_a_limit_below(self) -> None:
        falling = Growth(-0.01, -0.0125, -0.008, 1e-6, 100.0, 50.0, 50.0)
        found = crossing(falling, 80.0)
        assert found is not None
        assert 50 < found.earliest < found.at < found.latest
        assert crossing(falling, 120.0) is None

    def test_an_equal_amount_each_day_crosses_where_its_line_does(self) -> None:
        growth = find_growth([1000.0 + 12 * day for day in range(25)], DAYS[:25])
        assert growth is not None
        found = crossing(growth, 1400.0)
        assert found is not None
        assert (found.earliest, found.at, found.latest) == pytest.approx((100 / 3,) * 3)

    def test_a_number_that_falls_to_zero_by_its_line_has_no_growth_of_a_share(self) -> None:
        assert find_growth([40.0 - day for day in range(40)], DAYS[:40]) is not None
        assert find_growth([max(40.0 - 2 * day, 0.5) for day in range(24)], DAYS[:24]) is None

    def test_a_limit_behind_or_too_far_ahead_has_no_time(self) -> None:
        assert crossing(GROWTH, 90.0) is None
        assert crossing(GROWTH, 100.0) is None
        assert crossing(GROWTH, 100 * math.exp(0.499)) is not None
        assert crossing(GROWTH, 100 * math.exp(0.501)) is None

    def test_a_simulated_growth_crosses_when_its_truth_does(self) -> None:
        true = math.log(1.5) / 0.005
        hits = told = 0
        for seed in range(60):
            growth = find_growth(history(60, 0.005, seed), DAYS)
            found = None if growth is None else crossing(growth, 150.0)
            if found is not None:
                told += 1
                hits += found.earliest - 2 <= true <= found.latest + 2  # the present level is an estimate, too
        assert told > 50
        assert hits / told >= 0.9
