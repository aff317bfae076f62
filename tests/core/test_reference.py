from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.reference import (
    SESSION,
    SHARED,
    Estimate,
    Prior,
    Reference,
    _inverse_trigamma,
    compare,
    estimate,
    estimate_for,
    fit,
    prior_of,
    uncorrected,
)
from pytest_perfbudget.core.weather import BlockTime, Canaries

CALM_NS = (40_000.0, 20_000.0, 30_000.0)
FEELS = (0.5, 0.3, 0.1)
Run = list[BlockTime]


def draw_run(
    draw: np.random.Generator,
    *,
    spread: float = 0.01,
    log_ns: float = math.log(1e6),
    busy: float = 0.3,
    blocks: int = 12,
) -> Run:
    """A run in weather of two states whose blocks feel `FEELS` of it, and a level of its own."""
    level = log_ns + draw.normal(0, spread)
    run = []
    for _ in range(blocks):
        shifts = np.array([0.45, 0.4, 0.5]) * (draw.random() < busy) + draw.normal(0, 0.005, 3)
        time_ns = math.exp(level + float(np.dot(FEELS, shifts)) + draw.normal(0, 0.01))
        canaries = tuple(float(calm * math.exp(found)) for calm, found in zip(CALM_NS, shifts, strict=True))
        run.append(BlockTime(time_ns, canaries, canaries))
    return run


def reference(**changes: float) -> Reference:
    given = Reference(1e6, 0.01, 10, 40, 10.0, 0.0, 0.03, FEELS, CALM_NS)
    return replace(given, **changes)  # type: ignore[arg-type]


def runs(draw: np.random.Generator, number: int, *, spread: float = 0.01, session: float = 0.0) -> list[Estimate]:
    log_ns = math.log(1e6) + draw.normal(0, session)
    return [Estimate(log_ns + draw.normal(0, spread), 0.0, 1.0) for _ in range(number)]


def test_a_fit_learns_how_much_of_the_weather_a_function_feels() -> None:
    draw = np.random.default_rng(1)
    found = fit([draw_run(draw) for _ in range(10)], CALM_NS)
    felt = float(np.dot(found.weights, (0.45, 0.4, 0.5)))
    assert felt == pytest.approx(float(np.dot(FEELS, (0.45, 0.4, 0.5))), abs=0.02)
    assert found.time_ns == pytest.approx(1e6, rel=0.01)
    assert 0.005 < found.spread < 0.02
    assert found.slope_error < 0.1


def test_without_weather_to_learn_from_it_is_taken_to_be_felt_in_full_and_that_is_known_to_be_a_guess() -> None:
    draw = np.random.default_rng(2)
    found = fit([draw_run(draw, busy=0.0) for _ in range(10)], CALM_NS)
    assert sum(found.weights) == pytest.approx(1, abs=0.4)
    assert found.slope_error > 0.2
    assert fit([[BlockTime(1e6, CALM_NS, CALM_NS)] * 5] * 3, CALM_NS).weights == pytest.approx([1 / 3] * 3)


def test_wild_blocks_teach_nothing_about_the_weather() -> None:
    draw = np.random.default_rng(11)
    measured = [draw_run(draw) for _ in range(10)]
    wild = [
        [block._replace(time_ns=3e6) if block.before[0] > 50_000 else block for block in measured[0]],
        *measured[1:],
    ]
    assert sum(fit(wild, CALM_NS).weights) == pytest.approx(sum(fit(measured, CALM_NS).weights), abs=0.05)


def test_the_weather_is_taken_out_of_a_run() -> None:
    draw = np.random.default_rng(3)
    known = fit([draw_run(draw) for _ in range(10)], CALM_NS)
    calm, busy = draw_run(draw, spread=0, busy=0.0), draw_run(draw, spread=0, busy=1.0)
    raw = np.median([one.time_ns for one in busy]) / np.median([one.time_ns for one in calm])
    freed = estimate(busy, known.weights, CALM_NS).log_ns - estimate(calm, known.weights, CALM_NS).log_ns
    assert raw > 1.4
    assert abs(freed) < 0.03
    assert estimate(busy, known.weights, CALM_NS).weight < 0.1 < estimate(calm, known.weights, CALM_NS).weight


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_a_fit_does_not_depend_on_the_unit_of_time_nor_on_the_order_of_runs(seed: int, factor: float) -> None:
    draw = np.random.default_rng(seed)
    measured = [draw_run(draw, blocks=5) for _ in range(4)]
    scaled = [[block._replace(time_ns=block.time_ns * factor) for block in run] for run in reversed(measured)]
    first, second = fit(measured, CALM_NS), fit(scaled, CALM_NS)
    assert second.time_ns == pytest.approx(first.time_ns * factor, rel=1e-4)
    assert second.spread == pytest.approx(first.spread, rel=1e-3, abs=1e-6)
    assert second.weights == pytest.approx(first.weights, abs=1e-3)


