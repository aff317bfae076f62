"""The wording of spans: budgets on spans, repeated queries, and the tree that shows where the time goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pytest_perfbudget.core.kinds import BENCHMARK, BODY, LOAD, PEDANTIC, TIMER
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import SPAN_COUNT, SPAN_SHARE
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.facts import SpanFacts
from pytest_perfbudget.core.spans.shares import SpanShare
from pytest_perfbudget.core.spans.tree import SpanNode
from pytest_perfbudget.report.numbers import counted, quantity, share_text, three_digits

_MOST_LINES: Final = 12
_LEAST_SHARE: Final = 0.01
_LEAST_CAUSE: Final = 0.1
"""The share of a span's time from which a cause is named."""
CAUSES: Final = (
    "CPU",
    "other threads computing",
    "other processes computing",
    "no free CPU",
    "I/O or sleep",
    "waiting for an unknown cause",
)
"""The words for the causes, in the order of `Causes`: what was seen, because a busy thread may be no cause."""
_FEWEST: Final = 20
"""The fewest executions for a statement about their variation."""
_MOST_OF_VARIANCE: Final = 0.3

_WHOLES: Final = {LOAD: "request", TIMER: "block"}

_ONE_QUERY: Final = (
    "Make one query of the repeated ones, or raise the limit at the place that the failure names if that is intended."
)
_LESS_OFTEN: Final = "Do this less often, or raise the limit at the place that the failure names if that is intended."


def whole_of(measurement: Measurement) -> str:
    """Return the word for the whole that the spans of a measurement are parts of."""
    return _WHOLES.get(measurement.kind, "execution")


def exceeded_text(measurement: Measurement, budget: BudgetResult) -> str:
    """Return the finding that the spans of a name exceed their budget, in one sentence."""
    whole = whole_of(measurement)
    used = share_text(budget.used or 0)
    if budget.metric == SPAN_COUNT.name:
        number = counted(int(budget.estimate or 0), "span")
        over = f"over the budget of {budget.limit:,.0f} ({used})" if budget.limit else "and no such span is allowed"
        return f"{number} of {budget.span} in one {whole}, {over}"
    if budget.metric == SPAN_SHARE.name:
        share, limit = _numbers(budget)
        an = "an" if whole.startswith("e") else "a"
        return f"{budget.span} takes {share} of the time of {an} {whole}, over its budget of {limit} ({used})"
    estimate, limit = _numbers(budget)
    return f"{budget.label} {estimate} exceeds its budget of {limit} ({used})"


def _numbers(budget: BudgetResult) -> tuple[str, str]:
    """Return the estimate and the limit."""
    estimate = budget.estimate or 0
    return quantity(estimate, budget.unit, beside=budget.limit), quantity(budget.limit, budget.unit, beside=estimate)


def undecided_text(measurement: Measurement, budget: BudgetResult) -> str:
    """Return the reason why a budget on spans is undecided, and the remedy."""
    # The spans of a benchmark come from rounds of the plugin.
    more = (BODY if measurement.kind in (BENCHMARK, PEDANTIC) else measurement.kind).more_samples
    needs, had = budget.needs_rounds or 0, budget.rounds
    side = "above" if (budget.used or 0) > 1 else "below"
    if had < needs:
        what = whole_of(measurement) if budget.metric == SPAN_SHARE.name else "span"
        return f"{budget.label} needs {needs} {what}s, had {had}, and the estimate lies {side} the limit: {more}"
    return f"{budget.label}: too few spans to be sure, the estimate lies {side} the limit: {more}"


def amount_text(measurement: Measurement, budget: BudgetResult) -> str:
    """Return the amount of data behind a number: `1,953 spans of 217 executions`."""
    number = budget.rounds if measurement.spans is None else measurement.spans.executions
    executions = f"{number:,} {whole_of(measurement)}{'s' if number != 1 else ''}"
    if budget.metric in (SPAN_COUNT.name, SPAN_SHARE.name):
        return executions
    independent = min(budget.effective or 0.0, budget.rounds)
    effective = f", which say as much as {independent:,.0f} independent spans," if budget.effective is not None else ""
    return f"{budget.rounds:,} spans of {executions}{effective}"


def fewer_text(budget: BudgetResult) -> str:
    """Return the remedy for too many spans: repeated queries may become a single query, and other work may not."""
    most = budget.repeats[0]
    return _ONE_QUERY if most.statement and most.count > 1 else _LESS_OFTEN


def repeat_lines(budget: BudgetResult) -> Iterator[str]:
    """Yield the queries or other spans that one execution makes again and again, each with its line."""
    repeated = [one for one in budget.repeats if one.count > 1]
    for one in repeated or budget.repeats:
        yield f"{one.count:,} x {one.statement or budget.span}"
        if one.site:
            yield f"  at {one.site}"


class TreeRow(NamedTuple):
    """A line of the tree of spans.

    Attributes:
        depth: the number of spans around the span.
        name: the name of the span; for the time of several lines or of none, the words for it.
        note: how often the span runs and whether it computes or waits; empty if there is nothing to say.
        own: the share of the time without the spans in it.
        all: the share of the time with the spans in it; None for the time of several lines or of none.
    """

    depth: int
    name: str
    note: str
    own: float
    all: float | None = None


