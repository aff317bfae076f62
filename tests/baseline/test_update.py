from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from pytest_perfbudget.baseline.new_line import Provenance, measured
from pytest_perfbudget.baseline.schema import Key, Line
from pytest_perfbudget.baseline.update import LineUpdate, apply, update_line, with_uncertainty
from pytest_perfbudget.core.baseline_update import UpdateAction
from pytest_perfbudget.core.calm_quantiles import SHARES
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import Prior, prior_of, uncorrected
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.spans.batches import SpanBatch, SpanPart
from pytest_perfbudget.core.spans.shares import UNATTRIBUTED
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.core.weather import BlockTime

CALM_NS = (40_000.0, 20_000.0, 30_000.0)
KEY = Key("tests/test_a.py::t", "", "m")
MADE = Provenance("3f2a91c", "2026-11-20")


def recordings(time_ns: float, *, calls: int = 100, peak: int = 50_000, seed: int = 1) -> list[Recording]:
    draw = np.random.default_rng(seed)
    levels = time_ns * np.exp(draw.normal(0, 0.005, 6))
    return [
        Recording([BlockTime(float(level), CALM_NS, CALM_NS)] * 5, {"calls": calls, "peak": peak}) for level in levels
    ]


def line(time_ns: float = 1e6, **changes: int) -> Line:
    return measured(KEY, recordings(time_ns, **changes), CALM_NS, Provenance("old", "2026-01-01"))


def revised(old: Line | None, runs: list[Recording], *, reason: str = "") -> LineUpdate:
    new = measured(KEY, runs, CALM_NS, MADE)
    return update_line(old, new, runs, prior=Prior(0.005, 4), tolerance=0.05, reason=reason, compared=1)


def test_a_line_holds_what_the_runs_agree_on_and_the_highest_counts() -> None:
    runs = recordings(1e6)
    runs[3] = replace(runs[3], counts={"calls": 120, "peak": 40_000})
    found = measured(KEY, runs, CALM_NS, MADE)
    assert found.time is not None
    assert found.time.time_ns == pytest.approx(1e6, rel=0.01)
    assert (found.counts, found.commit, found.date) == ({"calls": 120, "peak": 50_000}, "3f2a91c", "2026-11-20")


def test_what_was_measured_once_has_no_time() -> None:
    assert measured(KEY, recordings(1e6)[:1], CALM_NS, MADE).time is None


def test_a_new_time_tells_its_spread_and_a_time_that_stays_does_not() -> None:
    new = revised(None, recordings(1e6))
    assert new.line is not None
    assert new.line.time is not None
    assert new.result().spread == new.line.time.spread
    assert revised(line(), recordings(1e6)).result().spread is None


def test_a_new_time_tells_the_smallest_slowdown_that_a_comparison_finds() -> None:
    """The comparison that a session makes says the same; with more lines, alpha is shared among more of them."""

    def found(lines: int, spread: float) -> float:
        written = LineUpdate(KEY, UpdateAction.NEW, of_spread(line(), spread))
        assert written.new_time is not None
        times = [written.new_time] * lines
        (told,) = with_uncertainty([written], times, {KEY: 0.05}, 0.01)
        comparison = UnpairedSlowdownTest(0.05, 0.01 / lines, written.new_time, prior_of(times))
        smallest = told.result().told_without_pairs
        assert smallest == comparison.told_without_pairs()
        return smallest

    assert 0.05 <= found(1, 0.002) < found(1, 0.08) < found(20, 0.08)


def test_a_time_that_stays_tells_no_smallest_slowdown() -> None:
    kept = revised(line(), recordings(1e6))
    assert kept.new_time is None
    assert with_uncertainty([kept], [], {}, 0.01) == [kept]


def of_spread(found: Line, spread: float) -> Line:
    assert found.time is not None
    return replace(found, time=replace(found.time, spread=spread))


