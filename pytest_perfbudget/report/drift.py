"""The wording of drift since an anchor."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_perfbudget.core.drift import FEWEST, Drift, DriftVerdict, sessions_needed
from pytest_perfbudget.core.finding import DRIFT, Finding
from pytest_perfbudget.core.history.trend import BETWEEN_READINGS
from pytest_perfbudget.core.history.unheld import Lack, Unheld
from pytest_perfbudget.core.results import RegressionResult
from pytest_perfbudget.report.numbers import change_interval, counted, percent, quantity, tolerance_text
from pytest_perfbudget.report.remedies import named

if TYPE_CHECKING:  # loads numpy, which most sessions do without
    from pytest_perfbudget.core.history.creep import Creep


def drift_text(creep: Creep, metric: str, unit: str, anchor: str) -> str:
    """Return a drift above its limit in one sentence."""
    before, after = (quantity(one, unit) for one in (creep.before, creep.after))
    return f"{growth_text(creep.drift, anchor)}, {limit_text(creep.drift)}: {metric} {before} -> {after}"


def drift_remedy(test: str, name: str, anchor: str, *, is_step: bool) -> str:
    """Return the command that finds the commit behind a drift, or what grew if no single commit is behind it.

    Args:
        test: the test as an argument of pytest.
        name: the measurement's own name; empty if it has none.
        anchor: the name of the anchor.
        is_step: whether most of the drift is a step at one place.
    """
    if is_step:
        named = f" --name {shlex.quote(name)}" if name else ""
        return f"Find the commit: perfbudget bisect {shlex.quote(test)} --good {shlex.quote(anchor)}{named}"
    return f"No single commit: pytest {shlex.quote(test)} --perf-against {shlex.quote(anchor)} names what grew"


def pairs_text(drift: Drift, change: RegressionResult, anchor: str) -> str:
    """Return the drift of a time that was compared with the anchor itself, in one sentence."""
    before, after = (quantity(one or 0.0, change.unit) for one in (change.before, change.after))
    return f"{growth_text(drift, anchor)}, {limit_text(drift)}: {before} -> {after}, side by side"


def undecided_pairs_text(found: Mapping[str, Drift], anchor: str) -> str:
    """Return that the growth of times that were compared with the anchor may or may not be above `max_drift`."""
    first = next(iter(found.values()))
    growth = f": {growth_text(first, anchor)}" if len(found) == 1 else f" since {anchor}"
    limits = dict.fromkeys(tolerance_text(one.max_drift or 0.0) for one in found.values())
    return (
        f"{named([*found])}{growth}, with max_drift = {', '.join(limits)} inside of the interval: "
        "a further comparison may tell"
    )


def judged_by_pairs_text(found: Sequence[Drift], anchor: str) -> str:
    """Return that no time that was compared with the anchor lies above its limit."""
    limits = dict.fromkeys(tolerance_text(one.warn_at if one.max_drift is None else one.max_drift) for one in found)
    return (
        f"{counted(len(found), 'time')} compared with {anchor}, the anchor, side by side: "
        f"none surely above {', '.join(limits)}"
    )


def fails_by_drift_text(findings: Iterable[Finding]) -> str:
    """Return why a session fails by drift, with the first command that finds a commit; empty if it does not."""
    by_drift = [one for one in findings if one.kind == DRIFT and one.is_failure]
    failing = [one for one in by_drift if one.test]
    if not failing:
        because = "which fails the session and no test because of --perf-strict (or strict = true)"
        return f"Drift was not judged, {because}." if by_drift else ""
    number = f"{counted(len(failing), 'number')} drifted above max_drift, which fails the session and no test"
    return f"{number}. {failing[0].remedy}".rstrip()


def growth_text(drift: Drift, anchor: str) -> str:
    """Return the growth since an anchor: `+12.7 % since v1.2 (95 % interval +10.1 % .. +15.2 %)`."""
    if drift.lower is None or drift.upper is None:
        return f"{percent(drift.ratio)} since {anchor} (too few sessions for an interval)"
    interval = change_interval(drift.lower, drift.upper, drift.ratio)
    return f"{percent(drift.ratio)} since {anchor} (95 % interval {interval})"


def limit_text(drift: Drift) -> str:
    """Return on which side of its limit a drift is: `above max_drift = 5 %`, `within max_drift = 5 %`."""
    if drift.verdict is DriftVerdict.EXCEEDED:
        return f"above max_drift = {tolerance_text(drift.max_drift or 0.0)}"
    if drift.verdict is DriftVerdict.UNMEASURED:
        return "not judged"
    allowed = "" if drift.max_drift is None else f"max_drift = {tolerance_text(drift.max_drift)}"
    if drift.verdict is DriftVerdict.DRIFTING:
        return f"above {tolerance_text(drift.warn_at)}{f', not surely above {allowed}' if allowed else ''}"
    if drift.verdict is DriftVerdict.CANDIDATE:
        return f"a candidate above {allowed}: one session, far from the others"
    if drift.verdict is DriftVerdict.UNDECIDED:
        return f"undecided against {allowed}, which the interval contains"
    is_below = drift.upper is not None and drift.upper <= 1 + drift.warn_at
    side = "within" if allowed else "below" if is_below else "not surely above"
    return f"{side} {allowed or tolerance_text(drift.warn_at)}"


def unheld_text(found: Unheld, anchor: str, file: str) -> str:
    """Return why nothing can be held against an anchor, and what to do.

    Args:
        found: the reason.
        anchor: the name of the anchor.
        file: the history as an argument of pytest.
    """
    there = f"check out {anchor} and run pytest --perf-history={shlex.quote(file)}"
    later = f"for each later session, {there}: drift is judged from {FEWEST} sessions on"
    now = side_by_side_text(anchor)
    if found.lack in (Lack.SESSIONS, Lack.ANCHOR):
        lacks = "no session yet" if found.lack is Lack.SESSIONS else f"no session of {anchor}"
        why = f"the history has {lacks}: {now}; {later}; sessions of others: perfbudget history pull"
    elif found.lack is Lack.CLEAN_ANCHOR:
        why = (
            f"the sessions of {anchor} had uncommitted changes: {now}; for each later session, {there} without changes"
        )
    elif found.lack is Lack.ENVIRONMENT:
        others = " and ".join(f"{another(name)} ({one}, now {other})" for name, (one, other) in found.changed.items())
        again = "" if _is_of_lock_file(found) else f", or {there} again"
        why = f"the sessions of {anchor} had {others}: {now}; for each later session, name a later anchor{again}"
    elif found.lack is Lack.TIMING:
        return f"nothing to hold against {anchor}: {timing_text(found.changed['timing'], anchor, file)}"
    else:
        why = f"the sessions of {anchor} have none of these measurements, which are newer or were not run there: "
        why += "name a later anchor, or run them there"
    return f"nothing to hold against {anchor}: {why}"


def _is_of_lock_file(found: Unheld) -> bool:
    """Return whether the lock files differ, of which a checkout of the anchor has its own."""
    return not all(" " in one for one in found.changed.get("dependencies", (" ",)))


def side_by_side_text(anchor: str) -> str:
    """Return the command that judges drift without a history."""
    return f"pytest --perf-against {shlex.quote(anchor)} judges it now, in one session"


def timing_text(timings: tuple[str, str], anchor: str, file: str, names: Sequence[str] = ()) -> str:
    """Return that the rounds of the anchor were timed in another way, and what to do.

    Args:
        timings: the timing at the anchor, and now.
        anchor: the name of the anchor.
        file: the history as an argument of pytest.
        names: the measurements; empty if these are all.
    """
    before, now = timings
    of = f" {named(names)}" if names else ""
    how = f"pytest --perf-comparable --perf-history={shlex.quote(file)}"
    # A checkout of the anchor has the baseline of its own commit, if any; the option needs none.
    if BETWEEN_READINGS in now:
        remedy = f"{side_by_side_text(anchor)}; for each later session, check out {anchor} and run {how}"
    else:
        remedy = f"run {how}"
    return f"the sessions of {anchor} timed{of} {before}, and this session {now}: {remedy}"


def another(circumstance: str) -> str:
    """Return that a circumstance is another one: `another machine`, `other dependencies`."""
    return f"{'other' if circumstance.endswith('s') else 'another'} {circumstance}"


def few_sessions_text(found: Mapping[str, Creep], needed: int, among: int, anchor: str) -> str:
    """Return that too few sessions show the spread between sessions.

    Args:
        found: the drift of each measurement that has too few sessions.
        needed: the number of sessions that are needed.
        among: the number of measurements that were held against the anchor.
        anchor: the name of the anchor.
    """
    have, of_anchor = (_range(found.values(), name) for name in ("sessions", "anchors"))
    of = "" if len(found) == among else f" of {named([*found])}"
    return (
        f"{needed} sessions of this branch with this machine, Python and dependencies are needed to see how much "
        f"unchanged code varies, and there are {have}{of}, this one among them ({of_anchor} of {anchor}); "
        f"{side_by_side_text(anchor)}"
    )


def undecided_text(found: Mapping[str, Creep], anchor: str) -> str:
    """Return that the growth of numbers may or may not be above `max_drift`, and how many sessions would show that.

    Args:
        found: the drift of each of these measurements.
        anchor: the name of the anchor.
    """
    text = f"{_grown(found, anchor)}, with {_allowed(found)} inside of the interval"
    needed = [
        numbers
        for one in found.values()
        if one.error and (limit := one.drift.max_drift)
        if (numbers := sessions_needed(limit, one.error, one.anchors, one.presents))
    ]
    if not needed:
        return f"{text}: further sessions of this commit would tell; {side_by_side_text(anchor)}"
    anchors, presents = (max(numbers) for numbers in zip(*needed, strict=True))
    have, here = (_range(found.values(), name) for name in ("anchors", "presents"))
    each, so_far = (f" and {presents} of each commit", f" and {here}") if presents > 1 else ("", "")
    would = f"{counted(anchors, 'session')} of {anchor}{each} would decide for unchanged code (so far {have}{so_far})"
    would += f"; {side_by_side_text(anchor)}"
    return f"{text}: {would}"


def candidate_text(found: Mapping[str, Creep], anchor: str) -> str:
    """Return that one session alone shows numbers above `max_drift`, and what decides.

    Args:
        found: the drift of each of these measurements.
        anchor: the name of the anchor.
    """
    texts = []
    for is_anchor, of in ((False, "this commit"), (True, anchor)):
        if same := {name: one for name, one in found.items() if one.is_by_anchor is is_anchor}:
            alone = f"one session of {anchor}" if is_anchor else "one session alone"
            beside = f"by {alone}, which is far from the others: a further session of {of} decides"
            texts.append(f"{_grown(same, anchor)}, above {_allowed(same)} {beside}")
    return f"{'; '.join(texts)}; {side_by_side_text(anchor)}"


def _grown(found: Mapping[str, Creep], anchor: str) -> str:
    """Return the names of measurements, with the growth if there is one measurement."""
    first = next(iter(found.values()))
    growth = f": {growth_text(first.drift, anchor)}" if len(found) == 1 else f" since {anchor}"
    return f"{named([*found])}{growth}"


def _allowed(found: Mapping[str, Creep]) -> str:
    """Return the limits of measurements: `max_drift = 5 %, 8 %`."""
    limits = dict.fromkeys(tolerance_text(one.drift.max_drift or 0.0) for one in found.values())
    return f"max_drift = {', '.join(limits)}"


def _range(found: Iterable[Creep], name: str) -> str:
    """Return the smallest and the largest number of sessions: `3`, `3 to 5`."""
    numbers = [getattr(one, name) for one in found]
    return f"{min(numbers)}" if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"


def new_text(names: Sequence[str], anchor: str) -> str:
    """Return that measurements are newer than the anchor, or were not run there."""
    have = "have" if len(names) > 1 else "has"
    return f"{named(names)} {have} no session of {anchor} with this machine, Python and dependencies"


def zero_text(names: Sequence[str], anchor: str) -> str:
    """Return that numbers are or were zero, so that their growth is no share."""
    return f"{named(names)}: zero in a session since {anchor}, and nothing grows from zero by a share"


def other_folders_text(number: int) -> str:
    """Return the words for sessions of the anchor that are of other projects of the repository."""
    return f" ({counted(number, 'session')} of the anchor left out, of another folder of the repository)"
