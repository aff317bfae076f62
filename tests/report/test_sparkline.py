"""Charts in a line."""

from __future__ import annotations

from pytest_perfbudget.report.sparkline import marks_below, sparkline


def test_the_lowest_and_the_highest_have_the_ends() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 20, unicode=True) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 20, unicode=False) == "12345678"


def test_a_percent_is_no_mountain() -> None:
    assert set(sparkline([100, 101, 99, 100], 20, unicode=False)) <= set("45")
    assert sparkline([0, 0], 20, unicode=False) == "55"


def test_many_numbers_share_a_cell_and_a_mark_is_below_its_cell() -> None:
    values = [1.0] * 50 + [2.0] * 49 + [1.5]
    assert sparkline(values, 12, unicode=False) == "111111888885"
    assert marks_below({50: "^", 99: "?"}, 100, 12) == "     ^     ?"
    assert marks_below({1: "|"}, 3, 10) == " |"
