"""An update of the baseline: which lines are new, which are replaced, and which stay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from pytest_perfbudget.baseline.commit import DIRTY
from pytest_perfbudget.baseline.new_line import timed_blocks
from pytest_perfbudget.baseline.schema import Key, Line
from pytest_perfbudget.core.baseline_update import UNCERTAIN, BaselineUpdate, UpdateAction, UpdatedNumber
from pytest_perfbudget.core.counts import CountPair, compare_counts
from pytest_perfbudget.core.load.differences import LoadDifference, load_differences
from pytest_perfbudget.core.metrics import METRICS, TIME
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import Prior, Reference, prior_of
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest

ALPHA: Final = 0.01
"""The largest probability with which any line of an update is called slower although none is, or faster."""


@dataclass(frozen=True, slots=True)
class LineUpdate:
    """The outcome for one line: `line` is the new line, or None if the line is removed.

    `ratios` has new / old for each number that changed, by metric (`time`, `calls`, `peak`); for a line that is
    replaced, these are all changes that are accepted with the new line. An undecided line has the ratio of its time,
    which may be noise. `load` has the parameters in which a load differs. `told_without_pairs` is the slowdown, as a
    share, from which fresh processes alone call a new time slower; None if there is no new time.
    """

    key: Key
    action: UpdateAction
    line: Line | None
    before: Line | None = None
    ratios: Mapping[str, float] = field(default_factory=dict)
    load: Sequence[LoadDifference] = ()
    told_without_pairs: float | None = None

    def result(self) -> BaselineUpdate:
        """Return the outcome as reports show it."""
        ratios: dict[str, float | None] = {**self.ratios} or ({} if self.load else {TIME.name: None})
        numbers = [self._number(metric, ratio) for metric, ratio in ratios.items()]
        spread = None if self.new_time is None else self.new_time.spread
        return BaselineUpdate(
            self.key.test, self.key.name, self.action, numbers, self.load, spread, self.told_without_pairs
        )

    @property
    def new_time(self) -> Reference | None:
        """The time that the update writes; None if it writes none."""
        return self.line.time if self.line is not None and self.action.writes_line else None

    def _number(self, metric: str, ratio: float | None) -> UpdatedNumber:
        before, after = _number_of(self.before, metric), _number_of(self.line, metric)
        if before is not None and ratio is not None and (metric == TIME.name or self.action is UpdateAction.REFUSED):
            after = before * ratio  # on the scale of the old line
        return UpdatedNumber(metric, before, after, ratio)


def _number_of(line: Line | None, metric: str) -> float | None:
    if line is None:
        return None
    if metric == TIME.name:
        return line.time.time_ns if line.time is not None else None
    return line.counts.get(metric)


def update_line(
    old: Line | None,
    new: Line,
    runs: Sequence[Recording],
    *,
    prior: Prior,
    tolerance: float,
    reason: str,
    compared: int,
    is_lost: bool = False,
    sharing: int = 1,
) -> LineUpdate:
    """Return the outcome for a line for which there are fresh runs.

    A line that is neither credibly slower nor credibly faster stays, byte for byte, unless its time was too uncertain
    to be of use, or it has no spans or no quantiles yet. So the file changes only with cause, and many small steps
    cannot creep past the gate.

    Args:
        old: the present line; None if there is no such line.
        new: the line from the fresh runs.
        runs: the fresh runs.
        prior: the typical spread of the baseline's tests.
        tolerance: the slowdown that does not matter, as a share.
        reason: the reason why a slower line is accepted; empty if a slower line is not accepted.
        compared: the number of lines that share `ALPHA` in a comparison, which finds less than with one line.
        is_lost: whether git does not have the code of the present line: it was made with uncommitted changes, or at a
            commit that a squash merge has left behind.
        sharing: the number of lines that share `ALPHA` here: all that the update measures.
    """
    if old is None:
        return LineUpdate(new.key, UpdateAction.NEW, new, old)
    ratios, worse, better, unsure = _changes(old, new, runs, prior, tolerance, alpha=ALPHA / max(1, sharing))
    comparison = partial(UnpairedSlowdownTest, tolerance, ALPHA / max(1, sharing, compared))
    is_surer = _is_surer(*(None if one.time is None else comparison(one.time, prior) for one in (old, new)))
    if unsure is not None and is_surer and not better:  # or no update could ever replace the line
        ratios, worse, unsure = {**ratios, TIME.name: unsure}, True, None
    has_first_time = old.time is None and new.time is not None
    is_imported = old.time is not None and not old.is_corrected
    is_other_case = bool(old.parameters and new.parameters) and old.parameters != new.parameters
    if load := load_differences(old.load, new.load):
        needs_reason = worse or any(one.needs_reason for one in load)
        return _of_other_load(old, new, load, ratios if needs_reason else {}, reason if needs_reason else None)
    # Slower needs a reason, also if the id belongs to another case now.
    is_on_other_cpus = old.time is not None and new.time is not None and old.one_cpu != new.one_cpu
    is_replaced = (is_imported or is_other_case or is_on_other_cpus) and not (worse and not reason)
    if is_replaced or (has_first_time and not worse):
        return LineUpdate(new.key, UpdateAction.NEW, replace(new, reason=reason if worse else ""), old)
    if not worse and not better:
        return _kept(old, new, unsure, tolerance, is_lost=is_lost, is_surer=is_surer)
    # Only the numbers that credibly changed are replaced: otherwise a loss in a number could come in unseen with a gain
    # in another number.
    merged = replace(
        new,
        time=new.time if TIME.name in ratios or has_first_time else old.time,
        one_cpu=new.one_cpu if TIME.name in ratios or has_first_time else old.one_cpu,
        counts={**new.counts, **{name: count for name, count in old.counts.items() if name not in ratios}},
        reason=reason if worse else "",
    )
    if TIME.name not in ratios and not has_first_time:
        kept = replace(
            merged, commit=old.commit, code=old.code, date=old.date, spans=old.spans, quantiles=old.quantiles
        )
        merged = _completed(kept, new)
    if worse:
        return LineUpdate(
            new.key, UpdateAction.ACCEPTED if reason else UpdateAction.REFUSED, merged if reason else old, old, ratios
        )
    return LineUpdate(new.key, UpdateAction.IMPROVED, merged, old, ratios)


def with_uncertainty(
    updates: Sequence[LineUpdate], times: Sequence[Reference], tolerances: Mapping[Key, float], alpha: float
) -> list[LineUpdate]:
    """Return updates with the slowdown from which fresh processes alone call each new time slower.

    Args:
        updates: the updates.
        times: all times of this machine in the updated baseline, which share `alpha` in a comparison.
        tolerances: the slowdown that is allowed, as a share.
        alpha: the probability of a false `regressed` in a whole comparison.
    """
    comparison = partial(UnpairedSlowdownTest, prior=prior_of(times), alpha=alpha / max(1, len(times)))
    return [
        one
        if (time := one.new_time) is None
        else replace(one, told_without_pairs=comparison(tolerances[one.key], reference=time).told_without_pairs())
        for one in updates
    ]


def _of_other_load(
    old: Line, new: Line, load: Sequence[LoadDifference], ratios: Mapping[str, float], reason: str | None
) -> LineUpdate:
    """Return the outcome for a load with other parameters, whose line is replaced as a whole or not at all.

    Args:
        old: the present line.
        new: the line from the fresh runs.
        load: the parameters that differ.
        ratios: the numbers that changed, if they are told.
        reason: the user's reason, which may be empty; None if the new line needs none.
    """
    if reason == "":
        return LineUpdate(new.key, UpdateAction.REFUSED, old, old, ratios, load)
    action = UpdateAction.NEW if reason is None else UpdateAction.ACCEPTED
    return LineUpdate(new.key, action, replace(new, reason=reason or ""), old, ratios, load)


def _kept(old: Line, new: Line, unsure: float | None, tolerance: float, *, is_lost: bool, is_surer: bool) -> LineUpdate:
    """Return the outcome for a line that is not credibly slower or faster."""
    if (is_surer or _has_half_the_spread(old.time, new.time)) and _is_no_slower(old.time, new.time, tolerance):
        return LineUpdate(
            new.key,
            UpdateAction.MORE_PRECISE,
            replace(
                old,
                time=new.time,
                commit=new.commit,
                code=new.code,
                date=new.date,
                load=new.load,
                spans=new.spans,
                quantiles=new.quantiles,
            ),
            old,
        )
    old = _completed(old, new)
    if unsure is not None:
        return LineUpdate(new.key, UpdateAction.UNDECIDED, old, old, {TIME.name: unsure})
    return LineUpdate(new.key, UpdateAction.UNCHANGED, _at_commit(old, new, tolerance) if is_lost else old, old)


def _at_commit(line: Line, new: Line, tolerance: float) -> Line:
    """Return a line whose numbers stay, with the commit of the same numbers if that has the code.

    Pairs compare with the code of that commit, so the code may be slower by half of the tolerance at most.
    """
    if not new.commit or new.commit.endswith(DIRTY):
        return line
    if line.time is not None and new.time is not None and new.time.time_ns > line.time.time_ns * (1 + tolerance / 2):
        return line
    return replace(line, commit=new.commit, code=new.code, date=new.date)


def _completed(line: Line, new: Line) -> Line:
    """Return a line whose time stays; a line of an older version gets the data that it lacks."""
    lacks_spans = line.spans is None and new.spans is not None
    lacks_quantiles = line.quantiles is None and new.quantiles is not None
    if not (lacks_spans or lacks_quantiles or line.load != new.load):
        return line
    return replace(line, spans=line.spans or new.spans, quantiles=line.quantiles or new.quantiles, load=new.load)


def _is_surer(old: UnpairedSlowdownTest | None, new: UnpairedSlowdownTest | None) -> bool:
    """Return whether comparisons with a time are undecided, and would not be with a new one."""
    return old is not None and new is not None and old.is_blind and not new.is_blind


def _has_half_the_spread(old: Reference | None, new: Reference | None) -> bool:
    """Return whether a time finds few slowdowns, and a new one, of half its spread or less, more of them."""
    return old is not None and new is not None and old.spread >= UNCERTAIN and new.spread <= old.spread / 2


def _is_no_slower(old: Reference | None, new: Reference | None, tolerance: float) -> bool:
    return old is not None and new is not None and new.time_ns <= old.time_ns * (1 + tolerance)


def _changes(
    old: Line, new: Line, runs: Sequence[Recording], prior: Prior, tolerance: float, *, alpha: float
) -> tuple[dict[str, float], bool, bool, float | None]:
    """Return the ratio by which each metric changed, whether any metric is credibly worse, and whether any is better.

    The last value is the ratio of a time that looks slower but may be noise; None if the time does not look slower.
    """
    ratios: dict[str, float] = {}
    worse = better = False
    unsure = None
    timed = timed_blocks(runs, one_cpu=new.one_cpu)
    if old.time is not None and timed:
        slowdown_test = UnpairedSlowdownTest(tolerance, alpha, old.time, prior)
        found = slowdown_test.effect([slowdown_test.estimate(blocks) for blocks in timed])
        worse = slowdown_test.is_slower(found, alpha)
        better = slowdown_test.is_faster(found, alpha)
        if worse or better:
            ratios[TIME.name] = math.exp(found.log_ratio)
        elif found.log_ratio > slowdown_test.limit:
            unsure = math.exp(found.log_ratio)
    for name, after in new.counts.items():
        before = old.counts.get(name)
        if before is None:
            better = True  # this number was not counted before
            continue
        verdict = compare_counts(METRICS[name], [CountPair(before, after)], tolerance).verdict
        if verdict is not RegressionVerdict.UNCHANGED:
            ratios[name] = after / before if before else math.inf
        worse = worse or verdict is RegressionVerdict.REGRESSED
        better = better or verdict is RegressionVerdict.IMPROVED
    return ratios, worse, better, unsure


def apply(lines: Mapping[Key, Line], updates: Sequence[LineUpdate]) -> dict[Key, Line]:
    """Return the lines after the updates; lines with other keys stay."""
    after = dict(lines)
    for update in updates:
        if update.line is None:
            after.pop(update.key, None)
        else:
            after[update.key] = update.line
    return after
