"""The scatter of a history: the spread between its sessions, and the part of the stated errors that the points show."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from pytest_perfbudget.core.change_points import change_points
from pytest_perfbudget.core.level_fit import fit_levels
from pytest_perfbudget.core.level_scatter import Scatter, scatter_about, scatter_of_neighbours
from pytest_perfbudget.core.levels import Floats

COUNT = 120
SPREAD = 0.02
ERRORS = SPREAD * np.exp(np.random.default_rng(1).uniform(np.log(0.3), np.log(6), COUNT))

Estimate = Callable[[Floats, Floats], Scatter]


def about_one_level(values: Floats, errors: Floats) -> Scatter:
    return scatter_about(values, errors, fit_levels(values, errors**2 + SPREAD**2, (0,)))


def noise(deviations: Floats | float, seed: int = 2) -> Floats:
    return deviations * np.random.default_rng(seed).normal(size=COUNT)


@pytest.fixture(params=[scatter_of_neighbours, about_one_level], ids=["neighbours", "levels"])
def estimate(request: pytest.FixtureRequest) -> Estimate:
    found: Estimate = request.param
    return found


class TestShown:
    """The part of the errors that the points show."""

    def test_errors_that_fit_count_in_full(self, estimate: Estimate) -> None:
        found = [estimate(noise(np.hypot(ERRORS, SPREAD), seed), ERRORS) for seed in range(20)]
        assert [one.shown for one in found].count(1.0) >= 18
        assert np.median([one.spread for one in found]) == pytest.approx(SPREAD, rel=0.3)

    @pytest.mark.parametrize("factor", [5, 50])
    def test_errors_that_are_too_large_hardly_count(self, estimate: Estimate, factor: float) -> None:
        errors = factor * ERRORS
        found = estimate(noise(SPREAD), errors)
        assert found.shown <= 1 / 16
        assert np.median(np.sqrt(found.variances(errors))) == pytest.approx(SPREAD, rel=0.25)

    def test_no_point_is_more_certain_than_the_spread_between_sessions(self, estimate: Estimate) -> None:
        errors = ERRORS / 100
        variances = estimate(noise(SPREAD), errors).variances(errors)
        assert np.sqrt(variances.min()) == pytest.approx(SPREAD, rel=0.2)
        assert variances.max() < 1.1 * variances.min()

    def test_one_uncertain_point_that_its_error_explains_stays_uncertain(self, estimate: Estimate) -> None:
        values, errors = noise(SPREAD), np.full(COUNT, SPREAD / 4)
        values[60], errors[60] = 0.3, 0.3
        assert estimate(values, errors).variances(errors)[60] > 0.2**2

    def test_steps_hardly_matter_among_neighbours(self) -> None:
        stepped = noise(SPREAD) + np.where(np.arange(COUNT) < 50, 0.0, 1.0)
        found = scatter_of_neighbours(stepped, np.zeros(COUNT))
        assert found.spread == pytest.approx(SPREAD, rel=0.25)

    def test_equal_values_have_the_least_spread(self, estimate: Estimate) -> None:
        assert np.sqrt(estimate(np.zeros(COUNT), np.zeros(COUNT)).variances(np.zeros(COUNT))).max() == 1e-4


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_the_spread_of_a_count_of_two_values_is_not_zero(estimate: Estimate, share: float) -> None:
    values: Floats = np.where(np.random.default_rng(3).random(COUNT) < share, 0.001, 0.0)
    assert estimate(values, np.zeros(COUNT)).spread == pytest.approx(float(values.std()), rel=0.4)


class TestCounts:
    """A count that is larger by one call in every fifth session scatters, although most sessions are equal."""

    @staticmethod
    def flickering(seed: int, share: float, step: int = 0) -> list[float]:
        chosen = random.Random(seed)
        return [1000.0 + (chosen.random() < share) + (step if at >= 30 else 0) for at in range(60)]

    @pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
    def test_a_second_value_is_no_change(self, share: float) -> None:
        found = [change_points(self.flickering(seed, share), None) for seed in range(40)]
        assert sum(bool(one.changes) for one in found) <= 4  # 9 to 16 if the median residual is the spread

    @pytest.mark.parametrize(("share", "step"), [(0.0, 1), (0.1, 1), (0.2, 3)])
    def test_a_step_is_found_beside_it(self, share: float, step: int) -> None:
        found = [change_points(self.flickering(seed, share, step), None) for seed in range(10)]
        assert all(any(abs(change.index - 30) <= 3 for change in one.changes) for one in found)

    def test_an_outlier_hides_no_step(self) -> None:
        values = self.flickering(1, 0.0, step=1)
        values[10] = 2000.0
        assert [one.index for one in change_points(values, None).changes] == [30]
