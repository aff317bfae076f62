"""Sessions that each ran a part of the tests, merged: the verdicts are those of one session."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results import budget, change, measurement

from pytest_perfbudget.core.finding import Missing
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.merge import MergeError, merge
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.results import BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import ComparedWith, RunResult, SessionFacts
from pytest_perfbudget.core.slowdown import LOOKS, rejudged

ALPHA = 0.01
PAIRS = st.lists(
    st.builds(Pair, st.floats(-0.3, 0.3), st.floats(0.001, 0.02), st.just(1e6)), min_size=1, max_size=10
)  # fmt: skip


def part(*measurements: Measurement, sharing: int = 0, **facts: Any) -> RunResult:
    session = replace(SessionFacts(started_at="2026-11-26T10:00:00+00:00"), **facts)
    return RunResult(session, ComparedWith("the baseline", sharing=sharing or len(measurements)), measurements)


def test_parts_of_a_merged_session_that_are_still_missing_are_known() -> None:
    parts = {
        f"{at}.json": part(replace(measurement(), nodeid=f"a.py::test[{at}]"), part=at, parts=4) for at in (1, 2, 3, 4)
    }
    first = merge({name: parts[name] for name in ("1.json", "2.json")})
    assert first.session.missing_parts == [3, 4]
    second = merge({"first.json": first, "3.json": parts["3.json"]})
    assert second.session.missing_parts == [4]
    assert merge({"second.json": second, "4.json": parts["4.json"]}).session.missing_parts == []


class TestVerdicts:
    """Every level of significance gets smaller by merging."""

    @settings(deadline=None)
    @given(PAIRS, st.integers(1, 20), st.integers(1, 200))
    def test_a_fresh_verdict_is_that_of_the_whole_session(self, pairs: list[Pair], own: int, others: int) -> None:
        of_part = PairedSlowdownTest(0.02, ALPHA / own).confirmed(pairs)
        of_all = PairedSlowdownTest(0.02, ALPHA / (own + others)).confirmed(pairs)
        again = rejudged(of_part, PairedSlowdownTest(0.02, ALPHA / (own + others)).alpha_per_look)
        assert again.verdict is of_all.verdict
        assert again.alpha == pytest.approx(of_all.alpha)

    @settings(deadline=None)
    @given(PAIRS, st.integers(1, 20), st.integers(1, 200))
    def test_a_screened_verdict_is_that_of_the_whole_session(self, pairs: list[Pair], own: int, others: int) -> None:
        of_part = PairedSlowdownTest(0.02, ALPHA / own).screened(*pairs)
        of_all = PairedSlowdownTest(0.02, ALPHA / (own + others)).screened(*pairs)
        assert rejudged(of_part, ALPHA / (own + others) / LOOKS).verdict is of_all.verdict

    def test_four_parts_have_the_verdicts_of_one_session(self) -> None:
        def judged(tests: Sequence[int]) -> RunResult:
            made = []
            for test in tests:
                draw = random.Random(test)
                by = 0.0 if test % 3 else 0.055 * draw.random() + 0.02
                pairs = [Pair(by + draw.gauss(0, 0.008), 0.004, 1e6) for _ in range(4)]
                result = PairedSlowdownTest(0.02, ALPHA / len(tests)).confirmed(pairs)
                made.append(replace(measurement(result, nodeid=f"a.py::test[{test}]"), budgets=[]))
            return part(*made)

        def verdicts(result: RunResult) -> dict[str, RegressionVerdict]:
            return {one.id: one.changes[0].verdict for one in result.measurements}

        shards = {f"{at}.json": judged(range(at, 120, 4)) for at in range(4)}
        whole = verdicts(judged(range(120)))
        merged = merge(shards)
        assert verdicts(merged) == whole
        # The parts alone would not all have had these verdicts.
        assert {name: verdict for one in shards.values() for name, verdict in verdicts(one).items()} != whole
        assert RegressionVerdict.REGRESSED in whole.values()
        assert merged.compared_with is not None
        assert merged.compared_with.sharing == 120
        levels = {one.changes[0].alpha for one in merged.measurements}
        assert all(math.isclose(one or 0, PairedSlowdownTest(0.02, ALPHA / 120).alpha_per_look) for one in levels)

    def test_counts_and_budgets_stay_as_they_were_judged(self) -> None:
        calls = change(metric="calls", unit="calls", before=1, after=30, ratio=30, p_value=None, alpha=None)
        one = measurement(budget(), calls)
        merged = merge({"a": part(one), "b": part(*(measurement(nodeid=f"b.py::{n}") for n in range(50)))})
        assert merged.measurements[0] == one

    def test_a_verdict_that_falls_has_no_culprits(self) -> None:
        found = rejudged(change(p_value=0.001, alpha=0.005), 0.0005)
        assert (found.verdict, found.alpha) == (RegressionVerdict.UNDECIDED, 0.0005)
        assert found.grown == ()
        assert rejudged(change(p_value=0.001, alpha=0.005, reason="why it is"), 0.0005).reason == ""
        assert rejudged(change(p_value=0.0001, alpha=0.005), 0.0005).verdict is RegressionVerdict.REGRESSED


class TestAccounts:
    """What one part lacks, another may have."""

    def test_what_another_part_measured_is_neither_missing_nor_left_out(self) -> None:
        first, second = measurement(nodeid="a.py::one"), measurement(nodeid="a.py::two")
        gone = Missing("a.py::gone", "", "gone")
        parts = {
            "a": replace(
                part(first),
                compared_with=ComparedWith("the baseline", "", [("a.py::two", ""), ("a.py::three", "")]),
                missing=[Missing("a.py::two", "", "not run"), gone],
            ),
            "b": replace(
                part(second),
                compared_with=ComparedWith("the baseline", "a doubt", [("a.py::one", ""), ("a.py::three", "")]),
                missing=[gone],
            ),
        }
        merged = merge(parts)
        assert list(merged.missing) == [gone]
        assert merged.compared_with is not None
        assert list(merged.compared_with.others) == [("a.py::three", "")]
        assert merged.compared_with.remark == "a doubt"

    def test_a_test_is_left_out_if_no_part_ran_it(self) -> None:
        first = part(measurement(nodeid="a.py::one"), left_out=["a.py::two", "a.py::three"])
        second = part(measurement(nodeid="a.py::two"), left_out=["a.py::one", "a.py::three"])
        assert merge({"1": first, "2": second}).session.left_out == ["a.py::three"]
        of_another_path = part(measurement(nodeid="b.py::one"), left_out=[])  # never collected the tests of a.py
        assert merge({"1": first, "2": of_another_path}).session.left_out == ["a.py::two", "a.py::three"]
        unknown = part(measurement(nodeid="a.py::two"))
        assert merge({"1": first, "2": unknown}).session.left_out is None

    def test_the_session_lasts_from_the_first_start_to_the_last_end(self) -> None:
        merged = merge(
            {
                "a": part(started_at="2026-11-26T10:00:00+00:00", duration_s=30.0, exit_status=0, python="3.11"),
                "b": part(started_at="2026-11-26T11:00:10+01:00", duration_s=50.0, exit_status=1, python="3.12"),
                "c": part(started_at="2026-11-26T10:00:00+00:00", exit_status=5, python="3.12"),
            }
        )
        assert merged.session.started_at == "2026-11-26T10:00:00+00:00"
        assert (merged.session.duration_s, merged.session.exit_status) == (60.0, 1)
        assert merged.session.python == ""

    def test_several_machines_are_named_in_a_note(self) -> None:
        merged = merge({"a": part(machine="x"), "b": part(machine="y")})
        assert merged.session.machine == ""
        assert not merged.session.notes  # `doubts` names the machines, with the parts

    def test_parts_without_tests_are_a_session_without_tests(self) -> None:
        assert merge({"a": part(exit_status=5), "b": part(exit_status=5)}).session.exit_status == 5

    def test_a_test_that_is_expected_to_fail_stays_so(self) -> None:
        found = merge({"a": part(measurement(nodeid="a.py::x", is_expected_to_fail=True)), "b": part()})
        assert [one.is_expected_to_fail for one in found.measurements] == [True]


class TestRefusals:
    """Reports that are no parts of one session."""

    @pytest.mark.parametrize(
        ("name", "value"), [("commit", "abc"), ("alpha", 0.05), ("gate", "warn"), ("strict", True)]
    )
    def test_parts_have_one_commit_and_one_policy(self, name: str, value: Any) -> None:
        with pytest.raises(MergeError, match=rf"^a and b are no parts of one session: {name} is .* in the other$"):
            merge({"a": part(), "b": part(**{name: value})})

    def test_parts_are_compared_with_the_same(self) -> None:
        one, two = measurement(nodeid="a.py::one"), measurement(nodeid="a.py::two")
        other = replace(part(two), compared_with=ComparedWith("origin/main"))
        with pytest.raises(
            MergeError, match="the other side of the comparison is 'the baseline' in one, 'origin/main'"
        ):
            merge({"a": part(one), "b": other})
        merge({"a": part(one), "b": replace(part(two), compared_with=None)})

    def test_a_part_without_the_comparison_of_the_others_is_refused(self) -> None:
        one, two = (measurement(nodeid=f"a.py::{name}", max_regression=0.05) for name in ("one", "two"))
        first = replace(part(one), compared_with=ComparedWith("origin/main"))
        message = "^b was not compared with origin/main, and a was: run this part with the same comparison$"
        with pytest.raises(MergeError, match=message):
            merge({"a": first, "b": replace(part(two), compared_with=None)})
        for quiet in (part(), part(replace(two, max_regression=None)), part(replace(two, rounds=0, statistics={}))):
            merge({"a": first, "b": replace(quiet, compared_with=None)})

    def test_a_test_is_in_one_part_only(self) -> None:
        one = measurement(budget(BudgetVerdict.WITHIN))
        with pytest.raises(
            MergeError, match=r"^a and b both have tests/test_api.py::test_login: give each test to one"
        ):
            merge({"a": part(one), "b": part(one)})


def test_a_result_without_a_p_value_keeps_its_verdict() -> None:
    new = RegressionResult("time", RegressionVerdict.NEW)
    assert rejudged(new, 0.001).verdict is RegressionVerdict.NEW