def test_one_wild_run_moves_the_centre_little_and_does_not_blow_up_the_spread() -> None:
    draw = np.random.default_rng(4)
    calm = [draw_run(draw, busy=0.0) for _ in range(10)]
    wild = [*calm[:-1], draw_run(draw, busy=0.0, log_ns=math.log(1.5e6))]
    assert fit(wild, CALM_NS).time_ns == pytest.approx(fit(calm, CALM_NS).time_ns, rel=0.012)
    assert fit(wild, CALM_NS).spread < 0.04


def test_one_wild_block_changes_nothing() -> None:
    draw = np.random.default_rng(5)
    measured = [draw_run(draw, busy=0.0) for _ in range(5)]
    before = fit(measured, CALM_NS)
    measured[2][3] = measured[2][3]._replace(time_ns=80e6)
    assert fit(measured, CALM_NS).time_ns == pytest.approx(before.time_ns, rel=0.005)


def test_two_runs_are_enough_and_zero_spread_is_not_believed() -> None:
    same = [BlockTime(1e6, CALM_NS, CALM_NS)] * 3
    found = fit([same, same], CALM_NS)
    assert found.spread == 0
    effect = compare(found, [estimate(same, found.weights, CALM_NS)], Prior(0.0, 4))
    assert effect.log_ratio == pytest.approx(0, abs=1e-9)
    assert effect.std_error > 0.002


@pytest.mark.parametrize("spread", [0.005, 0.03])
@pytest.mark.parametrize("fresh", [1, 3, 8])
def test_an_interval_covers_what_it_says_and_alarms_come_as_rarely_as_alpha(fresh: int, spread: float) -> None:
    draw = np.random.default_rng(6)
    found = [judged(draw, fresh, spread, spread) for _ in range(4000)]
    # Conservative by design: what runs have in common and the larger of two spreads are in it.
    assert np.mean([one.bound(0.025) <= 0 <= one.bound(0.975) for one in found]) >= 0.95
    assert 0.005 < np.mean([one.p_slower < 0.05 for one in found]) <= 0.05


def judged(draw: np.random.Generator, fresh: int, spread: float, now: float) -> Effect:
    """Fresh runs of unchanged code whose spread may be another one now, in a session of its own."""
    values = draw.normal(0, spread, 10)
    known = reference(time_ns=1e6 * math.exp(values.mean()), spread=float(values.std(ddof=1)))
    return compare(known, runs(draw, fresh, spread=now, session=SESSION), Prior(spread, 4))


def test_a_session_that_is_three_times_less_steady_than_the_baselines_alarms_hardly_more_often() -> None:
    draw = np.random.default_rng(12)
    assert np.mean([judged(draw, 10, 0.01, 0.03).p_slower < 0.05 for _ in range(4000)]) <= 0.06


def test_an_alarm_does_come_when_it_should() -> None:
    draw = np.random.default_rng(7)
    slowed = [replace(one, log_ns=one.log_ns + math.log(1.1)) for one in runs(draw, 5)]
    assert compare(reference(), slowed, Prior()).p_slower < 1e-5


def test_the_spread_is_moderated_towards_the_typical_one_but_never_below_what_was_seen() -> None:
    draw = np.random.default_rng(8)
    fresh = runs(draw, 4, spread=0.001)
    lucky = compare(reference(spread=0.001), fresh, Prior(0.05, 4))
    believed = compare(reference(spread=0.001), fresh, Prior(0.001, 4))
    wild = compare(reference(spread=0.1), fresh, Prior(0.001, 10))
    assert lucky.std_error > 3 * believed.std_error
    assert believed.std_error > SESSION
    assert wild.std_error >= 0.1 * math.sqrt(1 / 10 + 1 / 4 + 0.1) - 1e-12


def test_fresh_runs_that_happen_to_agree_make_nothing_surer() -> None:
    agreeing = [Estimate(math.log(1e6), 0.0, 1.0)] * 10
    found = compare(reference(spread=0.02), agreeing, Prior(0.03, 4))
    moderated = (4 * 0.03**2 + 9 * 0.02**2) / 13
    assert found.std_error >= math.sqrt(moderated * (1 / 10 + 1 / 10 + SHARED) + SESSION**2) - 1e-12


