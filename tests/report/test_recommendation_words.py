"""The words of recommendations, and the texts that tell them."""

from __future__ import annotations

import json

import pytest
from full_result import result_of
from results import budget, change, measurement

from pytest_perfbudget.core.call_graph import CallEdge, CallGraph, CallGraphs
from pytest_perfbudget.core.recommendations import Advice, Recommendation
from pytest_perfbudget.report.findings import failure_text
from pytest_perfbudget.report.formats import render
from pytest_perfbudget.report.recommendations import recommendation_text

SLEEP = CallEdge("shop:basket", "built-in method time.sleep", 3, 900.0)
SLOW = measurement(
    change(ratio=20.0),
    budget(),
    call_graphs=CallGraphs(
        CallGraph([CallEdge("", "shop:basket", 1, 1000.0), SLEEP]), CallGraph([CallEdge("", "shop:basket", 1, 100.0)])
    ),
)
LINE = "Wait less or overlap the waits in shop:basket: 3 calls of time.sleep instead of 0, up to 90% of the time"


def told(**given: object) -> str:
    values = {"measurement": "a.py::test", "place": "", "subject": "", "before": None, "after": 4, "unit": "calls"}
    return recommendation_text(Recommendation(**{**values, "saves": 0.5, **given}))  # type: ignore[arg-type]


@pytest.mark.parametrize("advice", Advice)
def test_each_recommendation_has_an_action(advice: Advice) -> None:
    assert told(advice=advice, subject="shop:price").endswith(": 4 calls of shop:price, up to 50% of the time")


@pytest.mark.parametrize(
    ("before", "action"),
    [(2, "Call the function as often as before"), (1, "Call the function once for all, outside of the loop")],
)
def test_only_many_more_calls_are_told_as_a_loop(before: float, action: str) -> None:
    text = told(advice=Advice.CALL_GROWTH, subject="shop:price", place="shop:basket", before=before)
    assert text.startswith(f"{action} in shop:basket: 4 calls of shop:price instead of {before}, ")


def test_numbers_have_the_words_of_their_unit() -> None:
    memory = told(advice=Advice.MEMORY_GROWTH, unit="bytes", before=1e6, after=4e6, cost="peak")
    assert memory.endswith(": peak memory 1 MB -> 4 MB, up to 50% of the peak memory")
    assert told(advice=Advice.WAITING, unit="ns", before=0.0, after=2e6).endswith(
        ": waits 0 ns -> 2 ms, up to 50% of the time"
    )


def test_a_built_in_method_is_named_as_in_code() -> None:
    text = told(advice=Advice.QUERIES_IN_A_LOOP, subject="method 'execute' of 'sqlite3.Connection' objects", before=1)
    assert "4 calls of sqlite3.Connection.execute instead of 1," in text


def test_a_failure_tells_them_once_and_json_has_them() -> None:
    result = result_of(SLOW)
    assert failure_text(result.findings).count(LINE) == 1
    (found,) = json.loads(render(result, "json"))["recommendations"]
    assert (found["advice"], found["place"], found["saves"]) == ("waiting", "shop:basket", 0.9)
    assert LINE in render(result, "md")


def test_a_failure_without_evidence_has_no_such_line() -> None:
    assert "What would help" not in failure_text(result_of(measurement(budget())).findings)
