"""The policy of the base: limits that a pull request loosens, and the limits of the base in their place.

Without this policy a pull request could be slower and allow itself to be slower. Both sides are read in the same way,
from their tables and their test files, so that a limit that cannot be read there differs on neither side.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.limits import RegressionTolerance
from pytest_perfbudget.core.loosening import COUNTING, OF_BASE, Loosening
from pytest_perfbudget.core.metrics import INSTRUCTIONS, KEYWORDS, SPAN_COUNT, SPAN_SHARE
from pytest_perfbudget.core.precedence import EffectiveLimits, limits_from_dict
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.span_budgets import SPAN_KEYWORDS, SpanBudget

_NONE: Final = "no limit"
_REQUIREMENTS: Final = ("", "conditional", "ready")
"""The values of the setting `require`, the strictest last."""


@dataclass(frozen=True, slots=True)
class LoosenedLimits:
    """The limits of the base that a pull request loosens for one measurement.

    Attributes:
        found: each loosened limit, for readers.
        tolerance: the base's tolerance; None if it is not loosened.
        unmeasured: the base's setting `unmeasured`; empty if it is not loosened.
        max_drift: the base's largest drift; None if it is not loosened.
        max_time_ns: the base's measuring time, if the head has less; 0 if it does not.
        budgets: the base's budgets that are loosened or removed.
        spans: the base's budgets on spans that are loosened or removed.
        count_instructions: whether the base compares bytecode instructions, and the head does not.
        pin: whether the base compares on one CPU, and the head on all.
    """

    found: Sequence[Loosening] = ()
    tolerance: RegressionTolerance | None = None
    unmeasured: str = ""
    max_drift: RegressionTolerance | None = None
    max_time_ns: int = 0
    budgets: Sequence[Budget] = ()
    spans: Sequence[SpanBudget] = ()
    count_instructions: bool = False
    pin: bool = False


def loosened_limits(head: EffectiveLimits, base: EffectiveLimits, unreadable: Collection[str] = ()) -> LoosenedLimits:
    """Return the limits of the base that the head loosens.

    Args:
        head: the limits of the head.
        base: the limits of the base.
        unreadable: the keywords whose values could not be read on the side of the base, which say nothing.
    """
    found: list[Loosening] = []
    tolerance, unmeasured, max_drift, max_time_ns = None, "", None, 0
    if head.max_regression.share > base.max_regression.share and "max_regression" not in unreadable:
        tolerance = base.max_regression
        found.append(_loosened_share("max_regression", tolerance, head.max_regression))
    if (base.unmeasured, head.unmeasured) == ("fail", "warn") and "unmeasured" not in unreadable:
        unmeasured = "fail"
        found.append(Loosening("unmeasured = fail", "warn", ""))
    if base.max_drift and _drifts_further(head.max_drift, base.max_drift) and "max_drift" not in unreadable:
        max_drift = base.max_drift
        found.append(_loosened_share("max_drift", max_drift, head.max_drift))
    # Less time leaves slowdowns undecided.
    if head.max_time_ns < base.max_time_ns and "max_time" not in unreadable:
        max_time_ns = base.max_time_ns
        before, after = (f"{one.max_time_ns / 1e9:g} s" for one in (base, head))
        found.append(Loosening(f"max_time = {before}", after, ""))
    known = {KEYWORDS[one][0] for one in unreadable if one in KEYWORDS}
    count_instructions = base.count_instructions and not head.count_instructions
    count_instructions &= "count_instructions" not in unreadable
    # A limit on instructions asks for the comparison, too, and is listed with the budgets.
    if count_instructions and not any(one.metric is INSTRUCTIONS for one in base.budgets):
        found.append(Loosening(COUNTING, "false", ""))
    # On all CPUs, threads hide how much a call computes, and moves between CPUs leave slowdowns undecided.
    pin = base.pin and not head.pin and "pin" not in unreadable
    if pin:
        found.append(Loosening("pin = true", "false", ""))
    budgets = [one for one in _worse(head.budgets, base.budgets) if one[0].metric not in known]
    found += [_loosened_budget(mine, theirs) for theirs, mine in budgets]
    spans = [] if "spans" in unreadable else list(_worse_spans(head.spans, base.spans))
    found += [_loosened_budget(mine, theirs.budget, theirs.span) for theirs, mine in spans]
    return LoosenedLimits(
        found,
        tolerance,
        unmeasured,
        max_drift,
        max_time_ns,
        budgets=[one for one, _ in budgets],
        spans=[one for one, _ in spans],
        count_instructions=count_instructions,
        pin=pin,
    )


def with_unread(read: EffectiveLimits, known: EffectiveLimits, unreadable: Collection[str]) -> EffectiveLimits:
    """Return the limits that were read in a text, completed by those whose values the text does not have.

    Args:
        read: the limits in the text.
        known: the limits that the session knows.
        unreadable: the keywords whose values the text does not have.
    """
    metrics = {KEYWORDS[one][0] for one in unreadable if one in KEYWORDS}
    budgets = [one for one in read.budgets if one.metric not in metrics]
    return replace(
        read,
        max_regression=known.max_regression if "max_regression" in unreadable else read.max_regression,
        unmeasured=known.unmeasured if "unmeasured" in unreadable else read.unmeasured,
        max_drift=known.max_drift if "max_drift" in unreadable else read.max_drift,
        max_time_ns=known.max_time_ns if "max_time" in unreadable else read.max_time_ns,
        budgets=[*budgets, *(one for one in known.budgets if one.metric in metrics)],
        spans=known.spans if "spans" in unreadable else read.spans,
        pin=known.pin if "pin" in unreadable else read.pin,
        count_instructions=known.count_instructions
        if "count_instructions" in unreadable or INSTRUCTIONS in metrics
        else read.count_instructions,
    )


def loosened_at_run_time(
    head: Mapping[str, Any], base: Mapping[str, Any], known: Iterable[Loosening]
) -> list[Loosening]:
    """Return the limits that the head loosens, as processes of both sides know them, and that are not known yet.

    Args:
        head: the limits of the head's process, see `precedence.limits_to_dict`; empty if they are not known.
        base: the limits of the base's process.
        known: the loosened limits that are known.
    """
    if not (head and base):
        return []
    held_ones = {one.base for one in known}
    found = loosened_limits(limits_from_dict(head), limits_from_dict(base)).found
    return [replace(one, is_held=False) for one in found if one.base not in held_ones]


def held(limits: EffectiveLimits, loosened: LoosenedLimits) -> EffectiveLimits:
    """Return limits with those of the base in the place of looser ones."""
    tolerance = limits.max_regression
    if loosened.tolerance is not None and loosened.tolerance.share < tolerance.share:
        tolerance = replace(loosened.tolerance, source=f"{loosened.tolerance.source}{OF_BASE}")
    max_drift = limits.max_drift
    if loosened.max_drift is not None and _drifts_further(max_drift, loosened.max_drift):
        max_drift = replace(loosened.max_drift, source=f"{loosened.max_drift.source}{OF_BASE}")
    tighter = {theirs.metric: theirs for theirs, _ in _worse(limits.budgets, loosened.budgets)}
    budgets = [one for one in limits.budgets if one.metric not in tighter]
    tight_spans = {(one.span, one.budget.metric): one for one, _ in _worse_spans(limits.spans, loosened.spans)}
    spans = [one for one in limits.spans if (one.span, one.budget.metric) not in tight_spans]
    return replace(
        limits,
        max_regression=tolerance,
        unmeasured=loosened.unmeasured or limits.unmeasured,
        max_drift=max_drift,
        max_time_ns=max(limits.max_time_ns, loosened.max_time_ns),
        budgets=[*budgets, *(_of_base(one) for one in tighter.values())],
        spans=(*spans, *(replace(one, budget=_of_base(one.budget)) for one in tight_spans.values())),
        count_instructions=limits.count_instructions or loosened.count_instructions,
        pin=limits.pin or loosened.pin,
    )


def held_settings(head: Settings, base: Settings) -> tuple[Settings, list[Loosening]]:
    """Return the settings of the head, with those settings of the base that the head loosens for a whole session.

    A shorter `max_time` of the table does not hold either, and is a loosened limit of each measurement.
    """
    found = []
    if base.strict and not head.strict:
        found.append(Loosening("strict = true", "false", "[tool.perfbudget]"))
    if _REQUIREMENTS.index(head.require) < _REQUIREMENTS.index(base.require):
        found.append(Loosening(f"require = {base.require}", head.require or "no readiness", "[tool.perfbudget]"))
    if (base.duet.changed_tests, head.duet.changed_tests) == ("gate", "skip"):
        found.append(Loosening("changed_tests = gate", "skip", "[tool.perfbudget.duet]"))
    changed_tests = "gate" if base.duet.changed_tests == "gate" else head.duet.changed_tests
    # A smaller alpha leaves slowdowns undecided.
    if head.alpha < base.alpha:
        found.append(Loosening(f"alpha = {base.alpha:g}", f"{head.alpha:g}", "[tool.perfbudget]"))
    # A smaller confidence lets a budget hold by chance.
    if head.confidence < base.confidence:
        found.append(Loosening(f"confidence = {base.confidence:g}", f"{head.confidence:g}", "[tool.perfbudget]"))
    # Another anchor, or another history, may know nothing of the drift since the anchor of the base.
    held_history: dict[str, Any] = {}
    for name in ("anchor", "history") if base.anchor else ():
        before, after = getattr(base, name), getattr(head, name)
        if before and after != before:
            held_history[name] = before
            found.append(Loosening(f"{name} = {before}", after or "none", "[tool.perfbudget]"))
    # A shorter history forgets the sessions of the anchor.
    if base.anchor and head.history_days < base.history_days:
        held_history["history_days"] = base.history_days
        found.append(Loosening(f"history_days = {base.history_days}", f"{head.history_days}", "[tool.perfbudget]"))
    # These keys shape the base itself: its command could copy the pull request's code.
    shaping = {name: (getattr(base.duet, name), getattr(head.duet, name)) for name in ("mode", "tests_from", "setup")}
    found += [
        Loosening(f"{name} = {theirs or 'none'}", mine or "none", "[tool.perfbudget.duet]")
        for name, (theirs, mine) in shaping.items()
        if mine != theirs
    ]
    settings = replace(
        head,
        strict=head.strict or base.strict,
        require=max(head.require, base.require, key=_REQUIREMENTS.index),
        alpha=max(head.alpha, base.alpha),
        confidence=max(head.confidence, base.confidence),
        max_time_ns=max(head.max_time_ns, base.max_time_ns),
        **held_history,
        duet=replace(base.duet, changed_tests=changed_tests),
    )
    return settings, found


def _worse(head: Iterable[Budget], base: Iterable[Budget]) -> Iterator[tuple[Budget, Budget | None]]:
    """Yield each budget of the base with the head's, if the head's allows more or is missing."""
    mine = {one.metric: one for one in head}
    for theirs in base:
        own = mine.get(theirs.metric)
        if own is None or theirs.metric.is_worse(own.limit, theirs.limit):
            yield theirs, own


def _worse_spans(head: Iterable[SpanBudget], base: Iterable[SpanBudget]) -> Iterator[tuple[SpanBudget, Budget | None]]:
    mine = {(one.span, one.budget.metric): one.budget for one in head}
    for theirs in base:
        own = mine.get((theirs.span, theirs.budget.metric))
        if own is None or theirs.budget.metric.is_worse(own.limit, theirs.budget.limit):
            yield theirs, own


def _of_base(budget: Budget) -> Budget:
    return replace(budget, source=f"{budget.source}{OF_BASE}")


def _drifts_further(head: RegressionTolerance | None, base: RegressionTolerance) -> bool:
    """Return whether the head allows more drift than the base; None allows any drift."""
    return head is None or head.share > base.share


def _loosened_share(keyword: str, base: RegressionTolerance, head: RegressionTolerance | None) -> Loosening:
    # A source such as `max_regression = '9%' of pyproject.toml [tool.perfbudget]` has the value before the place.
    source = (head or base).source
    after = _NONE if head is None else f"{100 * head.share:g} %"
    return Loosening(f"{keyword} = {100 * base.share:g} %", after, source.partition(" of ")[2] or source)


def _loosened_budget(head: Budget | None, base: Budget, span: str = "") -> Loosening:
    source = base.source if head is None else head.source
    after = _NONE if head is None else _written(head)
    if head is not None and head.keyword == base.keyword:
        after = after.rpartition(" = ")[2]
    return Loosening(f"{f'spans {span!r} ' if span else ''}{_written(base)}", after, source)


def _written(budget: Budget) -> str:
    """Return a budget as users write it."""
    is_span = budget.metric in (SPAN_COUNT, SPAN_SHARE)
    _, factor = SPAN_KEYWORDS[budget.keyword] if is_span else KEYWORDS[budget.keyword]
    return f"{budget.keyword} = {budget.limit / factor:g}"
