"""The change of each component between two sides: sums, intervals, and what is new or gone."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traces import executions, span

from pytest_perfbudget.core.spans import OTHERS, Execution
from pytest_perfbudget.core.spans.batches import (
    BatchStore,
    ComparedStore,
    SpanBatch,
    SpanPart,
    ThreadUse,
    in_order,
    in_turns,
)
from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.changes import (
    REMOTE_SPREAD,
    ComponentChange,
    Match,
    SpanComparison,
    compare_pair,
    compare_spans,
)
from pytest_perfbudget.core.spans.reference import MOST_STORED, compare_with, reference_of
from pytest_perfbudget.core.spans.shares import UNATTRIBUTED

BASE = {"jwt": 80_000.0, "query": 500_000.0, "render": 100_000.0}
REST = 20_000.0
SPREAD = 0.01


def batch(own_ns: Mapping[str, float], rest_ns: float = REST, turn: int = 0) -> SpanBatch:
    parts = {name: SpanPart(time_ns, 1.0, time_ns) for name, time_ns in own_ns.items()}
    return SpanBatch(10, math.fsum(own_ns.values()) + rest_ns, parts, turn)


def noisy(draw: random.Random, own_ns: Mapping[str, float], weather: float, process: float) -> SpanBatch:
    """Return a batch in some weather, of a process with a speed of its own, with a wait now and then."""
    factor = weather * process
    times_ns = {name: time_ns * factor * math.exp(draw.gauss(0, 0.03)) for name, time_ns in own_ns.items()}
    if draw.random() < 0.05:
        times_ns["query"] += 3e6
    return batch(times_ns, REST * factor * math.exp(draw.gauss(0, 0.03)))


def simulated(draw: random.Random, head_ns: Mapping[str, float], matches: int = 20) -> SpanComparison:
    process = math.exp(draw.gauss(0, SPREAD))
    made = []
    for _ in range(matches):
        weather = math.exp(draw.gauss(0, 0.1))
        made.append(Match(noisy(draw, BASE, weather, 1.0), noisy(draw, head_ns, weather, process)))
    found = compare_spans(made, SPREAD)
    assert found is not None
    return found


def has(one: ComponentChange, difference_ns: float) -> bool:
    """Return whether the interval of a change contains a difference."""
    assert one.lower_ns is not None
    assert one.upper_ns is not None
    return one.lower_ns <= difference_ns <= one.upper_ns


def moved(found: SpanComparison | None) -> list[str]:
    assert found is not None
    return [one.name for one in found.components if one.has_moved]


def matches_of(head_ns: Mapping[str, float], base_ns: Mapping[str, float] = BASE, number: int = 8) -> list[Match]:
    return [Match(batch(base_ns), batch(head_ns))] * number


class TestIntervals:
    @pytest.mark.parametrize("factor", [1.0, 1.5, 4.0])
    def test_all_intervals_of_a_comparison_hold_together_in_95_percent(self, factor: float) -> None:
        draw = random.Random(17)
        head = {**BASE, "jwt": factor * BASE["jwt"]}
        truth = {name: head[name] - BASE[name] for name in BASE} | {UNATTRIBUTED: 0.0}
        held = 0
        for _ in range(300):
            found = simulated(draw, head)
            held += all(has(one, truth[one.name]) for one in found.components)
        assert held >= 0.95 * 300

    def test_unchanged_code_shows_no_component_moved(self) -> None:
        draw = random.Random(3)
        assert sum(bool(moved(simulated(draw, BASE))) for _ in range(200)) <= 10

    def test_a_slower_component_stands_first(self) -> None:
        draw = random.Random(3)
        found = [simulated(draw, {**BASE, "jwt": 1.8 * BASE["jwt"]}) for _ in range(100)]
        assert sum(one.components[0].name == "jwt" for one in found) >= 95
        assert sum("jwt" in moved(one) for one in found) >= 95

    def test_processes_of_the_same_code_differ_by_more_than_their_turns_show(self) -> None:
        still = matches_of({name: 1.01 * time_ns for name, time_ns in BASE.items()})
        assert moved(compare_spans(still, SPREAD)) == []
        assert moved(compare_spans(still, 0.0)) == ["query", "render", "jwt"]

    def test_a_match_in_which_another_program_had_the_machine_is_left_out(self) -> None:
        found = compare_spans([*matches_of(BASE, number=11), *matches_of({**BASE, "query": 1e9}, number=1)], SPREAD)
        assert found is not None
        assert found.total.difference_ns == 0
        assert found.matches == 11

    @pytest.mark.parametrize(("number", "has_interval"), [(1, False), (3, False), (4, True)])
    def test_a_difference_of_few_matches_has_no_interval_and_has_not_moved(
        self, number: int, has_interval: bool
    ) -> None:
        found = compare_spans(matches_of({**BASE, "jwt": 400_000}, number=number), SPREAD)
        assert found is not None
        assert [one.lower_ns is not None for one in (found.total, *found.components)] == [has_interval] * 5
        assert moved(found) == (["jwt"] if has_interval else [])
        assert found.components[0].difference_ns == 320_000
        assert SpanComparison.from_dict(found.to_dict()) == found


class TestServers:
    """Tests that call servers: each side has several processes, each with a speed of its own."""

    @staticmethod
    def pair(draw: random.Random, head_ns: Mapping[str, float], *, has_remote: bool) -> SpanComparison:
        speeds = [{name: math.exp(draw.gauss(0, REMOTE_SPREAD / math.sqrt(2))) for name in BASE} for _ in range(2)]

        def side(own_ns: Mapping[str, float], speed: Mapping[str, float], weather: Sequence[float]) -> list[SpanBatch]:
            of_processes = {name: time_ns * speed[name] for name, time_ns in own_ns.items()}
            made = [noisy(draw, of_processes, one, 1.0) for one in weather]
            return [replace(one, turn=turn, has_remote=has_remote) for turn, one in enumerate(made)]

        weather = [math.exp(draw.gauss(0, 0.1)) for _ in range(20)]
        found = compare_pair(side(BASE, speeds[0], weather), side(head_ns, speeds[1], weather), SPREAD)
        assert found is not None
        return found

    @pytest.mark.parametrize("has_remote", [True, False], ids=["with room for servers", "without"])
    def test_unchanged_code_shows_no_component_moved(self, has_remote: bool) -> None:
        draw = random.Random(11)
        false = sum(bool(moved(self.pair(draw, BASE, has_remote=has_remote))) for _ in range(200))
        assert (false <= 10) is has_remote

    def test_a_slower_component_of_a_server_has_moved(self) -> None:
        draw = random.Random(11)
        slower = {**BASE, "jwt": 1.8 * BASE["jwt"]}
        found = [self.pair(draw, slower, has_remote=True) for _ in range(100)]
        assert sum("jwt" in moved(one) for one in found) >= 95


class TestSums:
    @settings(deadline=None)  # the first quantile imports scipy
    @given(st.lists(st.tuples(*[st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1e9))] * 2), min_size=4))
    def test_the_components_add_up_to_the_total(self, sides: list[tuple[dict[str, float], dict[str, float]]]) -> None:
        found = compare_spans([Match(batch(base), batch(head)) for base, head in sides], SPREAD)
        if found is None:
            assert not any(base or head for base, head in sides)
            return
        for one, whole in (("before_ns", found.total.before_ns), ("after_ns", found.total.after_ns)):
            assert math.fsum(getattr(part, one) for part in found.components) == pytest.approx(whole, abs=1)
        together = math.fsum(part.difference_ns for part in found.components)
        assert together == pytest.approx(found.total.difference_ns, abs=1)
        assert all(has(part, part.difference_ns) for part in found.components)

    def test_a_comparison_survives_its_dictionary(self) -> None:
        found = compare_spans(matches_of({"jwt": 1.0}), SPREAD)
        assert found is not None
        assert SpanComparison.from_dict(found.to_dict()) == found

    @pytest.mark.parametrize("matches", [[], matches_of({}, {})])
    def test_no_matches_or_no_spans_say_nothing(self, matches: Sequence[Match]) -> None:
        assert compare_spans(matches, SPREAD) is None


class TestAppearance:
    def test_a_component_that_only_one_side_has_counts_whole(self) -> None:
        found = compare_spans(matches_of({"query": 500_000, "cache": 70_000, "render": 100_000}), SPREAD)
        assert found is not None
        ends = {one.name: (one.before, one.after, round(one.difference_ns)) for one in found.components}
        assert ends["jwt"] == (1, 0, -80_000)
        assert ends["cache"] == (0, 1, 70_000)
        assert moved(found) == ["jwt", "cache"]

    def test_more_spans_of_a_name_are_told_apart_from_longer_spans(self) -> None:
        many = SpanBatch(1, 100.0, {"query": SpanPart(90.0, 9.0, None)})
        found = compare_spans([Match(SpanBatch(1, 20.0, {"query": SpanPart(10.0, 1.0, None)}), many)] * 4, SPREAD)
        assert found is not None
        assert (found.components[0].before, found.components[0].after, found.components[0].cpu_ns) == (1, 9, None)


class TestPairs:
    @staticmethod
    def turns(own_ns: Mapping[str, float], slow_ns: float = 0.0) -> list[SpanBatch]:
        slow = {name: time_ns + slow_ns for name, time_ns in own_ns.items()}
        batches = [batch(slow if turn % 2 else own_ns, turn=turn) for turn in range(16)]
        return [replace(one, typical=batch(own_ns)) for one in batches]

    def test_typical_executions_count(self) -> None:
        found = compare_pair(self.turns(BASE), self.turns({**BASE, "jwt": 160_000}), SPREAD)
        assert found is not None
        assert (moved(found), found.is_typical) == (["jwt"], True)

    def test_rare_slow_executions_count_if_typical_executions_do_not_differ(self) -> None:
        found = compare_pair(self.turns(BASE), self.turns(BASE, slow_ns=400_000), SPREAD)
        assert found is not None
        assert (sorted(moved(found)), found.is_typical) == (["jwt", "query", "render"], False)

    def test_slow_code_has_few_turns_each_of_which_counts(self) -> None:
        found = compare_pair(self.turns(BASE)[:4], self.turns({**BASE, "jwt": 400_000})[:4], SPREAD)
        assert found is not None
        assert (moved(found), found.matches) == (["jwt"], 4)

    def test_a_component_that_moved_stands_before_larger_noise(self) -> None:
        noise = [{**BASE, "query": BASE["query"] + 400_000 * (turn % 3 - 1)} for turn in range(8)]
        heads = [batch({**own_ns, "new": 10_000}) for own_ns in noise]
        found = compare_spans([Match(batch(BASE), head) for head in heads], SPREAD)
        assert found is not None
        assert [one.name for one in found.components[:2]] == ["new", "query"]

    def test_the_same_on_both_sides_has_not_moved(self) -> None:
        found = compare_pair(self.turns(BASE), self.turns(BASE), SPREAD)
        assert found is not None
        assert (moved(found), found.is_typical) == ([], True)


class TestBatches:
    def test_a_part_has_its_own_time_and_the_cpu_time_of_its_thread(self) -> None:
        store = BatchStore()
        page = span("page", 0, 80, cpu_ns=50, waits=(26, 0, 0))
        query = span("query", 10, 30, id=2, parent=1, cpu_ns=6, waits=(24, 0, 0))
        elsewhere = span("remote", 50, 20, id=3, parent=1, cpu_ns=19)._replace(thread=9)
        store.add(Execution(0, 100, [query, elsewhere, page]))
        (found,) = store.batches([1])
        assert found.parts == {
            "query": SpanPart(30, 1, 6, Causes(cpu_ns=6, threads_ns=24)),
            "remote": SpanPart(20, 1, 19, Causes(cpu_ns=19, unknown_ns=1)),
            "page": SpanPart(30, 1, 44, Causes(cpu_ns=44, threads_ns=2, idle_ns=4)),
        }
        assert SpanBatch.from_dict(json.loads(json.dumps(found.to_dict()))) == found

    def test_the_cpu_time_of_a_task_is_part_of_the_thread_and_not_of_another_task(self) -> None:
        store = BatchStore()
        test = span("test", 0, 100, cpu_ns=70)._replace(thread=8)
        page = span("page", 10, 80, id=2, parent=1, cpu_ns=30)._replace(thread=8, task=4)
        within = span("query", 10, 20, id=3, parent=2, cpu_ns=10)._replace(thread=8, task=4)
        other = span("mail", 40, 20, id=4, parent=2, cpu_ns=19)._replace(thread=8, task=5)
        store.add(Execution(0, 100, [within, other, page, test]))
        (found,) = store.batches([1])
        assert {name: part.cpu_ns for name, part in found.parts.items()} == {
            "query": 10,
            "mail": 19,
            "page": 20,
            "test": 21,
        }

    def test_what_contains_an_unknown_cpu_time_is_unknown(self) -> None:
        store = BatchStore()
        test = span("test", 0, 100, cpu_ns=70)._replace(thread=8)
        page = span("page", 10, 80, id=2, parent=1)._replace(thread=8, task=1)
        store.add(Execution(0, 100, [page, test]))
        (found,) = store.batches([1])
        assert [part.cpu_ns for part in found.parts.values()] == [None, None]

    def test_the_typical_executions_are_the_faster_half(self) -> None:
        store = BatchStore()
        for total_ns in (30, 10, 90, 20):
            store.add(Execution(0, total_ns, [span("work", 0, total_ns)]))
        (found,) = store.batches([4])
        assert (found.total_ns, found.typical and found.typical.total_ns) == (37.5, 15)
        assert SpanBatch.from_dict(found.to_dict()) == found

    def test_blocks_before_the_first_turn_do_not_count(self) -> None:
        batches = [batch({}, rest_ns) for rest_ns in (1.0, 2.0, 3.0)]
        assert [(one.total_ns, one.turn) for one in in_turns(batches, [0, 1])] == [(2, 0), (3, 1)]
        assert in_turns(batches, []) == []

    def test_executions_outside_all_turns_do_not_count(self) -> None:
        store = BatchStore()
        for total_ns in (7, 10, 20, 5, 40):
            store.add(Execution(0, total_ns, [span("work", 0, total_ns)]))
        found = in_order(store, [(None, 1), (0, 2), (None, 1), (1, 1)])
        assert [(one.turn, one.executions, one.total_ns) for one in found] == [(0, 2, 15), (1, 1, 40)]

    def test_a_store_for_budgets_and_a_comparison_compares_the_spans_of_its_own_process(self) -> None:
        """A fresh process of a baseline receives no spans of other processes."""
        store = ComparedStore()
        assert store.whole() == []
        client, server = span("client", 0, 80), span("server", 10, 60, id=2, parent=1)._replace(thread=-1)
        store.add(Execution(0, 100, [client, server]))
        assert sorted(store.names) == ["client", "server"]
        (found,) = store.whole()
        assert {name: part.self_ns for name, part in found.parts.items()} == {"client": 80}

    @given(st.lists(executions(), min_size=1, max_size=6))
    def test_the_parts_of_a_batch_are_at_most_the_whole(self, made: list[Execution]) -> None:
        store = BatchStore()
        for one in made:
            store.add(one)
        (found,) = store.batches([len(made)])
        assert found.total_ns == pytest.approx(sum(one.total_ns for one in made) / len(made))
        assert math.fsum(one.self_ns for one in found.parts.values()) <= found.total_ns + 1e-6


class TestThread:
    def test_the_change_of_each_part_of_the_threads_time(self) -> None:
        base, head = (batch(BASE), batch(BASE))
        match = Match(replace(base, thread=ThreadUse(5, 0, 1, 2)), replace(head, thread=ThreadUse(5, 0, 900, 2)))
        found = compare_spans([match] * 5, SPREAD)
        assert found is not None
        assert {one.name: one.difference_ns for one in found.thread} == {"cpu": 0, "queue": 0, "others": 899, "rest": 0}
        assert [one.name for one in found.thread if one.has_moved] == ["others"]
        assert SpanComparison.from_dict(found.to_dict()) == found

    def test_a_side_without_readings_says_nothing(self) -> None:
        match = Match(replace(batch(BASE), thread=ThreadUse(5, 0, 1, 2)), batch(BASE))
        found = compare_spans([match] * 5, SPREAD)
        assert found is not None
        assert found.thread == []


def waits(causes: Causes | None) -> SpanBatch:
    """Return a batch of a component; without causes, half of its time is CPU time."""
    self_ns, cpu_ns = (1e5, 5e4) if causes is None else (sum(causes), causes.cpu_ns)
    return SpanBatch(100, self_ns, {"query": SpanPart(self_ns, 1.0, cpu_ns, causes)})


class TestReference:
    """A baseline keeps the mean of its runs, and fresh processes are compared with it."""

    @staticmethod
    def run(draw: random.Random, own_ns: Mapping[str, float], session: float = 1.0) -> SpanBatch:
        process = session * math.exp(draw.gauss(0, 0.01))
        return batch({name: process * time_ns * math.exp(draw.gauss(0, 0.02)) for name, time_ns in own_ns.items()})

    @pytest.mark.parametrize("factor", [1.0, 2.0])
    def test_all_intervals_hold_together_in_95_percent(self, factor: float) -> None:
        draw = random.Random(5)
        head = {**BASE, "jwt": factor * BASE["jwt"]}
        held = first = 0
        for _ in range(300):
            reference = reference_of([self.run(draw, BASE) for _ in range(10)])
            assert reference is not None
            session = math.exp(draw.gauss(0, 0.01))  # what the processes of a session share
            found = compare_with(reference, [self.run(draw, head, session) for _ in range(4)], 0.01)
            assert found is not None
            truth = {name: head[name] - BASE[name] for name in BASE} | {UNATTRIBUTED: 0.0}
            held += all(has(one, truth[one.name]) for one in found.components)
            first += found.components[0].name == "jwt"
        assert held >= 0.95 * 300
        assert first >= 290 or factor == 1

    def test_small_names_are_kept_together_and_nothing_is_lost(self) -> None:
        many = {f"part {number}": 1_000.0 * (30 - number) for number in range(MOST_STORED + 5)}
        reference = reference_of([batch(many)] * 3)
        assert reference is not None
        assert len(reference.parts) == MOST_STORED + 2
        found = compare_with(reference, [batch({**many, "new": 5_000.0})], 0.01)
        assert found is not None
        assert math.fsum(one.difference_ns for one in found.components) == pytest.approx(5_000)
        assert found.components[0].name == OTHERS
        assert found.total.difference_ns == pytest.approx(5_000)

    def test_a_component_that_the_baseline_lacks_is_new(self) -> None:
        reference = reference_of([batch(BASE)] * 3)
        assert reference is not None
        found = compare_with(reference, [batch({**BASE, "new": 50_000.0})], 0.01)
        assert moved(found) == ["new"]
        assert found is not None
        assert (found.components[0].before, found.components[0].after) == (0, 1)

    @pytest.mark.parametrize(
        ("before", "after", "waiting"),
        [
            (Causes(cpu_ns=9e4, idle_ns=1e4), Causes(cpu_ns=9e4, idle_ns=9e4), Causes(idle_ns=8e4)),
            (Causes(cpu_ns=5e4, threads_ns=5e4), Causes(cpu_ns=5e4, threads_ns=8e4), Causes(threads_ns=3e4)),
            (None, Causes(cpu_ns=5e4, threads_ns=8e4), None),
        ],
        ids=["more I/O", "more of a lock", "an older baseline"],
    )
    def test_the_causes_of_a_difference_are_known_where_both_sides_know_them(
        self, before: Causes | None, after: Causes, waiting: Causes | None
    ) -> None:
        reference = reference_of([waits(before)] * 3)
        assert reference is not None
        found = compare_with(reference, [waits(after)], 0.01)
        assert found is not None
        assert found.components[0].causes == waiting

    def test_a_component_that_hardly_waited_in_the_baseline_has_the_cause_of_its_waiting_now(self) -> None:
        """The baseline has no causes of such components."""
        reference = reference_of([batch({"query": 1e5})] * 3)
        assert reference is not None
        reference = replace(reference, parts={"query": replace(reference.parts["query"], cpu_ns=9.5e4, causes=None)})
        found = compare_with(reference, [waits(Causes(cpu_ns=9.5e4, idle_ns=9e4))], 0.01)
        assert found is not None
        assert found.components[0].causes == Causes(idle_ns=9e4, unknown_ns=-5e3)

    def test_one_run_or_no_spans_are_no_reference(self) -> None:
        assert reference_of([batch(BASE)]) is None
        assert reference_of([batch({})] * 3) is None
