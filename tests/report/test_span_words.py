"""The words about spans: exceeded and undecided budgets, and the tree that shows where the time goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from results import budget, change, measurement
from traces import span

from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import BudgetVerdict, Repeat
from pytest_perfbudget.core.run_result import RunResult, SessionFacts
from pytest_perfbudget.core.spans import Execution
from pytest_perfbudget.core.spans.changes import ComponentChange, SpanComparison
from pytest_perfbudget.core.spans.facts import SpanFacts
from pytest_perfbudget.core.spans.series import SpanStore
from pytest_perfbudget.report.findings import failure_text, note_lines, worded
from pytest_perfbudget.report.formats import markdown
from pytest_perfbudget.report.formats.terminal import Layout, render, render_spans
from pytest_perfbudget.report.spans import tree_lines

MS = 1_000_000


def facts(executions: int = 20, *, is_whole_known: bool = True) -> SpanFacts:
    """Return the facts about executions of 10 to 20 ms, in which queries make the difference."""
    store = SpanStore()
    for number in range(executions):
        wait = number % 11 * MS
        page = span("page", 0, 8 * MS + wait, id=1, cpu_ns=7 * MS)
        queries = [
            span("query", MS, 2 * MS, id=2, parent=1, cpu_ns=0, waits=(2 * MS, 0, 0)),
            span("query", 3 * MS, wait, id=3, parent=1, cpu_ns=0, waits=(0, 0, 0)),
        ]
        spans = [page, *queries, span("log", 9 * MS + wait, 1_000, id=4)]
        store.add(Execution(0, 10 * MS + wait, spans, 9 * MS if is_whole_known else None, (2 * MS, 0, MS)))
    return SpanFacts.of(store)


def text(verdict: BudgetVerdict, **changed: Any) -> list[str]:
    """Return headline, evidence and remedy of a budget on the spans `query`."""
    given: dict[str, Any] = {"span": "query", "source": 'the marker spans "query"', **changed}
    (finding,) = worded(find([measurement(budget(verdict, **given), spans=facts(3))], Policy()), alpha=0.01)
    return [finding.headline, *finding.evidence, finding.remedy]


COUNT: dict[str, Any] = {
    "metric": "count", "keyword": "max_count", "unit": "spans", "limit": 3.0, "estimate": 8.0, "lower": 8.0, "upper": 8.0,
    "needs_rounds": None,
}  # fmt: skip
SHARE: dict[str, Any] = {
    "metric": "share", "keyword": "max_share", "unit": "%", "limit": 50.0, "estimate": 82.0, "lower": 81.5, "upper": 84.0,
    "needs_rounds": 5,
}  # fmt: skip


def test_the_tree_adds_up_and_says_what_makes_executions_slow() -> None:
    assert list(tree_lines(facts(), "execution")) == [
        "Where the time goes, by span, in the mean of 20 executions of 14.6 ms:",
        "  own   all",
        "   41%   86%  page, CPU 56%, waiting for an unknown cause 44%",
        "   45%   45%    query, 2 times, I/O or sleep 69%, other threads computing 31%",
        "    0%        1 smaller line",
        "   14%        outside all spans",
        "  The time of an execution: CPU 62%, I/O or sleep 20%, other threads computing 12%.",
        "  Slow executions differ from fast ones by query (100% of the variance, rank correlation 1.00; mostly I/O or sleep).",
    ]


def test_of_requests_that_share_a_thread_the_whole_has_no_causes() -> None:
    lines = list(tree_lines(facts(is_whole_known=False), "request"))
    assert not any("The time of a request" in line for line in lines)


def test_a_span_without_cpu_time_has_an_unknown_cause() -> None:
    """As blocks in coroutines, and spans of OpenTelemetry."""
    store = SpanStore()
    store.add(Execution(0, 10 * MS, [span("page", 0, 10 * MS)]))
    assert "  100%  100%  page, cause unknown" in tree_lines(SpanFacts.of(store), "execution")


def test_few_executions_say_nothing_about_their_variation() -> None:
    assert not any("Slow executions" in line for line in tree_lines(facts(19), "execution"))


def test_without_spans_there_is_no_tree() -> None:
    assert list(tree_lines(SpanFacts(0, 0.0, 0.0), "execution")) == []


def test_a_count_names_the_repeated_queries() -> None:
    repeats = (Repeat("SELECT ?", 7, "shop.py:12, called from shop.py:40"), Repeat("BEGIN", 1, "shop.py:3"))
    found = text(BudgetVerdict.EXCEEDED, **COUNT, repeats=repeats)
    assert found[:5] == [
        "8 spans of query in one execution, over the budget of 3 (2.67x)",
        "as observed; 3 executions",
        'limit max_count=3 from the marker spans "query"',
        "7 x SELECT ?",
        "  at shop.py:12, called from shop.py:40",
    ]
    assert found[5].startswith("Where the time goes, by span")
    assert found[-1].startswith("Make one query of the repeated ones")


def test_a_single_span_where_none_is_allowed() -> None:
    limits = {**COUNT, "limit": 0.0, "estimate": 1.0}
    assert text(BudgetVerdict.EXCEEDED, **limits)[0] == "1 span of query in one execution, and no such span is allowed"


HOSTILE = "q\x1b[2J\nFAILED a.py::test_other \ud800 | <b>"
ESCAPED = r"q\x1b[2J\nFAILED a.py::test_other \ud800 | <b>"


def test_no_name_or_statement_breaks_a_line_or_steers_the_terminal() -> None:
    """Another process may send any name."""
    store = SpanStore()
    store.add(Execution(0, 10, [span(HOSTILE, 0, 10)]))
    group = ErrorGroup("OSError\x07", "no\x1b]0;x\x07 answer\u2028next", 5, 5, count=3)
    exceeded = budget(span=HOSTILE, **COUNT, repeats=(Repeat(HOSTILE, 8, "shop\n.py:3"),))
    errors = budget(metric="error_rate", keyword="max_error_rate", unit="%")
    whole = ComponentChange("", 1e6, 2e6, 9e5, 11e5)
    moved = change(components=SpanComparison(whole, [replace(whole, name=HOSTILE)], 8, is_typical=True))
    one = measurement(
        exceeded, errors, moved, budget(span=HOSTILE, verdict=BudgetVerdict.WITHIN), kind=LOAD,
        spans=SpanFacts.of(store), errors=[group], nodeid="a.py::test", name="load",
    )  # fmt: skip
    findings = worded(find([one], Policy()), alpha=0.01)
    result = RunResult(SessionFacts(), None, [one], findings)
    texts = [
        failure_text(findings, with_test=True),
        "\n".join(note_lines(findings)),
        render(result, Layout(width=200, verbosity=1)),
        render_spans(result),
        markdown.render(result),
    ]
    for text in texts:
        assert all(line.isprintable() for line in text.split("\n"))
        assert not any(line.startswith("FAILED") for line in text.split("\n"))
    assert f"8 spans of {ESCAPED} in one request" in texts[0]
    assert r"3 x OSError\x07: no\x1b]0;x\x07 answer\u2028next" in texts[0]
    assert ESCAPED in texts[3]
    assert "<b>" not in texts[4].partition("### ")[2].rpartition("```")[2]


def test_a_name_of_printable_letters_stays_as_it_is() -> None:
    name = "GET /bücher/{id} Liste"
    assert f"8 spans of {name} in one execution" in text(BudgetVerdict.EXCEEDED, **{**COUNT, "span": name})[0]


def test_the_line_that_repeats_a_query_is_named_before_the_line_that_makes_it_once() -> None:
    query = "SELECT n FROM u WHERE id = ?"
    repeats = (Repeat(query, 20, "shop.py:9, called from shop.py:13"), Repeat(query, 5, "shop.py:30"), Repeat(query, 1))
    found = text(BudgetVerdict.EXCEEDED, **COUNT, repeats=repeats)
    assert found[3:7] == [f"20 x {query}", "  at shop.py:9, called from shop.py:13", f"5 x {query}", "  at shop.py:30"]
    assert not any(line.startswith("1 x") for line in found)


@pytest.mark.parametrize("repeat", [Repeat("", 40, "shop.py:9"), Repeat("SELECT ?", 1, "shop.py:9")])
def test_only_repeated_queries_are_to_become_a_single_query(repeat: Repeat) -> None:
    found = text(BudgetVerdict.EXCEEDED, **COUNT, repeats=(repeat,))
    assert found[3:5] == [f"{repeat.count} x {repeat.statement or 'query'}", "  at shop.py:9"]
    assert (
        found[-1] == "Do this less often, or raise the limit at the place that the failure names if that is intended."
    )


def test_a_share_is_a_share_of_the_time() -> None:
    assert text(BudgetVerdict.EXCEEDED, **SHARE)[:3] == [
        "query takes 82 % of the time of an execution, over its budget of 50 % (164%)",
        "query share lies above 81.5 % (99 % sure); 3 executions",
        'limit max_share=0.5 from the marker spans "query"',
    ]


@pytest.mark.parametrize(
    ("changed", "headline"),
    [
        ({"rounds": 20}, "query p95 needs 59 spans, had 20, and the estimate lies above the limit: raise max_time"),
        ({"rounds": 80}, "query p95: too few spans to be sure, the estimate lies above the limit: raise max_time"),
        (
            {**SHARE, "rounds": 2},
            "query share needs 5 executions, had 2, and the estimate lies above the limit: raise max_time",
        ),
    ],
)
def test_an_undecided_budget_says_what_is_missing(changed: dict[str, Any], headline: str) -> None:
    assert text(BudgetVerdict.UNDECIDED, **changed)[0] == headline


def test_spans_that_depend_on_each_other_say_how_much_they_say() -> None:
    found = text(BudgetVerdict.EXCEEDED, rounds=1_530, effective=719.0)
    assert found[1].endswith("; 1,530 spans of 3 executions, which say as much as 719 independent spans")


def test_the_spans_of_a_load_are_parts_of_requests() -> None:
    found = measurement(budget(span="query", **SHARE), kind=LOAD, spans=facts(20))
    (finding,) = worded(find([found], Policy()), alpha=0.01)
    assert finding.headline == "query takes 82 % of the time of a request, over its budget of 50 % (164%)"
    assert finding.evidence[0].endswith("; 20 requests in 4.40 s")
    assert finding.evidence[2].startswith("Where the time goes, by span, in the mean of 20 requests of")
    assert finding.evidence[-1].startswith("  Slow requests differ from fast ones by query")