@pytest.mark.parametrize(
    ("spread", "reason", "action"),
    [
        (0.2, "", UpdateAction.REFUSED),
        (0.2, "stronger hashes", UpdateAction.ACCEPTED),
        (0.1, "", UpdateAction.UNDECIDED),
        (0.1, "stronger hashes", UpdateAction.UNDECIDED),
    ],
)
def test_a_time_that_no_comparison_could_judge_is_replaced_by_a_slower_one_with_a_reason(
    spread: float, reason: str, action: UpdateAction
) -> None:
    """Or the line would stay for ever, because nothing is credibly slower than such a time."""
    old, runs = of_spread(line(), spread), recordings(1.1e6)
    found = revised(old, runs, reason=reason)
    assert found.action is action
    assert found.line is not None
    assert found.line.time == (measured(KEY, runs, CALM_NS, MADE).time if action.writes_line else old.time)


@pytest.mark.parametrize(("compared", "action"), [(1, UpdateAction.UNCHANGED), (300, UpdateAction.MORE_PRECISE)])
def test_a_time_is_of_use_or_not_by_the_number_of_lines_that_are_compared(compared: int, action: UpdateAction) -> None:
    """These share alpha, so that each comparison finds less."""
    old, runs = of_spread(line(), 0.08), recordings(1e6)
    new = of_spread(measured(KEY, runs, CALM_NS, MADE), 0.06)
    found = update_line(old, new, runs, prior=Prior(0.005, 4), tolerance=0.05, reason="", compared=compared)
    assert found.action is action


def test_what_the_baseline_does_not_have_is_new() -> None:
    assert revised(None, recordings(1e6)).action is UpdateAction.NEW


def test_a_line_keeps_the_spans_of_its_components_and_an_older_line_gets_them() -> None:
    batch = SpanBatch(9, 2e6, {"query": SpanPart(1.5e6, 3, 4e5)})
    runs = [replace(one, spans=[replace(batch, typical=batch)]) for one in recordings(1e6)]
    new = measured(KEY, runs, CALM_NS, MADE)
    assert new.spans is not None
    assert new.spans.runs == 6
    assert new.spans.parts["query"].self_ns == pytest.approx(1.5e6, rel=0.01)
    assert new.spans.parts["query"].count == 3
    assert new.spans.parts[UNATTRIBUTED].self_ns == pytest.approx(0.5e6, rel=0.01)
    found = revised(line(), runs)
    assert found.action is UpdateAction.UNCHANGED
    assert found.line == replace(line(), spans=new.spans)
    assert revised(new, recordings(1.01e6, seed=2)).line is new


def with_rounds(runs: list[Recording]) -> list[Recording]:
    """Return runs with 30 rounds each, a third of which takes twice as long."""
    factors = [1, 1, 2] * 10
    return [replace(one, rounds=RoundTimes.of([one.blocks[0].time_ns * factor for factor in factors])) for one in runs]


def test_a_line_keeps_the_quantiles_of_its_rounds_and_an_older_line_gets_them() -> None:
    runs = with_rounds(recordings(1e6))
    new = measured(KEY, runs, CALM_NS, MADE)
    assert new.quantiles is not None
    assert new.quantiles.rounds == 180
    shares = dict(zip(SHARES, new.quantiles.times_ns, strict=True))
    assert shares[0.5] == pytest.approx(1e6, rel=0.02)
    assert shares[0.8] == pytest.approx(2e6, rel=0.02)
    found = revised(line(), runs)
    assert found.action is UpdateAction.UNCHANGED
    assert found.line == replace(line(), quantiles=new.quantiles)
    assert revised(new, with_rounds(recordings(1.01e6, seed=2))).line is new


def test_the_quantiles_are_replaced_together_with_the_time() -> None:
    old = measured(KEY, with_rounds(recordings(1e6)), CALM_NS, MADE)
    faster = revised(old, with_rounds(recordings(5e5)))
    assert faster.line is not None
    assert faster.line.quantiles is not None
    assert faster.line.quantiles.times_ns[0] == pytest.approx(5e5, rel=0.02)
    refused = revised(old, with_rounds(recordings(2e6)))
    assert (refused.action, refused.line) == (UpdateAction.REFUSED, old)
    fewer_calls = revised(old, with_rounds(recordings(1e6, calls=80)))
    assert fewer_calls.line is not None
    assert (fewer_calls.line.counts["calls"], fewer_calls.line.quantiles) == (80, old.quantiles)


