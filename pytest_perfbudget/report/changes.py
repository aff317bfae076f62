"""The wording of everything about the baseline: changes, what is missing, and what an update did."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pytest_perfbudget.baseline.schema import Line
from pytest_perfbudget.baseline.update import LineUpdate, UpdateAction
from pytest_perfbudget.core.counts import UNITS
from pytest_perfbudget.core.results import BudgetVerdict, Growth, Measurement, RegressionResult, RegressionVerdict
from pytest_perfbudget.report.view import counted, profile_text, quantity

_UPDATE = "pytest --perf-update-baseline"
Typed = Callable[[str], str]

_NOTICEABLE = 1.1
"""The machine's slowness is worth a word from here on."""


_RED = (RegressionVerdict.REGRESSED, RegressionVerdict.WRONG_CODE)
"""What is unmeasured today may be measured tomorrow; a base that runs the head's code would stay green for ever."""


def is_red(change: RegressionResult, *, strict: bool) -> bool:
    """Return whether a change fails its test."""
    if change.against and change.verdict is RegressionVerdict.NEW:  # the other commit will never have it
        return False
    return change.verdict in _RED or (strict and change.verdict.is_unjudged)


def percent(ratio: float) -> str:
    """Return a ratio as a change: `+12.4 %`, `-3 %`, `3.2x`, `1/400x`."""
    if math.isinf(ratio):
        return "from none"
    if ratio >= 2:
        return f"{ratio:.1f}x" if ratio < 100 else f"{ratio:,.0f}x"
    if ratio < 0.1:
        return f"1/{1 / ratio:.0f}x" if ratio > 0 else "to none"
    share = round(100 * (ratio - 1), 1)
    return f"{share:+.0f} %" if abs(share) >= 20 else f"{share:+.1f} %"


def changes_text(measurements: Iterable[Measurement], *, strict: bool, named: bool = False, typed: Typed = str) -> str:
    """Return why a test fails against the baseline, and what to do; empty if it does not.

    `named` puts the test's name before it, where pytest has not done so; `typed` returns a node id as it is to
    be typed where the session was started.
    """
    red = [(one, change) for one in measurements for change in one.changes if is_red(change, strict=strict)]
    paragraphs = []
    for one in dict.fromkeys(one.id for one, _ in red):
        changes = [(found, change) for found, change in red if found.id == one]
        paragraphs += ["\n  ".join(_paragraph(found, change, named=named, typed=typed)) for found, change in changes]
        grown = next((change.grown for _, change in changes if change.grown), ())
        if grown:
            is_timed = grown[0].gained_ns is not None
            heading = "Slower, in one profiled call of each:" if is_timed else "Called more often:"
            paragraphs.append("\n  ".join([heading, *map(_growth, grown)]))
        slower = any(change.verdict is RegressionVerdict.REGRESSED and change.metric == "time" for _, change in changes)
        exceeded = any(judgement.verdict is BudgetVerdict.EXCEEDED for judgement in changes[0][0].judgements)
        if slower and not exceeded and changes[0][0].profile:  # a budget's text has it already
            paragraphs.append(profile_text(changes[0][0]))
    regressed = dict.fromkeys(one.nodeid for one, change in red if change.verdict is RegressionVerdict.REGRESSED)
    if regressed:
        slower_somewhere = any(one.verdict is RegressionVerdict.REGRESSED and one.metric == "time" for _, one in red)
        tests = " ".join(shlex.quote(typed(nodeid)) for nodeid in regressed)
        verb = "Make it faster" if slower_somewhere else "Reduce it"
        duet = any(one.against for _, one in red)
        accept = "allow more: max_regression" if duet else f"accept it: {_UPDATE} --perf-reason '...' {tests}"
        paragraphs.append(f"{verb}, or {accept}")
    unjudged = [change for _, change in red if change.verdict not in _RED]
    if unjudged:
        paragraphs.append("What is not compared fails because of --perf-strict (or strict = true).")
    return "\n".join(paragraphs)


