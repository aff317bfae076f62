"""The changes of a history: found where they are, none where nothing changed, and never by one point or one machine."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from change_series import KINDS, QUIET, Score, score
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.change_points import ChangePoints, change_points

RECORDED = json.loads((Path(__file__).parent.parent / "data" / "change_points.json").read_text())
WOBBLE = (100.0, 101.0, 99.5, 100.5, 99.0, 100.2, 100.8, 99.3)

VALUES = st.lists(st.floats(1.0, 1e6), max_size=40)


def scaled(factor: float) -> list[float]:
    return [factor * value for value in WOBBLE]


def indices(found: ChangePoints) -> list[int]:
    return [one.index for one in found.changes]


class TestSteps:
    """Which changes are found, and what is said of them."""

    def test_a_step_is_found_at_its_first_point(self) -> None:
        (change,) = change_points([*WOBBLE, *scaled(1.1)]).changes
        assert (change.index, change.previous) == (8, 7)
        assert change.before == pytest.approx(100, rel=0.01)
        assert change.after == pytest.approx(110, rel=0.01)
        assert change.ratio == pytest.approx(1.1, rel=0.001)
        assert change.lower < change.ratio < change.upper
        assert change.p_value < 1e-6

    def test_an_improvement_is_a_change_as_well(self) -> None:
        (change,) = change_points([*WOBBLE, *scaled(0.9)]).changes
        assert change.ratio == pytest.approx(0.9, rel=0.001)

    def test_the_same_values_without_a_step_have_no_change(self) -> None:
        assert change_points([*WOBBLE, *WOBBLE]) == ChangePoints()

    def test_a_count_has_no_noise_and_changes_at_once(self) -> None:
        assert indices(change_points([201.0] * 6 + [202.0] * 6)) == [6]
        assert change_points([201.0] * 12) == ChangePoints()

    @pytest.mark.parametrize("step", [1, 12, 30, -3])
    def test_a_count_that_grows_by_the_same_amount_has_no_steps(self, step: int) -> None:
        values = [1000.0 + step * day for day in range(160)]
        assert change_points(values) == ChangePoints()
        assert 80 in indices(change_points([*values[:80], *(1.5 * one for one in values[80:])]))

    @pytest.mark.parametrize(("growth", "step"), [("share", "factor"), ("amount", "factor"), ("amount", "amount")])
    @pytest.mark.parametrize("rate", [1, 12, -3])
    def test_a_step_of_exact_numbers_that_creep_is_found_alone_and_at_its_place(
        self, growth: str, step: str, rate: int
    ) -> None:
        for count in (40, 100):
            line = [
                1000 + rate * day if growth == "amount" else 1000 * (1 + rate / 1000) ** day for day in range(count)
            ]
            for at in (count // 4, count // 2, count - 6):
                for ratio in (0.9, 1.02, 1.5):
                    after = [ratio * one if step == "factor" else one + 1000 * (ratio - 1) for one in line[at:]]
                    (change,) = change_points([*line[:at], *after]).changes
                    assert change.index == at
                    assert change.before == pytest.approx(line[at])
                    assert change.after == pytest.approx(after[0])
                    assert change.lower <= change.ratio <= change.upper
                    assert change.ratio == pytest.approx(after[0] / line[at])

    @pytest.mark.parametrize("noise", [0.0002, 0.003])
    @pytest.mark.parametrize("growth", ["share", "amount"])
    def test_a_step_beside_a_creep_of_little_noise_is_found_and_few_others(self, noise: float, growth: str) -> None:
        days = np.arange(60)
        line = 1000 + 6.0 * days if growth == "amount" else 1000 * 1.006**days
        found = others = 0
        for seed in range(25):
            generator = np.random.default_rng((3, seed))
            at, ratio = int(generator.integers(8, 52)), float(generator.choice((0.9, 1.05, 1.3)))
            after = line + 1000 * (ratio - 1) if growth == "amount" else line * ratio
            values = np.where(days < at, line, after) * (1 + noise * generator.normal(size=60))
            places = indices(change_points(values.tolist()))
            found += at in places
            others += len([one for one in places if one != at])
        assert found == 25
        assert others <= 8

    @pytest.mark.parametrize("noise", [0.0, 0.002])
    @pytest.mark.parametrize("rate", [0.01, -0.01])
    def test_a_creep_after_a_steady_time_is_no_series_of_steps(self, rate: float, noise: float) -> None:
        """Found as steps, each of which lies against the creep or is a part of the creep.

        A step beside such a creep is found in a third of the exact series at least, and in all noisy ones here.
        """
        steps = 0
        for steady, creeping in ((8, 13), (15, 25), (50, 50)):
            days = np.arange(steady + creeping)
            for seed in range(3):
                wobble = noise * np.random.default_rng((4, seed)).normal(size=len(days))
                creep = np.exp(rate * np.maximum(days - steady + 1, 0) + wobble)
                for values, bend in ((creep, steady), (creep[::-1], creeping)):
                    found = change_points(values.tolist())
                    assert found.changes == ()
                    assert found.bend is not None
                    assert found.bend.index == pytest.approx(bend, abs=2)
                    assert found.bend.growth == pytest.approx(rate if values is creep else 0.0, abs=0.001)
                stepped = np.where(days < steady // 2, creep, 1.1 * creep)
                steps += steady // 2 in indices(change_points(stepped.tolist()))
        assert steps >= 3

    def test_exact_levels_far_from_each_other_are_all_found(self) -> None:
        values = [level for level in (1000.0, 1517.0, 1520.0, 64000.0, 63990.0) for _ in range(8)]
        assert indices(change_points(values)) == [8, 16, 24, 32]

    def test_a_last_count_off_its_line_is_a_candidate_with_its_level_before(self) -> None:
        candidate = change_points([*(1000.0 + 12 * day for day in range(40)), 2000.0]).candidate
        assert candidate is not None
        assert candidate.before == pytest.approx(1480)

    def test_a_few_points_need_more_significance(self) -> None:
        """Twelve independent points with errors that are far too large, which chance has put into three groups."""
        values = [103.01, 110.03, 107.03, 105.6, 111.32, 90.67, 88.81, 84.96, 82.23, 103.14, 97.99, 102.34]
        errors = [0.158, 0.546, 0.192, 0.651, 0.377, 0.195, 0.205, 0.39, 0.16, 0.122, 0.049, 0.057]
        assert change_points(values, errors).changes == ()
        assert indices(change_points([*WOBBLE[:6], *scaled(1.1)[:6]], errors)) == [6]

    def test_too_few_points_show_nothing(self) -> None:
        assert change_points([100.0, 100.0, 200.0, 200.0]) == ChangePoints()
        assert change_points([]) == ChangePoints()

    def test_an_interval_covers_the_ratio_of_a_known_step(self) -> None:
        covered = found = 0
        for seed in range(150):
            one = KINDS["one step, CV 1-3 %"]("", seed)
            true = one.changes[0]
            for change in change_points(one.values).changes:
                if change.index == true:  # a misplaced change has another ratio
                    after, before = one.values[true:], one.values[:true]
                    found += 1
                    middle = (sum(after) / len(after)) / (sum(before) / len(before))
                    covered += change.lower <= middle <= change.upper
        assert found > 80
        assert covered / found > 0.95


class TestModes:
    """Sessions of two modes go to and fro between the same two levels, and code does not."""

    @staticmethod
    def found(*levels: float) -> list[int]:
        noise = np.random.default_rng(3).normal(scale=0.005, size=6 * len(levels))
        values = np.repeat(np.array(levels), 6) * np.exp(noise)
        return indices(change_points(values.tolist(), [None] * len(values), [""] * len(values)))

    def test_four_steps_to_and_fro_are_no_changes(self) -> None:
        assert self.found(100, 120, 100, 120, 100) == []

    def test_mended_code_that_breaks_again_is_changed_three_times(self) -> None:
        assert self.found(100, 120, 100, 120) == [6, 12, 18]

    def test_steps_to_other_levels_are_changes(self) -> None:
        assert self.found(100, 120, 110, 125, 105) == [6, 12, 18, 24]

    def test_steps_that_are_taken_back_in_part_are_changes(self) -> None:
        """Each return is near the level before, and yet the code becomes slower and slower."""
        assert self.found(100, 120, 104, 124.8, 108.2, 129.8) == [6, 12, 18, 24, 30]

    def test_a_step_beyond_both_modes_is_a_change(self) -> None:
        assert self.found(100, 120, 100, 120, 100, 150) == [30]


class TestLastPoint:
    """A last point alone is no change: it may be an outlier."""

    def test_a_last_point_far_from_the_others_is_a_candidate(self) -> None:
        found = change_points([*WOBBLE, 130.0])
        assert found.changes == ()
        candidate = found.candidate
        assert candidate is not None
        assert candidate.index == 8
        assert candidate.value == pytest.approx(130)
        assert candidate.ratio == pytest.approx(1.3, rel=0.01)
        assert candidate.p_value < 0.001

    def test_a_last_point_near_the_others_is_none(self) -> None:
        assert change_points([*WOBBLE, 100.4]).candidate is None

    def test_further_points_at_the_new_level_make_a_change(self) -> None:
        found = change_points([*WOBBLE, 130.0, 131.0, 129.0])
        assert indices(found) == [8]
        assert found.candidate is None

    def test_an_outlier_between_the_others_is_neither(self) -> None:
        assert change_points([*WOBBLE, 130.0, *WOBBLE]) == ChangePoints()

    @given(VALUES, st.floats(1e-3, 1e9))
    @settings(max_examples=60, deadline=None)
    def test_the_last_point_never_is_a_change(self, values: list[float], last: float) -> None:
        assert len(values) not in indices(change_points([*values, last]))


BUSY_US = (
    (2329.0, 0.086), (2483.2, 0.049), (2308.2, 0.079), (2269.8, 0.151), (2232.0, 0.071), (2273.1, 0.114),
    (2358.2, 0.084), (2363.1, 0.077), (2359.4, 0.012), (2331.3, 0.102), (2236.0, 0.021), (2294.9, 0.105),
    (2260.3, 0.139), (2236.7, 0.023), (2262.0, 0.098), (2211.9, 0.176), (2196.4, 0.047), (2255.5, 0.124),
    (2195.2, 0.008), (2260.6, 0.076),
)  # fmt: skip
"""The medians of unchanged code in 20 sessions on a busy machine, with the errors by their rounds."""


class TestErrors:
    """A point with a large error of its own says little, as far as the scatter of the points bears the error out."""

    VALUES = (*WOBBLE, *scaled(1.04))

    def test_points_are_believed_as_far_as_their_errors_allow(self) -> None:
        assert indices(change_points(self.VALUES, [0.005] * 16)) == [8]
        scattered = [value * (1 + shift) for value, shift in zip(self.VALUES, (-0.2, 0.1, 0.2, -0.1) * 4, strict=True)]
        assert change_points(scattered, [0.2] * 16) == ChangePoints()

    @pytest.mark.parametrize("error", [0.2, 0.0005, [0.03, 0.01]])
    def test_points_that_scatter_otherwise_than_their_errors_are_compared_by_their_scatter(
        self, error: float | list[float]
    ) -> None:
        known = change_points(self.VALUES)
        (change,) = change_points(self.VALUES, [error] * 16 if isinstance(error, float) else error * 8).changes
        assert change.ratio == pytest.approx(known.changes[0].ratio, rel=0.001)
        assert math.log(change.upper / change.lower) == pytest.approx(
            math.log(known.changes[0].upper / known.changes[0].lower), rel=0.2
        )

    def test_the_points_with_the_smallest_errors_are_not_the_levels(self) -> None:
        """The most certain point of each half is 6.9 % above the other; the halves are 3.6 % apart."""
        values, errors = zip(*BUSY_US, strict=True)
        (change,) = change_points(values, errors).changes
        halves = [sum(map(math.log, part)) / 10 for part in (values[:10], values[10:])]
        assert change.index == 10
        assert change.ratio == pytest.approx(math.exp(halves[1] - halves[0]), abs=0.003)
        assert change.upper - change.lower > 0.03

    def test_uncertain_points_are_no_candidates(self) -> None:
        values = [*WOBBLE, 115.0]
        assert change_points(values, [0.01] * 9).candidate is not None
        assert change_points(values, [*[0.01] * 8, 0.2]).candidate is None

    def test_an_unknown_error_is_a_typical_one(self) -> None:
        known = change_points(self.VALUES, [0.01] * 16)
        assert change_points(self.VALUES, [None, *[0.01] * 15]) == known


class TestMarkers:
    """Another machine, Python or lock file is no change of the code."""

    def test_a_step_with_the_marker_is_none(self) -> None:
        values = [*WOBBLE, *scaled(1.3)]
        assert change_points(values, markers=["a"] * 8 + ["b"] * 8) == ChangePoints()
        assert indices(change_points(values, markers=["a"] * 16)) == [8]

    def test_machines_in_turns_are_compared_with_themselves(self) -> None:
        values = [value for pair in zip([*WOBBLE, *WOBBLE], [*scaled(2), *scaled(2.4)], strict=True) for value in pair]
        (change,) = change_points(values, markers=["a", "b"] * 16).changes
        assert (change.index, change.previous) == (17, 15)
        assert change.ratio == pytest.approx(1.2, rel=0.001)

    def test_only_the_last_point_of_all_is_a_candidate(self) -> None:
        values = [*WOBBLE, 130.0, *scaled(2)]
        assert change_points(values, markers=["a"] * 9 + ["b"] * 8).candidate is None


class TestInput:
    """Wrong input is refused, and the unit of the values does not matter."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (([1.0, 2.0], [0.1]), "values, errors and markers must be equally many, found 2, 1 and 2"),
            (([1.0], None, ["a", "b"]), "values, errors and markers must be equally many, found 1, 1 and 2"),
            (([1.0, 0.0],), "value 1 must be a number above zero, found 0.0"),
            (([float("nan")],), "value 0 must be a number above zero, found nan"),
            (([1.0], [-0.5]), "error 0 must be None or a number from zero up, found -0.5"),
        ],
    )
    def test_what_is_no_history_is_refused(self, arguments: Sequence[Any], message: str) -> None:
        with pytest.raises(ValueError, match=f"^{message}$"):
            change_points(*arguments)

    @given(VALUES, st.sampled_from([0.25, 1024.0]))
    @settings(max_examples=40, deadline=None)
    def test_any_values_have_an_answer_which_is_the_same_each_time(self, values: list[float], factor: float) -> None:
        found = change_points(values)
        assert change_points(values) == found
        assert len(indices(found)) == len(set(indices(found)))
        assert all(one.lower <= one.ratio <= one.upper for one in found.changes)
        assert all(0 < one.previous + 1 <= one.index < len(values) - 1 for one in found.changes)
        change_points([factor * one for one in values])


