"""The wording of findings about the baseline or another commit."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pytest_perfbudget.core.decision import is_unsuspicious
from pytest_perfbudget.core.finding import CHANGED, Case
from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.loosening import OF_BASE
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import INSTRUCTIONS, METRICS, TIME, Direction
from pytest_perfbudget.core.results import BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.report.bars import bar
from pytest_perfbudget.report.budgets import HELD, profile_lines
from pytest_perfbudget.report.components import change_lines
from pytest_perfbudget.report.culprits import NO_CULPRIT, blame_lines
from pytest_perfbudget.report.instructions import growth_lines
from pytest_perfbudget.report.numbers import change_interval, counted, odds, percent, quantity, times, tolerance_text

UPDATE = "pytest --perf-update-baseline"
Typed = Callable[[str], str]
"""A function that returns a node id as a user types it in the folder where the session was started."""

_OWN_CODE = "Let each side run its own code, as the reason says; as a rule, an editable install does: pip install -e ."
_STRICT = "A number that is not compared fails because of --perf-strict (or strict = true)."

_BUDGETS_FIRST = "To accept it, mend the exceeded budget first: --perf-update-baseline refuses a test that fails."

_COUNT: Final = (
    "Where processes differ too much, count_instructions = true in the marker or in pyproject.toml may help: the "
    "number of bytecode instructions depends neither on the load of the machine nor on the place of data in memory."
)

UNSUSPICIOUS: Final = "unsuspicious"
"""The word for a comparison that is undecided and asks for nothing; see `core.decision.is_unsuspicious`."""

_LOOKED_SLOWER = "looked slower here, but"

_CELLS = 24
"""The cells of a bar."""

_NOTICEABLE = 1.1
"""The factor by which the machine has to be slower than for the baseline before the report says so."""


def headline(case: Case, change: RegressionResult) -> str:
    """Return the finding in one sentence."""
    if case.finding.kind == CHANGED:
        return _changed(change)
    if change.verdict is not RegressionVerdict.REGRESSED:
        if change.verdict.is_unjudged:
            return change.reason
        is_load = case.measurement.kind is LOAD and change.verdict is RegressionVerdict.UNDECIDED and not change.reason
        return _short_load(change) if is_load else _not_confirmed(change)
    other = change.against or "the baseline"
    if change.metric == TIME.name:
        return f"{_slower(change.ratio or 1, change.limit)} than {other}{interval(change)}"
    return f"{_more(change)} {other}"


def evidence(case: Case, change: RegressionResult) -> Iterator[str]:
    """Yield the numbers behind a finding."""
    if change.verdict is not RegressionVerdict.REGRESSED or case.finding.kind == CHANGED:
        return
    before, after = quantity(change.before or 0, change.unit), quantity(change.after or 0, change.unit)
    other = "base" if change.in_pairs else other_side(change)  # of pairs, the time is no number of the baseline file
    numbers = f"{after}, {other} {before}{_origin(change)}"
    if change.metric == TIME.name:
        yield f"{numbers}; {_fresh(change)}"
        yield from _bars(change)
        if change.reason:
            yield change.reason
        yield from _p_value(change)
        if change.weather is not None and change.weather > _NOTICEABLE:
            slower = percent(change.weather).lstrip("+")
            yield f"the machine ran {slower} slower than for the baseline; these numbers are corrected for that"
    else:
        yield numbers if change.against else f"{numbers}; the best count here and in fresh processes"
        yield from _bars(change)
        yield from _time_beside(case, change)
    yield f"limit {limit_text(change)} from {change.source}"
    if change.is_test_changed:
        yield f"the test, or a fixture of it, differs from that of {change.against}: the test itself may do more work"
        yield "whether the code is slower, too, shows a pull request that leaves the test as it is"
    yield from change_lines(case.measurement, change)
    yield from _culprits(case, change)
    yield from growth_lines(change.executed)


def remedy(case: Case, change: RegressionResult, *, typed: Typed, is_exceeded: bool = False) -> str:
    """Return the remedy for a finding; empty if there is none.

    All numbers of a measurement that regressed have the same remedy.

    Args:
        case: the finding, with its measurement.
        change: the change that the finding is about.
        typed: returns a node id as a user types it.
        is_exceeded: whether the test exceeds a budget, too: then an update of the baseline refuses the test.
    """
    test, is_failure = case.finding.test, case.finding.is_failure
    if change.verdict is RegressionVerdict.REGRESSED:
        verb = _verbs([one for one in case.measurement.changes if one.verdict is change.verdict] or [change])
        accept = f"accept it: {UPDATE} --perf-reason '...' {shlex.quote(typed(test))}"
        allow = "allow more: raise max_regression in the marker or in pyproject.toml"
        if change.source.endswith(OF_BASE) or (is_exceeded and not change.against):
            return f"{verb}. {HELD if change.source.endswith(OF_BASE) else _BUDGETS_FIRST}"
        if any(one.is_imported for one in change.installed):
            verb += ", install the versions of the baseline"
        return f"{verb}, or {allow if change.against else accept}"
    if change.verdict in (RegressionVerdict.NEW, RegressionVerdict.FOREIGN) and not change.against:
        name = shlex.quote(typed(test))
        accept = f"Restore the load, or accept the other load: {UPDATE} --perf-reason 'why the load differs' {name}"
        return accept if change.needs_reason else f"Update the baseline: {UPDATE} {name}"
    if is_failure and change.is_required and change.verdict is RegressionVerdict.UNMEASURED:
        allow = 'unmeasured = "warn" in the marker or in pyproject.toml'
        return f"A test that could not be compared fails. Mend the reason, or allow it: {allow}."
    if not is_failure:
        is_open = change.verdict is RegressionVerdict.UNDECIDED and change.metric == TIME.name and change.runs > 0
        return _COUNT if is_open and _may_count(case.measurement) else ""
    return _OWN_CODE if change.verdict is RegressionVerdict.WRONG_CODE else _STRICT


def _may_count(measurement: Measurement) -> bool:
    """Return whether bytecode instructions could be compared, and are not."""
    return measurement.kind.can_measure(INSTRUCTIONS) and all(
        one.metric != INSTRUCTIONS.name for one in measurement.changes
    )


def _verbs(changes: Sequence[RegressionResult]) -> str:
    """Return what to do about some numbers: `Make the code faster and reduce the function calls`."""
    worse = [one for one in changes if one.metric != TIME.name]
    nouns = {
        "reduce": [_noun(one) for one in worse if one.direction is Direction.LOWER],
        "restore": [_noun(one) for one in worse if one.direction is Direction.HIGHER],
    }
    found = ["make the code faster"] * (len(worse) < len(changes))
    found += [f"{verb} the {' and the '.join(dict.fromkeys(those))}" for verb, those in nouns.items() if those]
    text = " and ".join(found)
    return f"{text[:1].upper()}{text[1:]}"


def limit_text(change: RegressionResult) -> str:
    """Return the allowed change: `5 %`, or `5 % or +10` if the change that is always allowed is the larger one."""
    text = tolerance_text(change.limit)
    metric = METRICS.get(change.metric)
    if metric is None or change.before is None or metric.floor <= change.before * change.limit:
        return text
    sign = "+" if metric.direction is Direction.LOWER else "-"
    return f"{text} or {sign}{quantity(metric.floor, metric.unit)}"


def allowance_text(change: RegressionResult) -> str:
    """Return why a count is unchanged that differs by more than its share: `within 16.4 kB`; else an empty text."""
    metric, before, after = METRICS.get(change.metric), change.before, change.after
    if metric is None or before is None or after is None or change.verdict is not RegressionVerdict.UNCHANGED:
        return ""
    if not before * change.limit < abs(after - before) <= metric.floor:
        return ""
    noun = "" if metric.unit == "bytes" else f" {metric.unit}"
    return f"within {quantity(metric.floor, metric.unit)}{noun}"


def other_side(change: RegressionResult) -> str:
    """Return the name of the side that the head is compared with; a commit's own name may be HEAD."""
    return "base" if change.against else "baseline"


