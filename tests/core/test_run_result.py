"""Any result of a session survives the way through builtins and JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.baseline_update import BaselineUpdate, UpdateAction, UpdatedNumber, UpdateSummary
from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.finding import Finding, Missing, Severity
from pytest_perfbudget.core.kinds import KINDS
from pytest_perfbudget.core.measurement import Measurement, ProfileRow
from pytest_perfbudget.core.metrics import METRICS, Direction
from pytest_perfbudget.core.results import (
    BudgetResult,
    BudgetVerdict,
    Growth,
    RegressionResult,
    RegressionVerdict,
    Repeat,
)
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.run_result import ComparedWith, RunResult, SessionFacts
from pytest_perfbudget.core.spans.facts import SpanFacts
from pytest_perfbudget.core.spans.shares import SpanShare
from pytest_perfbudget.core.spans.tree import SpanNode
from pytest_perfbudget.core.versions import VersionChange

TEXT = st.text(max_size=12)
NUMBER = st.floats(0, 1e15, allow_nan=False)
MAYBE = st.none() | NUMBER
METRIC = st.sampled_from(sorted(METRICS))
DIRECTION = st.sampled_from(Direction)
COUNT = st.integers(0, 10**9)


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=2)


BUDGETS = st.builds(
    BudgetResult, METRIC, TEXT, TEXT, NUMBER.filter(bool), TEXT, st.sampled_from(BudgetVerdict), DIRECTION,
    MAYBE, MAYBE, MAYBE, COUNT, st.none() | COUNT, TEXT, span=TEXT,
    repeats=some(st.builds(Repeat, TEXT, COUNT, TEXT)).map(tuple),
)  # fmt: skip
SPANS = st.builds(
    SpanFacts, COUNT, NUMBER, NUMBER,
    some(st.builds(SpanNode, st.tuples(TEXT, TEXT), COUNT, COUNT, NUMBER, st.none() | COUNT)),
    some(st.builds(SpanShare, TEXT, NUMBER, NUMBER, NUMBER, MAYBE, MAYBE, MAYBE)), COUNT,
)  # fmt: skip
GROWTH = st.builds(Growth, TEXT, st.none() | COUNT, COUNT, TEXT)
BLAME = st.builds(Blame, TEXT, st.sampled_from(Cause), NUMBER, NUMBER, TEXT, NUMBER, NUMBER)
CHANGES = st.builds(
    RegressionResult, METRIC, st.sampled_from(RegressionVerdict), TEXT, DIRECTION, before=MAYBE, after=MAYBE,
    ratio=MAYBE, lower=MAYBE, upper=MAYBE, log_std_error=MAYBE, p_value=MAYBE, alpha=MAYBE, limit=NUMBER, source=TEXT,
    runs=COUNT, weather=MAYBE, in_pairs=st.booleans(), against=TEXT, commit=TEXT, date=TEXT, reason=TEXT,
    blamed=some(BLAME), grown=some(GROWTH), installed=some(st.builds(VersionChange, TEXT, TEXT, TEXT)), is_test_changed=st.booleans(),
)  # fmt: skip
MEASUREMENTS = st.builds(
    Measurement, TEXT, TEXT, st.sampled_from(sorted(KINDS)).map(KINDS.__getitem__), TEXT, TEXT, st.none() | COUNT,
    COUNT, COUNT, MAYBE, COUNT, st.dictionaries(METRIC, NUMBER, max_size=2), some(BUDGETS), some(TEXT),
    some(st.builds(ProfileRow, TEXT, COUNT, NUMBER)), MAYBE, some(CHANGES), unmeasured=TEXT,
    times=st.lists(NUMBER, max_size=3).map(RoundTimes.of),
    spans=st.none() | SPANS,
)  # fmt: skip
FINDINGS = st.builds(
    Finding, TEXT, st.sampled_from(Severity), TEXT, TEXT, TEXT, st.booleans(), TEXT, st.none() | COUNT, TEXT,
    some(TEXT), TEXT,
)  # fmt: skip
UPDATES = st.builds(
    BaselineUpdate, TEXT, TEXT, st.sampled_from(UpdateAction), some(st.builds(UpdatedNumber, METRIC, MAYBE, MAYBE, MAYBE))
)  # fmt: skip
FACTS = st.builds(
    SessionFacts, TEXT, NUMBER, COUNT, st.booleans(), *[st.none() | COUNT] * 4, left_out=st.none() | some(TEXT),
    other_failures=COUNT, other_failed=some(TEXT), versions=st.dictionaries(TEXT, TEXT, max_size=2), notes=some(TEXT),
)  # fmt: skip
RESULTS = st.builds(
    RunResult,
    FACTS,
    st.none() | st.builds(ComparedWith, TEXT, TEXT, some(st.tuples(TEXT, TEXT))),
    some(MEASUREMENTS),
    some(FINDINGS),
    some(st.builds(Missing, TEXT, TEXT, TEXT)),
    st.none()
    | st.builds(UpdateSummary, TEXT, some(UPDATES), st.dictionaries(TEXT, TEXT, max_size=2), TEXT, st.booleans()),
)


@settings(max_examples=60, deadline=None)
@given(RESULTS)
def test_a_result_is_the_same_after_json(result: RunResult) -> None:
    written = json.dumps(result.to_dict(), allow_nan=False)
    assert RunResult.from_dict(json.loads(written)) == result


def test_only_an_unknown_caller_is_left_out() -> None:
    assert Growth("", None, 0).to_dict() == {"function": "", "before": None, "after": 0}
    assert Growth("f", 1, 2, "g").to_dict() == {"function": "f", "before": 1, "after": 2, "caller": "g"}


def test_the_tallies_name_every_verdict() -> None:
    summary = RunResult().to_dict()["summary"]
    assert set(summary["budgets"]) == {verdict.value for verdict in BudgetVerdict}
    assert set(summary["changes"]) == {verdict.value for verdict in RegressionVerdict}
