"""The scatter of a history: the spread between its sessions, and the part of the stated errors that the points show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

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