def side_name(change: RegressionResult) -> str:
    """Return the other side as a chart names it: its revision with the commit, or `baseline`."""
    revision = change.against or (f"commit {change.commit}" if change.in_pairs and change.commit else "baseline")
    is_named = not (change.against and change.commit) or change.commit in revision or revision in change.commit
    return revision if is_named else f"{revision} ({change.commit})"


def ratio_text(change: RegressionResult) -> str:
    """Return a change as a ratio: `+12 %`, or `from none` if the other side has zero; empty if it is not known."""
    ratio = math.inf if change.ratio is None and change.before == 0 and change.after else change.ratio
    return "" if ratio is None else percent(ratio)


def interval(change: RegressionResult) -> str:
    """Return the interval of a change in brackets; empty if there is none."""
    if change.lower is None or change.upper is None:
        return ""
    return f" (95 % interval {change_interval(change.lower, change.upper, change.ratio or 1)})"


def _culprits(case: Case, change: RegressionResult) -> Iterator[str]:
    """Yield the functions that explain a regression, and the costliest functions of a slow call."""
    told = set(_told_before(case, change))
    causes = {name for one in change.blamed for name in (one.function, *one.callees)}
    grown = [one for one in change.grown if (one.function, one.after) not in told and one.function not in causes]
    yield from blame_lines(change.blamed, grown, change.installed)
    graphs = case.measurement.call_graphs
    is_profiled = change.metric == TIME.name and graphs is not None and graphs.base is not None
    may_be_library = any(one.is_imported is not False for one in change.installed)
    if is_profiled and not (change.blamed or change.grown or may_be_library):
        yield NO_CULPRIT
    is_exceeded = any(one.verdict is BudgetVerdict.EXCEEDED for one in case.measurement.budgets)
    # The finding about an exceeded budget has the profile already.
    if change.metric == TIME.name and case.measurement.profile and not is_exceeded:
        yield from profile_lines(case.measurement)