def _paragraph(measurement: Measurement, change: RegressionResult, *, named: bool, typed: Typed) -> Iterator[str]:
    name = measurement.id if named else measurement.name
    what = f"{name}: " if name else ""
    if change.verdict is not RegressionVerdict.REGRESSED:
        yield f"{what}{change.verdict.value}: {change.reason}"
        if change.verdict in (RegressionVerdict.NEW, RegressionVerdict.FOREIGN) and not change.against:
            yield f"update the baseline: {_UPDATE} {shlex.quote(typed(measurement.nodeid))}"
        return
    before, after = quantity(change.before or 0, change.unit), quantity(change.after or 0, change.unit)
    other = change.against or "the baseline"
    numbers = f"{after}, {change.against or 'baseline'} {before}{_origin(change)}"
    if change.metric == "time":
        yield f"{what}{_slower(change.ratio or 1)} than {other}{_interval(change)}"
        yield f"{numbers}; {_fresh(change)}"
        yield from _chance(change)
        if change.weather is not None and change.weather > _NOTICEABLE:
            slower = percent(change.weather).lstrip("+")
            yield f"the machine ran {slower} slower than for the baseline; that is taken out of these numbers"
    else:
        noun = {"calls": "function calls", "peak": "peak memory"}[change.metric]
        yield f"{what}{_more(change.ratio, noun)} {other}"
        yield numbers if change.against else f"{numbers}; the lowest count here and in fresh processes"
    yield f"limit {100 * change.limit:g} % from {change.source}"
    if change.is_test_changed:
        yield f"the test, or a fixture of it, is not the one of {other}: perhaps it does more"
        yield 'tests_from = "head" in [tool.perfbudget.duet] runs the head\'s on both'


def _slower(ratio: float) -> str:
    return f"{_times(ratio)} slower" if ratio >= 2 else f"{percent(ratio).lstrip('+')} slower"


def _more(ratio: float | None, noun: str) -> str:
    if not ratio or math.isinf(ratio):
        return f"more {noun} than"
    return f"{_times(ratio)} the {noun} of" if ratio >= 2 else f"{percent(ratio).lstrip('+')} more {noun} than"


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 100 else f"{ratio:,.0f} times"


def _chance(change: RegressionResult) -> Iterator[str]:
    """Yield how sure a verdict on a time is: the interval alone does not say it."""
    if change.p_value is not None and change.alpha is not None:
        seldom = _odds(change.alpha)
        yield f"unchanged code would look so slow {_odds(change.p_value)} (red: less than {seldom})"


def _odds(probability: float) -> str:
    if probability < 1e-6:
        return "less than once in a million times"
    number = 1 / probability
    digits = 10 ** max(math.floor(math.log10(number)) - 1, 0)
    return f"once in {round(number / digits) * digits:,} times"


def _growth(growth: Growth) -> str:
    before = "few" if growth.before is None else f"{growth.before:,}"
    noun = "call" if growth.after == 1 else "calls"
    if growth.gained_ns is None:
        return f"{before} -> {growth.after:,} {noun} of {growth.function}"
    called = f"{growth.after:,}" if growth.before == growth.after else f"{before} -> {growth.after:,}"
    gained = f"+{quantity(growth.gained_ns, 'ns')} of +{quantity(growth.of_ns or 0, 'ns')}"
    return f"{growth.function}  {called} {noun}, {gained}"


def _interval(change: RegressionResult) -> str:
    if change.lower is None or change.upper is None:
        return ""
    return f" (95 % interval {percent(change.lower)} .. {percent(change.upper)})"


def _origin(change: RegressionResult) -> str:
    places = [f"commit {change.commit}" if change.commit else "", change.date]
    known = ", ".join(place for place in places if place)
    return f" ({known})" if known else ""