def tree_heading(facts: SpanFacts, noun: str) -> str:
    """Return the heading of a tree, without its colon."""
    mean = quantity(facts.mean_ns, "ns")
    return f"Where the time goes, by span, in the mean of {counted(facts.executions, noun)} of {mean}"


def tree_rows(facts: SpanFacts, *, most: int) -> list[TreeRow]:
    """Return the lines of a tree, whose own shares add up to the whole; none without spans.

    Args:
        facts: the spans.
        most: the most spans that have lines of their own.
    """
    whole = facts.mean_ns * facts.executions
    if not (whole and facts.nodes):
        return []
    shown = [one for one in facts.nodes if one.total_ns >= _LEAST_SHARE * whole][:most]
    rows = [
        TreeRow(len(one.path) - 1, one.path[-1], _node_note(one, facts), one.self_ns / whole, one.total_ns / whole)
        for one in shown
    ]
    kept = {one.path for one in shown}
    hidden = [one for one in facts.nodes if one.path not in kept]
    if hidden:
        own = sum(one.self_ns for one in hidden) / whole
        rows.append(TreeRow(0, counted(len(hidden), "smaller line"), "", own))
    return [*rows, TreeRow(0, "outside all spans", "", facts.unattributed_ns / whole)]


def tree_lines(facts: SpanFacts, noun: str, *, most: int = _MOST_LINES) -> Iterator[str]:
    """Yield the tree of spans with its heading; the own shares of all lines add up to the whole.

    Args:
        facts: the spans.
        noun: the result of `whole_of`.
        most: the most lines of the tree.
    """
    rows = tree_rows(facts, most=most)
    if not rows:
        return
    yield f"{tree_heading(facts, noun)}:"
    yield "  own   all"
    for row in rows:
        share = "    " if row.all is None else f"{row.all:4.0%}"
        yield f"  {row.own:4.0%}  {share}  {'  ' * row.depth}{', '.join(filter(None, [row.name, row.note]))}"
    yield from (f"  {text}" for text in closing_texts(facts, noun))


def lost_text(facts: SpanFacts, noun: str) -> str:
    """Return the reason why a measurement has no tree although spans were recorded, and the remedy.

    Args:
        facts: the spans.
        noun: the result of `whole_of`.
    """
    found = counted(facts.lost, "span")
    return f"no spans: {found} without the trace of a {noun}: send headers(), and adopt them with continued()"


def _node_note(node: SpanNode, facts: SpanFacts) -> str:
    each = node.count / facts.executions
    times = "" if each == 1 else f"{three_digits(each)} times"
    causes = "" if node.causes is None else causes_text(node.causes, is_cpu_known=node.cpu_ns is not None)
    return ", ".join(filter(None, [times, causes]))


def causes_text(causes: Causes, *, is_cpu_known: bool = True) -> str:
    """Return what time went to, the largest cause first: `I/O or sleep 85%, CPU 15%`; empty without any time."""
    whole = sum(causes)
    if not is_cpu_known:
        return "cause unknown" if whole else ""
    shares = [(part / whole, words) for part, words in zip(causes, CAUSES, strict=True) if whole]
    named = sorted((one for one in shares if one[0] >= _LEAST_CAUSE), key=lambda one: -one[0])
    return ", ".join(f"{words} {share:.0%}" for share, words in named)


def closing_texts(facts: SpanFacts, noun: str) -> list[str]:
    """Return the sentences below a tree: what the whole time went to, and what makes some executions slower."""
    return [text for text in (_whole_text(facts, noun), _variance_text(facts, noun)) if text]


def _whole_text(facts: SpanFacts, noun: str) -> str:
    """Return what the time of the whole went to; empty if that is not known."""
    if facts.causes is None or not sum(facts.causes):
        return ""
    return f"The time of {'an' if noun.startswith('e') else 'a'} {noun}: {causes_text(facts.causes)}."


def _variance_text(facts: SpanFacts, noun: str) -> str:
    """Return the sentence about the spans that make some executions slower than others; empty if none stands out."""
    if facts.executions < _FEWEST:
        return ""
    found = [one for one in facts.shares if (one.of_variance or 0.0) >= _MOST_OF_VARIANCE]
    found.sort(key=lambda one: -(one.of_variance or 0.0))
    named = ", then ".join(map(_varying, found))
    return f"Slow {noun}s differ from fast ones by {named}." if named else ""


def _varying(one: SpanShare) -> str:
    correlation = "" if one.rank_correlation is None else f", rank correlation {one.rank_correlation:.2f}"
    return f"{one.name or 'time outside all spans'} ({one.of_variance:.0%} of the variance{correlation}{_mostly(one)})"


def _mostly(one: SpanShare) -> str:
    """Return the cause that most of the time of a name has; empty if there is no such cause."""
    if one.causes is None:
        return ""
    known = list(zip(one.causes, CAUSES, strict=True))[:-1]
    found = [words for part, words in known if part > sum(one.causes) / 2]
    return f"; mostly {found[0]}" if found else ""