def test_far_from_the_baselines_weather_the_error_grows() -> None:
    calm = [Estimate(math.log(1e6), 0.0, 1.0)] * 5
    busy = [replace(one, weather=0.45) for one in calm]
    assert compare(reference(), busy, Prior()).std_error > 0.045 > compare(reference(), calm, Prior()).std_error
    guessed = compare(reference(slope_error=0.3), busy, Prior())
    assert guessed.std_error > 0.13


def test_a_process_that_waited_for_a_cpu_is_less_sure_however_many_runs_there_are() -> None:
    """A busy machine made clean code look 6 to 17 % slower; a slowdown by half is still found."""

    def p_slower(slower: float, waited: float) -> float:
        return compare(reference(), [Estimate(math.log(1e6 * slower), 0.0, 1.0, waited)] * 10, Prior(0.01, 4)).p_slower

    assert p_slower(1.07, 0.0) < 1e-4
    assert p_slower(1.07, 0.5) > 0.05
    assert p_slower(1.5, 0.5) < 1e-4


def test_the_share_of_waiting_is_the_mean_over_blocks_and_lowers_the_weight_of_the_run() -> None:
    blocks = draw_run(np.random.default_rng(3))
    run = [one._replace(waited=0.2 * (number % 2)) for number, one in enumerate(blocks)]
    assert estimate_for(reference(), run).waited == pytest.approx(0.1, rel=0.05)
    calm, busy = (estimate_for(reference(), [one._replace(waited=share) for one in blocks]) for share in (0.0, 0.3))
    assert busy.weight == pytest.approx(0.1 * calm.weight, rel=0.2)


def test_the_prior_is_limmas() -> None:
    """Against simulated variances with a known scaled inverse chi-squared prior (Smyth 2004, section 3)."""
    draw = np.random.default_rng(9)
    variances = 0.02**2 * 4 / draw.chisquare(4, 4000)
    seen = np.sqrt(variances * draw.chisquare(9, 4000) / 9)
    found = prior_of(reference(spread=float(one)) for one in seen)
    assert found.spread == pytest.approx(0.02, rel=0.05)
    assert found.dof == pytest.approx(4, rel=0.15)


def test_equal_spreads_give_a_firm_prior_and_few_tests_the_usual_one() -> None:
    draw = np.random.default_rng(10)
    equal = [reference(spread=0.02 * math.sqrt(draw.chisquare(9) / 9)) for _ in range(500)]
    assert prior_of(equal).dof > 9
    assert prior_of([reference(spread=0.0)] * 20).spread == pytest.approx(0.002, rel=0.1)
    assert prior_of(equal[:3]) == Prior()
    assert prior_of([]) == Prior()


def test_a_reference_from_elsewhere_is_no_part_of_the_prior_and_takes_a_run_as_it_is() -> None:
    foreign = uncorrected(1e6, 0.15)
    assert prior_of([foreign] * 20) == Prior()
    busy = [BlockTime(1.5e6, (6e4, 3e4, 4.5e4), (6e4, 3e4, 4.5e4))] * 4
    assert estimate_for(foreign, busy).log_ns == pytest.approx(math.log(1.5e6))
    effect = compare(foreign, [estimate_for(foreign, busy)], Prior())
    assert effect.p_slower > 0.001  # 50 % more is nothing against a single uncorrected number


def test_a_run_of_fewer_blocks_than_the_baselines_counts_for_less() -> None:
    run = [BlockTime(1e6, CALM_NS, CALM_NS)] * 10
    assert estimate_for(reference(), run).weight == pytest.approx(0.25)
    assert estimate_for(reference(), run * 4).weight == estimate_for(reference(), run * 8).weight == 1
    assert estimate_for(reference(blocks=5), run).weight == 1


@given(st.floats(1e-2, 50))
def test_the_inverse_of_trigamma(value: float) -> None:
    assert float(special.polygamma(1, _inverse_trigamma(value))) == pytest.approx(value, rel=1e-6)


def test_p_values_and_bounds_are_those_of_students_t() -> None:
    effect = compare(reference(), [Estimate(math.log(1.02e6), 0.0, 1.0)] * 3, Prior(0.01, 4))
    t = stats.t(effect.dof)
    assert effect.dof == 4 + 9 + 2
    assert effect.p_slower == pytest.approx(t.sf(effect.log_ratio / effect.std_error))
    assert effect.bound(0.975) == pytest.approx(effect.log_ratio + t.ppf(0.975) * effect.std_error)


def test_numbers_of_a_reference_are_builtins() -> None:
    """They go into a JSON file."""
    draw = np.random.default_rng(11)
    found = fit([draw_run(draw) for _ in range(3)])
    calm_ns: Canaries = found.calm_ns
    json.dumps([found.time_ns, found.spread, found.runs, found.precision, *found.weights, *calm_ns])