class TestAccuracy:
    """The rates of simulated histories; tests/benchmarks/change_points.py has the long tables."""

    def test_changes_are_found_better_than_by_otava(self) -> None:
        assert {one["kind"] for one in RECORDED} == set(KINDS)
        ours = otava = Score()
        for one in RECORDED:
            found = change_points(one["values"], one["errors"], one["markers"])
            ours += score(one["changes"], indices(found))
            otava += score(one["changes"], one["otava"])
        assert ours.f1 > otava.f1 + 0.1

    def test_fewer_than_one_point_in_1000_is_falsely_called_a_change(self) -> None:
        series = [make(kind, seed) for kind, make in QUIET.items() for seed in range(300, 340)]
        false = sum(len(change_points(one.values, one.errors).changes) for one in series)
        assert false <= sum(len(one.values) for one in series) / 1000

    def test_steps_of_5_percent_are_placed_within_one_point_at_a_variation_of_2_percent(self) -> None:
        near = 0
        for seed in range(100):
            noise = 0.02 * np.random.default_rng(seed).normal(size=60)
            values = [100 * (1 + one) * (1.05 if index >= 30 else 1) for index, one in enumerate(noise.tolist())]
            near += any(abs(one - 30) <= 1 for one in indices(change_points(values)))
        assert near >= 90