def _told_before(case: Case, change: RegressionResult) -> Iterator[tuple[str, int]]:
    """Yield the functions, with their numbers of calls, that the finding on an earlier number of the test names."""
    for one in case.measurement.changes:
        if one is change:
            return
        if one.verdict is RegressionVerdict.REGRESSED:
            causes = {name for blame in one.blamed for name in (blame.function, *blame.callees)}
            yield from ((growth.function, growth.after) for growth in one.grown)
            yield from ((growth.function, growth.after) for growth in change.grown if growth.function in causes)


def _slower(ratio: float, limit: float) -> str:
    """Return how much slower a time is, with so many digits that it differs from the limit."""
    if ratio >= 2:
        return f"{times(ratio)} slower"
    if limit < ratio - 1 and round(100 * (ratio - 1), 1) <= 100 * limit:
        return (
            f"{100 * (ratio - 1):.2f} % slower" if ratio - 1 > limit + 5e-5 else f"just over {100 * limit:g} % slower"
        )
    return f"{percent(ratio).lstrip('+')} slower"


def _more(change: RegressionResult) -> str:
    noun = _noun(change)
    word = "more" if change.direction is Direction.LOWER else "fewer"
    ratio = change.badness
    if not change.ratio or math.isinf(ratio):
        return f"{word} {noun} than"
    if change.direction is Direction.LOWER and ratio >= 2:
        return f"{times(ratio)} the {noun} of"
    return f"{percent(change.ratio).lstrip('+-')} {word} {noun} than"


def _noun(change: RegressionResult) -> str:
    metric = METRICS.get(change.metric)
    return metric.words if metric is not None else change.metric


def _bars(change: RegressionResult) -> Iterator[str]:
    """Yield a bar for each side, which belong to the line with the numbers."""
    sides = {"head": change.after or 0.0, "base": change.before or 0.0}
    if most := max(sides.values()):
        yield from (f"  {name}  {bar(value / most, _CELLS)}" for name, value in sides.items())


def _time_beside(case: Case, change: RegressionResult) -> Iterator[str]:
    """Yield the comparison of the time beside the first count that regressed, if the time itself did not."""
    worse = [one for one in case.measurement.changes if one.verdict is RegressionVerdict.REGRESSED]
    time = next((one for one in case.measurement.changes if one.metric == TIME.name), None)
    if time is None or time.ratio is None or time in worse or change not in worse[:1]:
        return
    word = UNSUSPICIOUS if is_unsuspicious(case.measurement, time) else time.verdict.value
    yield f"time {word}: {percent(time.ratio)}{interval(time)}"


def _p_value(change: RegressionResult) -> Iterator[str]:
    """Yield the p-value of a time and the limit on it, because the interval alone does not decide."""
    if change.p_value is not None and change.alpha is not None:
        limit = f"alpha, shared by the tests: {odds(change.alpha)}"
        yield f"unchanged code would look so slow {odds(change.p_value)} ({limit})"


def _origin(change: RegressionResult) -> str:
    commit = f"commit {change.commit}" if change.commit else ""
    known = ", ".join(filter(None, [change.against, commit, change.date]))
    return f" ({known})" if known else ""


def _changed(change: RegressionResult) -> str:
    found = f"; {percent(change.ratio)}{interval(change)}" if change.ratio is not None else ""
    gated = "not gated" if change.verdict is RegressionVerdict.CHANGED else "compared all the same"
    return f"the test, or a fixture of it, differs from that of {change.against}, {gated}{found}"


def _fresh(change: RegressionResult) -> str:
    if change.in_pairs:
        return counted(change.runs, "fresh pair") + " of processes"
    return counted(change.runs, "fresh process", "es")


def _short_load(change: RegressionResult) -> str:
    """Return why the comparison of a load is undecided, and what a user can do."""
    longer = "make the load longer, by requests= or duration="
    if change.runs:
        return f"{_not_confirmed(change)}; {longer}"
    found = f"{percent(change.ratio or 1)}{interval(change)}"
    return f"{found} does not tell whether the limit of {100 * change.limit:g} % holds: {longer}"


def is_cleared(headline: str) -> bool:
    """Return whether a headline says no more than that a suspect was cleared."""
    return headline.startswith(_LOOKED_SLOWER)


def _not_confirmed(change: RegressionResult) -> str:
    if change.reason:
        return change.reason
    fresh = _fresh(change)
    if change.verdict is RegressionVerdict.UNDECIDED and (change.ratio or 1) > 1 + change.limit:
        found = f"{percent(change.ratio or 1)}{interval(change)}, limit {tolerance_text(change.limit)}"
        return "; ".join([f"looked slower, in {fresh} too, but that may be chance: {found}", *_p_value(change)])
    found = f"{percent(change.ratio or 1)} in {fresh}"
    if change.verdict is RegressionVerdict.UNCONFIRMED:
        return f"{_LOOKED_SLOWER} {found}"
    if change.verdict is RegressionVerdict.IMPROVED:
        return f"looked faster here, and {found}"
    return f"looked faster here, but {found}"
