"""What an update makes of the baseline: which lines are new, which are replaced, and which stay."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pytest_perfbudget.baseline.schema import Key, Line
from pytest_perfbudget.core.counts import judge_growth
from pytest_perfbudget.core.reference import FEWEST_RUNS, Prior, Reference, compare, estimate_for, fit
from pytest_perfbudget.core.results import Recording, RegressionVerdict
from pytest_perfbudget.core.weather import Canaries

ALPHA: Final = 0.01
"""How often a line may be called slower or faster that is neither."""


_UNCERTAIN: Final = 0.05
"""A line whose runs spread by so much finds little. It may be replaced by one of half the spread although its
time has not credibly changed."""


class UpdateAction(enum.Enum):
    """What becomes of a line."""

    REFUSED = "slower (kept)"
    ACCEPTED = "slower (accepted)"
    NEW = "new"
    FASTER = "faster"
    MORE_PRECISE = "more precise"
    REMOVED = "removed"
    UNDECIDED = "undecided (kept)"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class LineUpdate:
    """What becomes of one line: the line as it is to be, None if it goes.

    `ratios` are new / old of each number that changed, by metric (`time`, `calls`, `peak`); of a line that
    is replaced, everything that is accepted with it.
    """

    key: Key
    action: UpdateAction
    line: Line | None
    before: Line | None = None
    ratios: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where new numbers come from."""

    commit: str
    date: str
    reason: str = ""


def measured(key: Key, runs: Sequence[Recording], calm_ns: Canaries, provenance: Provenance) -> Line:
    """Return the line that fresh runs of one measurement make.

    Its counts are the highest of any run: they differ with the hash seed, and what one seed costs is
    no growth of another.
    """
    timed = [run.blocks for run in runs if run.blocks]
    calls = [run.calls for run in runs if run.calls is not None]
    peaks = [run.peak for run in runs if run.peak is not None]
    return Line(
        key,
        fit(timed, calm_ns) if len(timed) >= FEWEST_RUNS else None,
        max(calls) if calls else None,
        max(peaks) if peaks else None,
        provenance.commit,
        provenance.date,
    )


def update_line(
    old: Line | None, new: Line, runs: Sequence[Recording], *, prior: Prior, share: float, reason: str
) -> LineUpdate:
    """Return what becomes of a line for which there are fresh runs.

    One that is neither credibly slower nor faster stays, to the byte: so the file changes only with
    cause, and many small steps cannot creep past the gate.

    Args:
        old: the line as it is; None if there is none.
        new: the line that the runs make.
        runs: the fresh runs.
        prior: the typical spread of the baseline's tests.
        share: how much slower is no matter.
        reason: why a slower one is accepted; empty if it is not.
    """
    if old is None or (old.time is None and new.time is not None):
        return LineUpdate(new.key, UpdateAction.NEW, new, old)
    ratios, worse, better, unsure = _changes(old, new, runs, prior, share)
    if old.time is not None and not old.is_corrected and not (worse and not reason):
        return LineUpdate(new.key, UpdateAction.NEW, replace(new, reason=reason if worse else ""), old)
    if not worse and not better:
        return _kept(old, new, unsure, share)
    # Only the numbers that credibly changed: with a gain in one, a loss in another would come in unseen.
    merged = replace(
        new,
        time=new.time if "time" in ratios else old.time,
        calls=new.calls if "calls" in ratios or old.calls is None else old.calls,
        peak=new.peak if "peak" in ratios or old.peak is None else old.peak,
        reason=reason if worse else "",
    )
    if "time" not in ratios:
        merged = replace(merged, commit=old.commit, date=old.date)
    if worse:
        return LineUpdate(
            new.key, UpdateAction.ACCEPTED if reason else UpdateAction.REFUSED, merged if reason else old, old, ratios
        )
    return LineUpdate(new.key, UpdateAction.FASTER, merged, old, ratios)


def _kept(old: Line, new: Line, unsure: float | None, share: float) -> LineUpdate:
    """Return what becomes of a line that is not credibly slower or faster."""
    if _is_more_precise(old.time, new.time, share):
        return LineUpdate(
            new.key, UpdateAction.MORE_PRECISE, replace(old, time=new.time, commit=new.commit, date=new.date), old
        )
    if unsure is not None:
        return LineUpdate(new.key, UpdateAction.UNDECIDED, old, old, {"time": unsure})
    return LineUpdate(new.key, UpdateAction.UNCHANGED, old, old)


def _is_more_precise(old: Reference | None, new: Reference | None, share: float) -> bool:
    """Return whether a time that was too uncertain to be of use is known better now, and not slower than allowed."""
    if old is None or new is None or old.spread < _UNCERTAIN or new.spread > old.spread / 2:
        return False
    return new.time_ns <= old.time_ns * (1 + share)


def _changes(
    old: Line, new: Line, runs: Sequence[Recording], prior: Prior, share: float
) -> tuple[dict[str, float], bool, bool, float | None]:
    """Return by which ratio each metric changed, and whether any got credibly worse, or better.

    At the end the ratio of a time that looks slower and may be noise; None if it does not.
    """
    ratios: dict[str, float] = {}
    worse = better = False
    unsure = None
    timed = [run.blocks for run in runs if run.blocks]
    if old.time is not None and timed:
        limit = math.log1p(share)
        found = compare(old.time, [estimate_for(old.time, blocks) for blocks in timed], prior)
        worse = found.log_ratio > limit and found.p_slower < ALPHA
        better = found.log_ratio < -limit and 1 - found.p_slower < ALPHA
        if worse or better:
            ratios["time"] = math.exp(found.log_ratio)
        elif found.log_ratio > limit:
            unsure = math.exp(found.log_ratio)
    for metric, before, after in (("calls", old.calls, new.calls), ("peak", old.peak, new.peak)):
        if after is None:
            continue
        if before is None:
            better = True  # it was not counted before
            continue
        verdict = judge_growth(metric, before, after, share).verdict
        if verdict is not RegressionVerdict.UNCHANGED:
            ratios[metric] = after / before if before else math.inf
        worse = worse or verdict is RegressionVerdict.REGRESSED
        better = better or verdict is RegressionVerdict.IMPROVED
    return ratios, worse, better, unsure


def apply(lines: Mapping[Key, Line], revisions: Sequence[LineUpdate]) -> dict[Key, Line]:
    """Return the lines after the revisions; those of other keys stay."""
    after = dict(lines)
    for revision in revisions:
        if revision.line is None:
            after.pop(revision.key, None)
        else:
            after[revision.key] = revision.line
    return after