class TestUncertain:
    """Points that are much less certain than others show nothing, and hide nothing."""

    def test_uncertain_points_with_an_error_in_common_are_no_change(self) -> None:
        found = change_points([100.0, 101.0, 99.0] * 8 + [130.0] * 12, [0.01] * 24 + [0.3] * 12)
        assert found == ChangePoints((), None, tuple(range(24, 36)))

    def test_uncertain_points_that_are_plainly_elsewhere_are_a_change_of_an_uncertain_size(self) -> None:
        """The step is seven errors of a point, which the points may have in common."""
        values, errors = [100.0, 101.0, 99.0] * 8 + [200.0, 203.0, 197.0] * 4, [0.01] * 24 + [0.1] * 12
        found = change_points(values, errors)
        (change,) = found.changes
        assert (change.index, found.left_out) == (24, ())
        assert change.ratio == pytest.approx(2.0, rel=0.01)
        assert math.log(change.upper / change.lower) > 2 * 1.96 * 0.1
        assert change_points(values[:25], errors[:25]).candidate is not None

    def test_uncertain_points_that_their_errors_explain_are_left_out(self) -> None:
        found = change_points([100.0, 101.0, 99.0] * 8 + [130.0] * 12, [0.01] * 24 + [0.1] * 12)
        assert found == ChangePoints((), None, tuple(range(24, 36)))

    def test_as_certain_points_they_are_a_change(self) -> None:
        found = change_points([100.0, 101.0, 99.0] * 8 + [130.0] * 12, [0.01] * 36)
        assert [one.index for one in found.changes] == [24]
        assert not found.left_out

    def test_a_change_among_certain_points_is_found_beside_them(self) -> None:
        values = [100.0, 101.0, 99.0] * 8 + [130.0, 111.0, 150.0, 109.0, 110.0] * 3
        (change,) = change_points(values, [0.01] * 24 + [0.3, 0.01, 0.3, 0.01, 0.01] * 3).changes
        assert (change.index, change.previous) == (25, 23)
        assert change.ratio == pytest.approx(1.1, rel=0.01)

    def test_an_uncertain_last_point_is_no_candidate(self) -> None:
        values = [100.0, 101.0, 99.0] * 8 + [150.0]
        assert change_points(values, [0.01] * 24 + [0.3]).candidate is None
        assert change_points(values, [0.01] * 25).candidate is not None

    def test_points_that_are_all_uncertain_are_compared(self) -> None:
        found = change_points([100.0, 130.0, 80.0] * 8 + [400.0, 300.0, 350.0] * 4, [0.3] * 36)
        assert [one.index for one in found.changes] == [24]