def test_what_is_neither_slower_nor_faster_stays_to_the_byte() -> None:
    old = line()
    found = revised(old, recordings(1.01e6, seed=2))
    assert found.action is UpdateAction.UNCHANGED
    assert found.line is old


@pytest.mark.parametrize(
    ("is_lost", "ratio", "now", "after"),
    [
        (True, 1.01, "77b0d41", ("77b0d41", "2026-11-21")),
        (True, 1.035, "77b0d41", ("3f2a91c+", "2026-11-20")),
        (True, 1.01, "77b0d41+", ("3f2a91c+", "2026-11-20")),
        (True, 1.01, "", ("3f2a91c+", "2026-11-20")),
        (False, 1.01, "77b0d41", ("3f2a91c+", "2026-11-20")),
    ],
)
def test_unchanged_numbers_of_code_that_git_does_not_have_get_the_commit_of_the_same_numbers(
    ratio: float, now: str, after: tuple[str, str], *, is_lost: bool
) -> None:
    """Pairs allow as much again beside that commit, so the code must not be slower by most of the tolerance."""
    old = replace(line(), commit="3f2a91c+", date="2026-11-20")
    runs = recordings(1e6 * ratio, seed=2)
    new = measured(KEY, runs, CALM_NS, Provenance(now, "2026-11-21"))
    found = update_line(old, new, runs, prior=Prior(0.005, 4), tolerance=0.05, reason="", compared=1, is_lost=is_lost)
    assert found.line is not None
    assert (found.action, found.line.time) == (UpdateAction.UNCHANGED, old.time)
    assert (found.line.commit, found.line.date) == after


@pytest.mark.parametrize(("sharing", "action"), [(1, UpdateAction.REFUSED), (100, UpdateAction.UNDECIDED)])
def test_the_lines_of_an_update_share_the_probability_of_an_error(sharing: int, action: UpdateAction) -> None:
    """Of a hundred unchanged tests with a p-value below 0.01 each, one would be refused as a rule."""
    rough = Prior(0.03, 1_000)
    runs = recordings(1.07e6)
    new = measured(KEY, runs, CALM_NS, MADE)
    found = update_line(line(), new, runs, prior=rough, tolerance=0.05, reason="", compared=1, sharing=sharing)
    assert found.action is action


@pytest.mark.parametrize(
    ("ratio", "action"),
    [(0.98, UpdateAction.MORE_PRECISE), (1.04, UpdateAction.MORE_PRECISE), (1.06, UpdateAction.REFUSED)],
)
def test_an_uncertain_line_is_replaced_by_a_surer_one_unless_that_is_slower_than_is_allowed(
    ratio: float, action: UpdateAction
) -> None:
    old = line()
    assert old.time is not None
    uncertain = replace(old, time=replace(old.time, spread=0.2))
    found = revised(uncertain, recordings(1e6 * ratio))
    assert found.action is action
    assert found.line is not None
    assert found.line.time is not None
    assert (found.line.time.spread < 0.02) is (action is UpdateAction.MORE_PRECISE)


def test_what_got_faster_is_replaced() -> None:
    found = revised(line(), recordings(0.8e6, seed=2))
    assert found.action is UpdateAction.IMPROVED
    assert found.ratios == {"time": pytest.approx(0.8, rel=0.02)}
    assert found.line is not None
    assert found.line.commit == "3f2a91c"


def test_what_got_slower_stays_unless_there_is_a_reason_which_is_kept() -> None:
    old = line()
    refused = revised(old, recordings(1.2e6, seed=2))
    assert (refused.action, refused.line) == (UpdateAction.REFUSED, old)
    accepted = revised(old, recordings(1.2e6, seed=2), reason="stronger hashes")
    assert accepted.action is UpdateAction.ACCEPTED
    assert accepted.line is not None
    assert accepted.line.reason == "stronger hashes"
    assert accepted.line.time is not None
    assert accepted.line.time.time_ns == pytest.approx(1.2e6, rel=0.01)


def test_many_small_steps_do_not_creep_past_the_gate() -> None:
    """Each step is allowed, and the line stays where it was, until their sum is not."""
    current = line()
    for step in range(1, 8):
        found = revised(current, recordings(1e6 * 1.02**step, seed=step))
        if found.action is UpdateAction.REFUSED:
            break
        assert found.line is current
    assert found.action is UpdateAction.REFUSED
    assert step <= 5


