"""A further metric takes one row of the table and one probe: keywords, budgets, baseline and reports follow."""

from __future__ import annotations

import json

from scripting import Project, add_to_conftest, regression_verdicts

ROW_AND_PROBE = """
import shop
from pytest_perfbudget.core.metrics import ComparedAs, Metric, register
from pytest_perfbudget.measure.probes import PROBES

register(
    Metric(
        "rows", "rows", "rows read", keywords={"max_rows": 1.0}, is_whole=True, compared_as=ComparedAs.COUNT, floor=2
    )
)

class RowsRead:
    def __init__(self):
        self.count = 0.0

    def start(self):
        self.before = shop.rows

    def stop(self):
        self.count = float(shop.rows - self.before)

PROBES["rows"] = RowsRead
"""

SHOP = """
from scripted import advance
rows = 0

def query(number=5):
    global rows
    rows += number
    advance(1)
"""

TESTS = """
import shop

@pytest.mark.perf_budget(max_rows=10)
def test_query():
    shop.query()
"""

TABLE = "[tool.perfbudget]\nbaseline_runs = 2\nmax_rows = 100\n"


def test_a_further_metric_goes_through_marker_table_json_and_baseline(lean: Project) -> None:
    lean.file("shop.py", SHOP)
    add_to_conftest(lean, ROW_AND_PROBE)
    lean.run(TESTS, "--perf-update-baseline", pyproject=TABLE, subprocess=True).assert_outcomes(passed=1)
    (line,) = json.loads((lean.pytester.path / "perf-baseline.json").read_text("utf-8"))["measurements"]
    assert line["rows"] == 5

    lean.file("shop.py", SHOP.replace("number=5", "number=8"))  # more than before, within its budget
    result = lean.run(TESTS, subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["60 % more rows read than the baseline", "  8 rows, baseline 5 rows*"])
    assert regression_verdicts(lean)["test_query rows"] == "regressed"

    lean.file("shop.py", SHOP.replace("number=5", "number=20"))
    result = lean.run(TESTS, subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "rows 20 rows exceeds its budget of 10 rows (2x)",
            "  as observed; 10 untimed passes",
            "  limit max_rows=10 from perf_budget marker in test_it.py:*",
        ]
    )
    assert lean.verdicts()["test_query rows"] == "exceeded"
    (one,) = lean.report["measurements"]
    assert one["statistics"]["rows"] == 20


def test_its_limit_may_stand_in_the_table_and_a_typo_in_it_is_an_error(lean: Project) -> None:
    lean.file("shop.py", SHOP)
    add_to_conftest(lean, ROW_AND_PROBE)
    tests = TESTS.replace("(max_rows=10)", "")
    lean.run(tests, pyproject="[tool.perfbudget]\nmax_rows = 3\n", subprocess=True).assert_outcomes(failed=1)
    result = lean.run(tests, pyproject="[tool.perfbudget]\nmax_row = 3\n", subprocess=True)
    result.stderr.fnmatch_lines(["*unknown keyword 'max_row' (did you mean 'max_rows'?)"])
