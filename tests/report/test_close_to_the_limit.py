"""The words for a slowdown just beyond the limit, which rounding must not hide."""

from __future__ import annotations

import pytest
from results import change, measurement

from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.report.regressions import headline


@pytest.mark.parametrize(
    ("ratio", "limit", "expected"),
    [
        (1.0304, 0.03, "3.04 % slower"),
        (1.03001, 0.03, "just over 3 % slower"),
        (1.1004, 0.1, "10.04 % slower"),
        (1.031, 0.03, "3.1 % slower"),
        (1.124, 0.05, "12.4 % slower"),
    ],
)
def test_a_slowdown_is_told_with_so_many_digits_that_it_differs_from_the_limit(
    ratio: float, limit: float, expected: str
) -> None:
    result = change(ratio=ratio, limit=limit)
    (case,) = find([measurement(result)], Policy())
    assert headline(case, result).startswith(f"{expected} than the baseline")