def test_a_gain_in_memory_lets_no_loss_of_time_in() -> None:
    current = line(peak=1_000_000)
    for step in range(1, 4):
        found = revised(current, recordings(1.03e6, peak=round(1e6 * 0.9**step), seed=step))
        assert found.action is UpdateAction.IMPROVED
        assert found.line is not None
        assert found.line.time == current.time
        assert found.line.counts["peak"] == round(1e6 * 0.9**step)
        current = found.line


@pytest.mark.parametrize("count", ["calls", "peak"])
def test_counts_that_grew_need_a_reason_too(count: str) -> None:
    grown = {count: 100_000}
    found = revised(line(), recordings(1e6, **grown))
    assert (found.action, list(found.ratios)) == (UpdateAction.REFUSED, [count])
    assert revised(line(), recordings(1e6, **grown), reason="why").action is UpdateAction.ACCEPTED


def test_counts_that_shrank_are_faster_and_small_changes_are_none() -> None:
    assert revised(line(calls=1000), recordings(1e6, calls=500)).action is UpdateAction.IMPROVED
    assert revised(line(calls=1000), recordings(1e6, calls=1010)).action is UpdateAction.UNCHANGED


def test_what_was_not_counted_before_is_filled_in() -> None:
    assert revised(replace(line(), counts={"peak": 50_000}), recordings(1e6)).action is UpdateAction.IMPROVED


def test_an_imported_time_is_replaced_by_the_first_that_is_measured() -> None:
    imported = Line(KEY, uncorrected(0.9e6, 0.15))
    assert revised(imported, recordings(1e6)).action is UpdateAction.NEW


def test_other_lines_stay_and_removed_ones_go() -> None:
    other = replace(line(), key=Key("other", "", "m"))
    gone = replace(line(), key=Key("gone", "", "m"))
    updates = [revised(None, recordings(1e6)), LineUpdate(gone.key, UpdateAction.REMOVED, None, gone)]
    after = apply({other.key: other, gone.key: gone}, updates)
    assert set(after) == {KEY, other.key}
    assert after[other.key] is other


@pytest.mark.parametrize(("ratio", "sure"), [(1.12, UpdateAction.REFUSED), (0.9, UpdateAction.IMPROVED)])
def test_a_line_stays_unless_it_is_sure_that_it_is_slower_or_faster(ratio: float, sure: UpdateAction) -> None:
    def apart(by: float) -> list[Recording]:
        times = [1e6 * ratio * math.exp(by * step) for step in (-3, -2, -1, 1, 2, 3)]
        return [
            Recording([BlockTime(time_ns, CALM_NS, CALM_NS)] * 5, {"calls": 100, "peak": 50_000}) for time_ns in times
        ]

    assert revised(line(), apart(0.1)).action is (UpdateAction.UNDECIDED if ratio > 1 else UpdateAction.UNCHANGED)
    assert revised(line(), apart(0.001)).action is sure


def test_a_seeded_line_that_was_faster_needs_a_reason_too() -> None:
    """It knows nothing of the weather, so that has to be a lot."""
    seeded = replace(line(), time=uncorrected(1e6, 0.15), counts={})
    assert revised(seeded, recordings(1.2e6)).action is UpdateAction.NEW
    assert revised(seeded, recordings(10e6)).action is UpdateAction.REFUSED
    found = revised(seeded, recordings(10e6), reason="why")
    assert found.action is UpdateAction.NEW
    assert found.line is not None
    assert found.line.reason == "why"


def test_what_is_accepted_with_a_slower_time_is_told_too() -> None:
    found = revised(line(calls=600), recordings(1.2e6, calls=900, seed=2), reason="why")
    assert found.action is UpdateAction.ACCEPTED
    assert found.ratios == {"time": pytest.approx(1.2, rel=0.02), "calls": 1.5}


def test_a_count_that_grew_needs_a_reason_although_the_line_had_no_time() -> None:
    old = replace(line(calls=100), time=None)
    found = revised(old, recordings(1e6, calls=200))
    assert (found.action, found.line) == (UpdateAction.REFUSED, old)
    accepted = revised(old, recordings(1e6, calls=200), reason="a further check")
    assert accepted.action is UpdateAction.ACCEPTED
    assert accepted.line is not None
    assert accepted.line.counts["calls"] == 200
    assert accepted.line.time is not None


