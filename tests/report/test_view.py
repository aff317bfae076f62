from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Measurement
from pytest_perfbudget.report.view import counts_text, failure_text, notes, progress_text, quantity, share_text

MS = 1e6
ERRORS = Errors(exceeded=0.01, within=0.05)


def judgement(verdict: BudgetVerdict = BudgetVerdict.EXCEEDED, **changed: object) -> BudgetResult:
    values: dict[str, object] = {
        "metric": "p95",
        "keyword": "p95_ms",
        "unit": "ns",
        "limit": 50 * MS,
        "source": "perf_budget marker of a.py::test",
        "verdict": verdict,
        "estimate": 61.3 * MS,
        "lower": 58.2 * MS,
        "upper": 66 * MS,
        "rounds": 72,
        "needs_rounds": 59,
    }
    return BudgetResult(**{**values, **changed})  # type: ignore[arg-type]


def measurement(*judgements: BudgetResult, name: str = "", kind: str = "body", **changed: object) -> Measurement:
    values: dict[str, object] = {
        "nodeid": "a.py::test",
        "name": name,
        "kind": kind,
        "component": "",
        "rounds": 72,
        "iterations": 1,
        "overhead_ns": 60.0,
        "elapsed_ns": 4_400_000_000,
        "statistics": {},
        "judgements": judgements,
    }
    return Measurement(**{**values, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.4, "ns", "0.40 ns"),
        (83, "ns", "83 ns"),
        (1_840, "ns", "1.84 us"),
        (61.3e6, "ns", "61.3 ms"),
        (125e6, "ns", "125 ms"),
        (4.4e9, "ns", "4.40 s"),
        (5_000e9, "ns", "5,000 s"),
        (64.2e6, "bytes", "64.2 MB"),
        (440, "bytes", "0.44 kB"),
        (201, "calls", "201"),
        (0.482, "", "0.48x"),
    ],
)
def test_quantities(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


@given(st.floats(1, 1e12))
def test_a_time_is_written_to_three_digits(value: float) -> None:
    number, _, unit = quantity(value, "ns").partition(" ")
    written = float(number.replace(",", "")) * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[unit]
    assert written == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize(
    ("share", "text"), [(0.38, "38%"), (1.004, "100.4%"), (0.996, "99.6%"), (1.0, "100%"), (6.5, "6.50x"), (68, "68x")]
)
def test_shares_of_a_limit(share: float, text: str) -> None:
    assert share_text(share) == text


def test_a_failure_says_what_how_sure_whose_limit_and_what_to_do() -> None:
    assert failure_text([measurement(judgement())], strict=False, errors=ERRORS) == (
        "p95 61.3 ms exceeds its budget of 50 ms (123%)\n"
        "  p95 lies above 58.2 ms (99 % sure); 72 rounds in 4.40 s\n"
        "  limit p95_ms=50 from perf_budget marker of a.py::test\n"
        "Make it cheaper, or raise the limit where it stands if the cost is meant."
    )


def test_a_failure_shows_where_the_time_of_a_call_went() -> None:
    profile = [("verify (security/tokens.py:88)", 41, 0.91), ("built-in method _json.loads", 1, 0.05)]
    profiled = measurement(judgement(), name="login", profile=profile)
    assert failure_text([profiled], strict=False, errors=ERRORS).splitlines()[-3:] == [
        "Where the time goes, in one profiled call of login, without what a function calls:",
        "   91%  41 calls of verify (security/tokens.py:88)",
        "    5%  1 call of built-in method _json.loads",
    ]
    memory = measurement(judgement(metric="peak", unit="bytes", keyword="peak_mb"), profile=profile)
    assert "Where the time goes" not in failure_text([memory], strict=False, errors=ERRORS)


def test_only_what_is_red_is_in_the_text() -> None:
    mixed = measurement(
        judgement(BudgetVerdict.WITHIN), judgement(BudgetVerdict.UNDECIDED), judgement(BudgetVerdict.UNMEASURED)
    )
    assert failure_text([mixed], strict=False, errors=ERRORS) == ""
    strict = failure_text([mixed], strict=True, errors=ERRORS)
    assert "undecided against" in strict
    assert "was not measured" in strict
    assert "Make it cheaper" not in strict


@pytest.mark.parametrize(
    ("changed", "kind", "text"),
    [
        (
            {"rounds": 2, "upper": None, "estimate": 9 * MS},
            "body",
            "p95 needs 59 rounds, had 2; that takes at least 3.61 s: raise max_time, or budget median_ms or max_ms",
        ),
        (
            {"rounds": 2, "keyword": "cpu_p95_s", "metric": "cpu_p95", "estimate": 9 * MS},
            "call",
            "cpu_p95 needs 59 rounds, had 2; that takes at least 3.61 s: raise max_time, "
            "or budget cpu_median_s or cpu_max_s",
        ),
        ({"rounds": 1}, "timer", "p95 needs 59 rounds, had 1, and the estimate lies above the limit: loop the timer"),
        (
            {"rounds": 5, "estimate": 9 * MS},
            "benchmark",
            "p95 needs 59 rounds, had 5: raise pytest-benchmark's min_rounds or max_time",
        ),
        (
            {"rounds": 900},
            "body",
            "too close to call, the estimate lies above the limit: move the limit away from it, or raise max_time",
        ),
        (
            {"rounds": 20_000},
            "body",
            "too close to call, the estimate lies above the limit: move the limit away from it",
        ),
        (
            {"rounds": 900, "estimate": 49 * MS},
            "body",
            "too close to call, the estimate lies below the limit: move the limit away from it, or raise max_time",
        ),
    ],
)
def test_an_undecided_budget_says_what_would_decide_it(changed: dict[str, object], kind: str, text: str) -> None:
    undecided = measurement(judgement(BudgetVerdict.UNDECIDED, **changed), kind=kind)
    assert list(notes([undecided], 0.8)) == [f"undecided: a.py::test {changed.get('metric', 'p95')}: {text}"]


def test_notes_name_whatever_a_reader_should_know_the_pressing_first() -> None:
    near = judgement(BudgetVerdict.WITHIN, estimate=45 * MS)
    refused = judgement(BudgetVerdict.UNMEASURED, reason="because")
    calls = judgement(BudgetVerdict.WITHIN, metric="calls", keyword="max_calls", unit="calls", limit=3, estimate=3)
    calm = judgement(BudgetVerdict.WITHIN, estimate=5 * MS)
    found = list(notes([measurement(near, calls, calm, refused, name="parse", warnings=["traced"])], 0.8))
    assert found == [
        "unmeasured: a.py::test parse p95: because",
        "near its limit: a.py::test parse p95 uses 90% of 50 ms",
        "note: a.py::test parse: traced",
    ]


def test_the_closing_line() -> None:
    one = [measurement()]
    assert (
        counts_text({"exceeded": 1, "within": 2, "undecided": 0}, one)
        == "3 budgets of 1 measurement: 1 exceeded, 2 within"
    )
    assert counts_text({}, one * 2) == "2 measurements, no budget"


def test_progress() -> None:
    assert progress_text(1200, 1_240_000_000, 5_000_000_000) == "perf: 1,200 rounds, 1.2 of 5 s"
