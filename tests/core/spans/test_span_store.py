"""The spans of all executions: the tree, the series of each name, and what is kept of very many."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from traces import executions, span

from pytest_perfbudget.core.spans import OTHERS, Execution
from pytest_perfbudget.core.spans.facts import SpanFacts
from pytest_perfbudget.core.spans.names import covers
from pytest_perfbudget.core.spans.series import MOST_NAMES, SpanStore
from pytest_perfbudget.core.spans.shares import shares_of, spearman
from pytest_perfbudget.core.spans.tree import MOST_DEEP, MOST_PATHS


def store_of(*made: Execution, watched: Sequence[str] = ()) -> SpanStore:
    store = SpanStore(watched)
    for one in made:
        store.add(one)
    return store


QUERY = span("query", 10, 30, id=2, parent=1, cpu_ns=6)
PAGE = span("page", 0, 80, id=1, cpu_ns=50)


class TestTree:
    def test_names_are_added_up_by_their_path(self) -> None:
        alone = span("query", 80, 10, id=3, cpu_ns=4)
        nodes = store_of(Execution(0, 100, [QUERY, alone, PAGE])).tree.nodes()
        found = [(one.path, one.count, one.total_ns, one.self_ns, one.cpu_ns) for one in nodes]
        assert found == [
            (("page",), 1, 80, 50, 50),
            (("page", "query"), 1, 30, 30, 6),
            (("query",), 1, 10, 10, 4),
        ]

    def test_waiting_is_the_time_without_cpu(self) -> None:
        page, query = store_of(Execution(0, 100, [QUERY, PAGE])).tree.nodes()
        assert [page.waiting, query.waiting] == pytest.approx([0.375, 0.8])

    def test_one_span_without_cpu_time_makes_waiting_unknown(self) -> None:
        remote = span("query", 50, 10, id=3, parent=1)
        _, query = store_of(Execution(0, 100, [QUERY, PAGE, remote])).tree.nodes()
        assert query.cpu_ns is None
        assert query.waiting is None

    def test_recursion_and_names_with_ids_keep_the_tree_small(self) -> None:
        deep = [span("deep", 0, 10, id=place, parent=place - 1) for place in range(1, 200)]
        wide = [span(f"GET /{place}", 0, 10, id=place) for place in range(2 * MOST_PATHS)]
        nodes = store_of(Execution(0, 10, deep), Execution(0, 10, wide)).tree.nodes()
        assert len(nodes) <= MOST_PATHS + 1
        assert max(len(one.path) for one in nodes) == MOST_DEEP
        assert any(one.path == (OTHERS,) for one in nodes)

    @given(st.lists(executions(), max_size=4))
    def test_self_times_add_up_over_all_executions(self, made: list[Execution]) -> None:
        tree = store_of(*made).tree
        parts = [*(one.self_ns for one in tree.nodes()), tree.unattributed_ns]
        assert math.fsum(parts) == pytest.approx(sum(one.total_ns for one in made))


class TestSeries:
    def test_an_execution_without_a_span_counts_zero(self) -> None:
        series = store_of(Execution(0, 9), Execution(0, 100, [QUERY, PAGE]), Execution(0, 9)).series("query")
        assert series is not None
        assert list(series.counts) == [0, 1, 0]
        assert list(series.covered_ns) == [0, 30, 0]
        assert list(series.durations.sequence) == [30]

    def test_a_name_that_was_never_recorded_has_no_series(self) -> None:
        assert store_of(Execution(0, 9)).series("query") is None

    def test_nested_spans_of_a_name_cover_their_time_once(self) -> None:
        inner = span("query", 20, 10, id=3, parent=2)
        series = store_of(Execution(0, 100, [QUERY, inner])).series("query")
        assert series is not None
        assert list(series.covered_ns) == [30]
        assert list(series.self_ns) == [30]

    def test_a_generator_covers_the_time_in_which_it_runs(self) -> None:
        rows = span("query", 10, 30, active_ns=[0, 10, 60, 80])
        series = store_of(Execution(0, 80, [rows])).series("query")
        assert series is not None
        assert list(series.covered_ns) == [20]  # the execution ends before the generator
        assert list(series.durations.sequence) == [30]

    def test_the_statements_of_the_execution_with_the_most_spans_are_kept(self) -> None:
        def query(number: int, text: str) -> Execution:
            return Execution(
                0, 9, [span("query", 0, 1, id=1 + n, attributes={"statement": text}) for n in range(number)]
            )

        store = store_of(query(2, "few"), query(5, "many"), query(3, "some"), watched=["query"])
        series = store.series("query")
        assert series is not None
        assert (series.most, series.statements) == (5, {("many", ""): 5})

    def test_names_with_ids_are_counted_together(self) -> None:
        store = store_of(
            Execution(0, 9, [span(f"GET /{place}", 0, 1, id=place + 1) for place in range(2 * MOST_NAMES)])
        )
        assert len(store.names) == MOST_NAMES + 1
        others = store.series(OTHERS)
        assert others is not None
        assert list(others.counts) == [MOST_NAMES]

    def test_a_limited_name_has_numbers_of_its_own_among_any_number_of_names(self) -> None:
        spans = [span(f"GET /{place}", 0, 1, id=place + 1) for place in range(2 * MOST_NAMES)]
        store = SpanStore((), ["GET /399"])
        store.add(Execution(0, 9, spans))
        assert store.series("GET /398") is None
        assert store.series("GET /399") is not None

    def test_a_pattern_counts_all_names_that_it_covers(self) -> None:
        names = ["SELECT shop", "SELECT user", "INSERT shop", "SELECT shop"]
        store = SpanStore(["SELECT *"])
        store.add(Execution(0, 9))
        store.add(Execution(0, 9, [span(name, at, 1, id=at + 1) for at, name in enumerate(names)]))
        series = store.series("SELECT *")
        assert series is not None
        assert (list(series.counts), series.most, series.statements) == ([0, 3], 3, {("", ""): 3})
        assert store.names == ["SELECT shop", "SELECT user", "INSERT shop"]
        assert store.series("DELETE *") is None

    @pytest.mark.parametrize(
        ("pattern", "name", "expected"),
        [("a.*", "a.b", True), ("a.*", "b.a.c", False), ("*", "", True), ("a[1]*", "a[1]b", True), ("a?", "ab", False)],
    )
    def test_only_a_star_stands_for_other_text(self, pattern: str, name: str, expected: bool) -> None:
        assert covers(pattern, name) is expected


class TestShares:
    def test_means_and_variances_are_divided_among_the_names(self) -> None:
        made = [Execution(0, 50 + wait, [span("wait", 0, wait), span("work", wait, 40, id=2)]) for wait in (10, 20, 60)]
        work, wait, rest = shares_of(store_of(*made))
        assert (work.name, wait.name, rest.name) == ("work", "wait", "")
        assert [wait.mean_ns, wait.of_variance, wait.rank_correlation] == pytest.approx([30, 1, 1])
        assert [work.of_mean, work.of_variance] == pytest.approx([0.5, 0])
        assert work.rank_correlation is None

    @given(st.lists(executions(), min_size=3, max_size=8))
    def test_all_shares_add_up(self, made: list[Execution]) -> None:
        store = store_of(*made)
        shares = shares_of(store)
        if any(one.total_ns for one in made):
            assert math.fsum(one.of_mean for one in shares) == pytest.approx(1)
        variances = [one.of_variance for one in shares if one.of_variance is not None]
        assert not variances or math.fsum(variances) == pytest.approx(1)

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20))
    def test_the_rank_correlation_is_that_of_scipy(self, pairs: list[tuple[int, int]]) -> None:
        first, second = zip(*pairs, strict=True)
        found = spearman(first, second)
        if len(set(first)) == 1 or len(set(second)) == 1:
            assert found is None
        else:
            assert found == pytest.approx(stats.spearmanr(first, second).statistic)

    def test_no_execution_has_no_shares(self) -> None:
        assert shares_of(SpanStore()) == []


@given(st.lists(executions(), max_size=4))
def test_facts_are_the_same_after_json(made: list[Execution]) -> None:
    facts = SpanFacts.of(store_of(*made))
    assert SpanFacts.from_dict(json.loads(json.dumps(facts.to_dict(), allow_nan=False))) == facts