def test_a_first_time_beside_the_same_counts_is_new() -> None:
    found = revised(replace(line(), time=None), recordings(1e6))
    assert found.action is UpdateAction.NEW
    assert found.line is not None
    assert found.line.time is not None


class TestOtherLoad:
    """A load whose parameters differ from those in its line."""

    TEN, EIGHT = (LoadPlan(users, requests=20) for users in (10, 8))

    @staticmethod
    def updated(before: str, after: str, *, time_ns: float = 1e6, reason: str = "") -> LineUpdate:
        runs = [replace(one, load=after) for one in recordings(time_ns, seed=2)]
        return revised(replace(line(), load=before), runs, reason=reason)

    def test_an_easier_load_is_kept_out_until_there_is_a_reason(self) -> None:
        kept = self.updated(self.TEN.identity, self.EIGHT.identity)
        assert (kept.action, kept.line) == (UpdateAction.REFUSED, kept.before)
        assert [one.text for one in kept.load] == ["8 users instead of 10 users (easier)"]
        assert kept.result().numbers == []
        accepted = self.updated(self.TEN.identity, self.EIGHT.identity, reason="a smaller machine")
        assert accepted.action is UpdateAction.ACCEPTED
        assert accepted.line is not None
        assert (accepted.line.load, accepted.line.reason) == (self.EIGHT.identity, "a smaller machine")

    def test_a_harder_load_needs_no_reason_unless_it_is_slower(self) -> None:
        new = self.updated(self.EIGHT.identity, self.TEN.identity, reason="not needed")
        assert new.action is UpdateAction.NEW
        assert new.line is not None
        assert (new.line.load, new.line.reason) == (self.TEN.identity, "")
        slower = self.updated(self.EIGHT.identity, self.TEN.identity, time_ns=2e6)
        assert slower.action is UpdateAction.REFUSED
        assert slower.ratios["time"] == pytest.approx(2, rel=0.02)

    def test_a_line_of_an_older_version_is_completed_and_keeps_its_numbers(self) -> None:
        found = self.updated(self.TEN.text, self.TEN.identity)
        assert found.action is UpdateAction.UNCHANGED
        assert found.line == replace(line(), load=self.TEN.identity)


def on_one_cpu(runs: list[Recording], number: int) -> list[Recording]:
    """Return runs of which the first ones were timed on one CPU."""
    return [replace(run, one_cpu=at < number) for at, run in enumerate(runs)]


def test_most_runs_say_whether_the_threads_take_turns_and_the_others_do_not_count() -> None:
    """A busy machine may hide that the threads of a run work at the same time."""
    fast, slow = recordings(1e6), recordings(8e6)
    found = measured(KEY, on_one_cpu([*fast[:4], *slow[4:]], 4), CALM_NS, MADE)
    assert found.time is not None
    assert (found.one_cpu, found.time.runs) == (True, 4)
    assert found.time.time_ns == pytest.approx(1e6, rel=0.01)
    found = measured(KEY, on_one_cpu([*fast[:2], *slow[2:]], 2), CALM_NS, MADE)
    assert found.time is not None
    assert (found.one_cpu, found.time.runs) == (False, 4)


def test_a_line_that_was_taken_on_all_cpus_is_replaced_by_one_on_one_cpu() -> None:
    old = line(1e6)
    found = revised(old, on_one_cpu(recordings(1e6), 6))
    assert found.action is UpdateAction.NEW
    assert found.line is not None
    assert found.line.one_cpu
    assert revised(old, recordings(1e6)).action is UpdateAction.UNCHANGED


def test_a_slower_line_on_other_cpus_needs_a_reason() -> None:
    old = measured(KEY, on_one_cpu(recordings(1e6), 6), CALM_NS, MADE)
    assert revised(old, recordings(8e6)).action is UpdateAction.REFUSED
    accepted = revised(old, recordings(8e6), reason="threads of their own")
    assert accepted.line is not None
    assert not accepted.line.one_cpu
