"""The table, against golden files: `PERFBUDGET_GOLDEN=write pytest tests/report` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Measurement
from pytest_perfbudget.report.formats.terminal import Bar, render_table, short_names

MS = 1e6
GOLDEN = Path(__file__).parent / "golden"


def one(
    nodeid: str,
    metric: str,
    share: float | None,
    verdict: BudgetVerdict,
    *,
    unit: str = "ns",
    limit: float = 50 * MS,
    component: str = "",
    name: str = "",
) -> Measurement:
    estimate = None if share is None else share * limit
    budget = BudgetResult(metric, f"{metric}_ms", unit, limit, "marker", verdict, estimate, rounds=72)
    return Measurement(nodeid, name, "body", component, 72, 1, 60.0, 1, {"median": 3 * MS}, [budget])


MIXED = [
    one("tests/security/test_tokens.py::test_verify", "p95", 0.038, BudgetVerdict.WITHIN, component="security.jwt"),
    one("tests/security/test_tokens.py::test_cold", "p95", 0.91, BudgetVerdict.WITHIN, component="security.jwt"),
    one("tests/storage/test_tasks.py::test_claim[10-000]", "p95", 1.224, BudgetVerdict.EXCEEDED, component="storage"),
    one("tests/storage/test_tasks.py::test_claim", "peak", 0.3, BudgetVerdict.WITHIN, unit="bytes", limit=500e6),
    one("tests/storage/test_tasks.py::test_calls", "calls", 6.8, BudgetVerdict.EXCEEDED, unit="calls", limit=30),
    one("tests/test_api.py::test_page", "p99", 0.997, BudgetVerdict.UNDECIDED, name="render page"),
    one("tests/test_api.py::test_ratio", "ratio", 0.62, BudgetVerdict.WITHIN, unit="", limit=0.5, name="cached"),
    one("tests/test_api.py::test_old", "p95", None, BudgetVerdict.UNMEASURED),
    Measurement("tests/test_api.py::test_bare", "", "body", "", 59, 1, 60.0, 1, {"median": 3 * MS}, []),
]


@pytest.mark.parametrize(
    ("name", "width", "color", "unicode"),
    [
        ("plain", 120, False, True),
        ("ascii", 120, False, False),
        ("color", 120, True, True),
        ("narrow", 80, False, True),
    ],
)
def test_the_table(name: str, width: int, color: bool, unicode: bool) -> None:
    drawn = render_table(MIXED, width=width, color=color, unicode=unicode, warn_at=0.8, most_calm=30)
    file = GOLDEN / f"table_{name}.txt"
    if os.environ.get("PERFBUDGET_GOLDEN") == "write":
        file.write_text(drawn, "utf-8")
    assert drawn == file.read_text("utf-8")
    if not color:
        assert "\033" not in drawn
    if not unicode:
        assert drawn.isascii()


def test_a_long_table_leaves_out_what_is_well_within() -> None:
    many = [one(f"a.py::test_{number}", "p95", number / 100, BudgetVerdict.WITHIN) for number in range(60)]
    short = render_table([*many, *MIXED], width=120, color=False, unicode=True, warn_at=0.8, most_calm=30)
    assert "test_1 " not in short
    assert "test_59 " in short
    assert "test_claim[10-000]" in short
    assert "test_cold" in short
    assert "34 more rows: well within, or without a budget; -v shows all" in short
    full = render_table([*many, *MIXED], width=120, color=False, unicode=True, warn_at=0.8, most_calm=None)
    assert all(f"test_{number} " in full for number in range(60))


def test_a_table_of_nothing_but_calm_rows_can_shrink_to_a_line() -> None:
    calm = [one("a.py::test", "p95", 0.1, BudgetVerdict.WITHIN)]
    drawn = render_table(calm, width=120, color=False, unicode=True, warn_at=0.8, most_calm=0)
    assert drawn == "1 more row: well within, or without a budget; -v shows all\n"


def test_brackets_in_a_node_id_are_no_markup() -> None:
    odd = [one("a.py::test_it[bold red]", "p95", 0.1, BudgetVerdict.WITHIN)]
    assert "test_it[bold red]" in render_table(odd, width=100, color=True, unicode=True, warn_at=0.8, most_calm=None)


@pytest.mark.parametrize(
    ("nodeids", "shown"),
    [
        (["a/t.py::x", "a/t.py::C::y", "a/t.py::x"], ["x", "C::y", "x"]),
        (["a/t.py::x", "a/u.py::x"], ["t.py::x", "u.py::x"]),
        (["a/t.py::x", "b/t.py::x"], ["a/t.py::x", "b/t.py::x"]),
        (["doc.txt"], ["doc.txt"]),
    ],
)
def test_node_ids_are_as_short_as_they_can_be(nodeids: list[str], shown: list[str]) -> None:
    names = short_names(nodeids)
    assert [names[nodeid] for nodeid in nodeids] == shown


@pytest.mark.parametrize(
    ("used", "drawn"),
    [(0.0, "....    0%"), (0.5, "##..   50%"), (0.99, "###.   99%"), (1.0, "####  100%"), (6.5, "#### 6.50x")],
)
def test_only_a_full_budget_has_a_full_bar(used: float, drawn: str) -> None:
    assert Bar(cells=4, unicode=False).draw(used) == drawn