def change_notes(measurements: Iterable[Measurement], missing: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for everything that was not compared, or not decided, and a reader should know of."""
    by_reason: dict[tuple[RegressionVerdict, str], dict[str, None]] = {}

    def add(verdict: RegressionVerdict, reason: str, id_: str) -> None:
        by_reason.setdefault((verdict, reason), {})[id_] = None

    for one in measurements:
        for change in one.changes:
            if change.verdict.is_unjudged:
                add(change.verdict, change.reason, one.id)
            elif change.runs and change.verdict is not RegressionVerdict.REGRESSED:
                add(change.verdict, _not_confirmed(change), one.id)
            if change.is_test_changed and change.metric == "time":
                add(RegressionVerdict.CHANGED, _changed(change), one.id)
    for id_, reason in missing:
        add(RegressionVerdict.MISSING, reason, id_)
    for (verdict, reason), ids in by_reason.items():
        yield f"{verdict.value}: {_some(list(ids))}: {reason}"


def _changed(change: RegressionResult) -> str:
    found = f"; {percent(change.ratio)}{_interval(change)}" if change.ratio is not None else ""
    gated = "not gated" if change.verdict is RegressionVerdict.CHANGED else "compared all the same"
    return f"the test, or a fixture of it, is not the one of {change.against}, {gated}{found}"


def _fresh(change: RegressionResult) -> str:
    if change.in_pairs:
        return counted(change.runs, "fresh pair") + " of processes"
    return counted(change.runs, "fresh process", "es")


def _not_confirmed(change: RegressionResult) -> str:
    fresh = _fresh(change)
    if change.verdict is RegressionVerdict.UNDECIDED and (change.ratio or 1) > 1 + change.limit:
        found = f"{percent(change.ratio or 1)}{_interval(change)}, limit {100 * change.limit:g} %"
        return "; ".join([f"looked slower, in {fresh} too, but that may be chance: {found}", *_chance(change)])
    looked = (
        "slower" if change.verdict is RegressionVerdict.UNCONFIRMED else "faster"
    )  # one of its processes may be off
    return f"looked {looked} here; {percent(change.ratio or 1)} in {fresh}"


def _some(ids: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(ids[:most])
    return shown if len(ids) <= most else f"{shown} and {len(ids) - most:,} more"


def regression_verdicts(measurements: Iterable[Measurement], missing: int) -> Mapping[str, int]:
    """Return how often each standing fell, every one of them named."""
    fallen = Counter(change.verdict for one in measurements for change in one.changes)
    fallen[RegressionVerdict.MISSING] += missing
    return {verdict.value: fallen[verdict] for verdict in RegressionVerdict}


def standings_text(tally: Mapping[str, int], against: str = "the baseline") -> str:
    """Return the closing line about what was compared."""
    found = ", ".join(f"{count:,} {name}" for name, count in tally.items() if count)
    is_compared = any(count and not RegressionVerdict(name).is_unjudged for name, count in tally.items())
    if tally[RegressionVerdict.UNMEASURED.value] and not is_compared:
        found = f"nothing was compared ({found})"
    return f"against {against}: {found or 'nothing was compared'}"


def others_text(number: int) -> str:
    """Return the line about what the baseline has and the session was not asked for."""
    return f"{counted(number, 'other measurement')} of the baseline: not selected or not collected"


def update_progress_text(run: int, runs: int, done: int, total: int, left_s: float) -> str:
    """Return the note that is shown while a baseline is measured."""
    cells = 20
    filled = cells * done // max(total, 1)
    left = f"{left_s / 60:.0f} min" if left_s >= 90 else f"{left_s:.0f} s"
    return f"perf: process {run} of {runs} [{'#' * filled}{'.' * (cells - filled)}] {left} left"


def update_rows(revision: LineUpdate) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield for each number that changed: its metric, the old one, the new one, the change between them, its fate.

    The change is that of times freed from the weather, so it need not be the quotient of the two before it.
    """
    ratios: dict[str, float | None] = {**revision.ratios} or {"time": None}
    for metric, ratio in ratios.items():
        before = _number(revision.before, metric)
        after = _number(revision.line, metric)
        if before is not None and ratio is not None and (metric == "time" or revision.action is UpdateAction.REFUSED):
            after = before * ratio  # on the scale of the line that was there
        shown = ["" if number is None else quantity(number, UNITS[metric]) for number in (before, after)]
        change = "" if ratio is None else percent(ratio)
        yield metric, shown[0], shown[1], change, _action(revision.action, metric, ratio)


def _action(action: UpdateAction, metric: str, ratio: float | None) -> str:
    """Return the fate of one number: of a line that got slower some may have got better."""
    if ratio is None or action not in (UpdateAction.REFUSED, UpdateAction.ACCEPTED, UpdateAction.FASTER):
        return action.value
    words = ("slower", "faster") if metric == "time" else ("more", "less")
    word = words[ratio < 1]
    return (
        word
        if action is UpdateAction.FASTER
        else f"{word} ({'kept' if action is UpdateAction.REFUSED else 'accepted'})"
    )


def _number(line: Line | None, metric: str) -> float | None:
    if line is None:
        return None
    if metric == "time":
        return line.time.time_ns if line.time is not None else None
    return line.calls if metric == "calls" else line.peak


def update_text(revisions: Sequence[LineUpdate], file: str, typed: Typed = str) -> Iterator[str]:
    """Yield what an update did, and what is left to do."""
    if not revisions:
        yield "no perf test was measured: the baseline stands as it was"
        return
    actions = Counter(revision.action for revision in revisions)
    found = ", ".join(f"{actions[action]:,} {action.value}" for action in UpdateAction if actions[action])
    yield f"{file}: {found}"
    if actions[UpdateAction.UNDECIDED]:
        yield "undecided: looks slower, but its runs are too far apart: update it again when the machine is calmer"
    if actions[UpdateAction.REFUSED]:
        tests = dict.fromkeys(one.key.test for one in revisions if one.action is UpdateAction.REFUSED)
        names = " ".join(shlex.quote(typed(nodeid)) for nodeid in tests)
        yield f"to accept what got slower: {_UPDATE} --perf-reason 'why it may be' {names}"
