"""Every format on one document. `PERFBUDGET_GOLDEN=write pytest tests/report` writes the golden files anew."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from full_result import FULL, limits, many, result_of
from html_session import payload_of
from results import budget, measurement

from pytest_perfbudget.core.kinds import KINDS
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.formats import FORMATS, github, junit
from pytest_perfbudget.report.formats.markdown_text import code_in_table
from pytest_perfbudget.report.numbers import quantity
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.regressions import limit_text

GOLDEN = Path(__file__).parent / "golden"
FILES = {
    "md": "report.md",
    "csv": "report.csv",
    "prom": "report.prom",
    "codequality": "gl-code-quality.json",
    "metrics": "metrics.txt",
}


def check(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("PERFBUDGET_GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode())
    assert text == file.read_bytes().decode()


def html_entries(page: str) -> dict[str, Any]:
    """Return the data of each measurement in an HTML report, by id."""
    return {one["id"]: one for one in payload_of(page)["entries"]}


def test_the_document_has_every_verdict_and_kind() -> None:
    budgets = {budget.verdict for one in FULL.measurements for budget in one.budgets}
    changes = {change.verdict for one in FULL.measurements for change in one.changes}
    assert budgets == set(BudgetVerdict)
    assert changes | ({RegressionVerdict.MISSING} if FULL.missing else set()) == set(RegressionVerdict)
    assert {one.kind.name for one in FULL.measurements} == set(KINDS)


@pytest.mark.parametrize("name", FILES)
def test_a_file_looks_as_it_did(name: str) -> None:
    check(FILES[name], formats.render(FULL, name))


def test_annotations_and_properties_look_as_they_did() -> None:
    check("annotations.txt", "".join(f"{one}\n" for one in github.commands(FULL)))
    check("properties.txt", "".join(f"{name} = {text}\n" for name, text in junit.properties(FULL.measurements)))


def test_every_limit_is_in_html_markdown_and_csv_with_the_same_rounding() -> None:
    page = formats.render(FULL, "md").splitlines()
    rows = list(csv.DictReader(io.StringIO(formats.render(FULL, "csv"))))
    entries = html_entries(formats.render(FULL, "html"))
    assert len(limits()) >= 30
    for limited, found in limits():
        where = limited.id, found.metric
        is_budget = isinstance(found, BudgetResult)
        text = quantity(found.limit, found.unit) if isinstance(found, BudgetResult) else limit_text(found)
        cells = [
            line.split(" | ") for line in page if code_in_table(limited.id) in line and f" {found.metric} " in line
        ]
        assert any(text in one for one in cells), where
        column = "limit" if is_budget else "tolerance"
        test, name = (printable(one, unicode=True) for one in (limited.nodeid, limited.name))
        own = [one for one in rows if one["test"] == test and one["metric"] == found.metric]
        own = [one for one in own if one["name"].removeprefix("'") == name]
        assert text in [one[column] for one in own], where
        assert found.source in [one[f"{column} from"] for one in own]
        parts = entries[limited.id].get("budgets" if is_budget else "changes", [])
        assert text in [one.get("limit") for one in parts if one["metric"] == found.metric], where
        assert any(found.source in one["source"] for one in parts), where


@pytest.mark.parametrize("name", ["md", "csv"])
def test_a_number_just_beyond_its_limit_differs_from_it_in_each_table(name: str) -> None:
    near = result_of(measurement(budget(limit=50.001e6, estimate=50.004e6)))
    assert "50.001 ms" in formats.render(near, name)
    ((_, text),) = junit.properties(near.measurements)
    assert "50.004 ms (100.01%); limit 50.001 ms from" in text


@pytest.mark.parametrize("name", FORMATS)
def test_a_session_without_tests_makes_a_file(name: str) -> None:
    assert isinstance(formats.render(RunResult(), name), str)


@pytest.mark.parametrize("name", sorted({*FORMATS} - {"html"}))
def test_no_name_colours_a_terminal_that_shows_a_file(name: str) -> None:
    text = "\x1b[31mred\x07"
    one = measurement(
        budget(source=text, reason=text),
        nodeid=f"a.py::t[{text}]",
        name=text,
        component=text,
        times=RoundTimes.of([1e6]),
    )
    assert not {"\x1b", "\x07"} & set(formats.render(result_of(one), name))


@pytest.mark.parametrize("name", sorted({*FILES, "json"}))
def test_ten_thousand_tests_make_a_file_of_a_bounded_size(name: str) -> None:
    most = {"md": 1_000_000, "prom": 40_000_000}.get(name, 30_000_000)
    assert len(formats.render(many(10_000), name).encode()) < most


def test_the_json_of_the_document_is_read_back() -> None:
    assert RunResult.from_dict(json.loads(formats.render(FULL, "json"))).to_dict() == FULL.to_dict()
