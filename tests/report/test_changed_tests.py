"""The wording of perf tests that a pull request changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from results import change

from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.report.changed_tests import measuring_less_text

REMEDY = " (import the new name within the test that needs it)"


@pytest.mark.parametrize(
    ("problem", "remedy"),
    [
        ("ImportError: cannot import name 'refund' from 'shop'", REMEDY),
        ("ModuleNotFoundError: No module named 'cache'", REMEDY),
        ("AttributeError: module 'shop' has no attribute 'refund'", ""),
    ],
)
def test_a_file_that_the_code_of_the_base_cannot_import_has_a_remedy(problem: str, remedy: str) -> None:
    unknown = replace(change(RegressionVerdict.UNMEASURED), reason=problem)
    assert measuring_less_text([("step", unknown)], "main") == (
        "changed, and whether the test measures less is not known, because the tests of both commits could not be "
        f"compared with the code of main: {problem}{remedy}"
    )
