"""The distribution of a failed test, and the bars of a regression."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results import MS, budget, measurement

from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.report.bars import ascii_bars, bar, short_bar, shows_bars
from pytest_perfbudget.report.histogram import histograms


def lines(times_ms: list[float], limit_ms: float = 50, **changed: Any) -> list[str]:
    times = RoundTimes.of([one * MS for one in times_ms])
    one = measurement(budget(limit=limit_ms * MS), times=times, rounds=len(times_ms), **changed)
    return histograms([one]).splitlines()


def test_each_line_counts_the_rounds_from_its_time_on() -> None:
    assert lines([10, 10, 11, 12, 12, 12, 13, 14], limit_ms=12.5, name="parse") == [
        "Distribution of parse, 8 rounds, each line from its time to the next, the last to 14 ms:",
        "  10 ms  ██████████████████                3",
        "  12 ms  ██████████████████████████████    5  < limit of p95, 12.5 ms",
    ]


@settings(deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=400))
def test_every_kept_round_is_counted_once(times_us: list[int]) -> None:
    found = lines([one / 1000 for one in times_us])
    counts = [int(line.split()[-1]) for line in found[1:] if not re.search(r"limit|all rounds|far slower", line)]
    marked = [int(re.search(r"(\d+)  <", line)[1]) for line in found[1:] if "  <" in line]  # type: ignore[index]
    assert sum(counts) + sum(marked) == len(times_us)
    assert len(found) <= 17


@pytest.mark.parametrize("outliers", [[5_000.0], [2_000.0 + at for at in range(60)]], ids=["one", "a fifth"])
def test_a_long_tail_does_not_hide_the_shape(outliers: list[float]) -> None:
    found = lines([10 + at / 100 for at in range(300)] + outliers)
    assert sum("█" * 10 in line for line in found[:11]) == 10
    assert found[11] == f"  {len(outliers)} round{'s' * (len(outliers) > 1)} far slower, in longer intervals:"


def test_a_fast_outlier_does_not_hide_the_shape() -> None:
    found = lines([0.001, *(10 + at / 100 for at in range(300))])
    assert sum("█" * 10 in line for line in found) == 10


def test_the_intervals_of_a_tail_grow() -> None:
    found = lines([10 + at / 100 for at in range(300)] + [100, 200, 400, 800, 800])
    assert [(line.split()[:2], line.split()[-1]) for line in found[12:]] == [
        (["100", "ms"], "1"), (["200", "ms"], "1"), (["400", "ms"], "3"),
    ]  # fmt: skip


def test_two_groups_of_times_share_the_equal_intervals() -> None:
    found = lines([10 + at / 100 for at in range(100)] + [20 + at / 100 for at in range(100)])
    assert not any("far slower" in line for line in found)
    assert sum("█" * 10 in line for line in found) == 2


@pytest.mark.parametrize(
    ("limit_ms", "text"),
    [
        (1, "  limit of p95, 1 ms: all rounds are slower"),
        (900, "  limit of p95, 900 ms: all rounds are faster"),
    ],
)
def test_a_limit_beyond_the_rounds_is_named(limit_ms: float, text: str) -> None:
    assert text in lines([10, 20, 30], limit_ms)


def test_a_thinned_distribution_says_so() -> None:
    assert lines([float(at) for at in range(1, 1001)])[0].startswith("Distribution, 500 of 1,000 rounds, ")
    assert "requests" in lines([1.0, 2.0], kind=LOAD)[0]


def test_without_rounds_there_is_nothing_to_show() -> None:
    assert histograms([measurement(budget())]) == ""


class TestBars:
    @settings(deadline=None)
    @given(st.floats(0, 0.9999))
    def test_a_smaller_share_leaves_a_cell_empty(self, share: float) -> None:
        assert len(bar(share, 10)) == 10
        assert bar(share, 10).endswith("░")
        assert bar(1, 10) == "█" * 10

    def test_a_count_above_zero_has_a_cell(self) -> None:
        assert [short_bar(share, 10) for share in (0, 0.001, 0.5)] == ["", "█", "█████"]

    def test_a_terminal_without_blocks_has_ascii(self) -> None:
        assert ascii_bars("head  ██░") == "head  ##."
        assert [shows_bars(one) for one in ("utf-8", "ascii", "cp1252", "no-such-encoding", None)] == [
            True, False, False, False, False,
        ]  # fmt: skip
