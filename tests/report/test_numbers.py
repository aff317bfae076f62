from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.report.numbers import change_interval, odds, percent, quantity, share_text


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
        (85.2, "rps", "85.2 rps"),
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
    ("value", "beside", "unit", "text"),
    [
        (50.004e6, 50e6, "ns", "50.004 ms"),
        (50e6, 50.004e6, "ns", "50 ms"),
        (49.9999e6, 50e6, "ns", "49.9999 ms"),
        (0.99996e6, 1e6, "ns", "0.99996 ms"),
        (61.3e6, 50e6, "ns", "61.3 ms"),
        (50e6, 50e6, "ns", "50 ms"),
        (1_000_400_000, 1e9, "bytes", "1,000.4 MB"),
        (3.004, 3, "spans", "3.004"),
        (0.5001, 0.5, "", "0.5001x"),
        (99.996, 100, "rps", "99.996 rps"),
    ],
)
def test_a_value_beside_another_has_digits_until_the_two_differ(
    value: float, beside: float, unit: str, text: str
) -> None:
    assert quantity(value, unit, beside=beside) == text


@given(st.floats(1, 1e12), st.floats(-1e-3, 1e-3), st.sampled_from(["ns", "bytes", "calls", "rps", ""]))
def test_rounding_never_hides_on_which_side_of_a_limit_a_value_lies(limit: float, share: float, unit: str) -> None:
    value = limit * (1 + share)
    if abs(share) < 1e-8:
        return
    (first, name), (second, other) = (
        quantity(one, unit, beside=two).rstrip("x").replace(",", "").partition(" ")[::2]
        for one, two in ((value, limit), (limit, value))
    )
    assert (float(first) < float(second)) == (value < limit) or name != other
    assert (first, name) != (second, other)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.00008, "100.01%"),
        (0.99999, "99.999%"),
        (0.38, "38%"),
        (1.004, "100.4%"),
        (0.996, "99.6%"),
        (1.0, "100%"),
        (6.5, "6.50x"),
        (68, "68x"),
        (1e9, "over 1,000,000x"),
    ],
)
def test_shares_of_a_limit(share: float, text: str) -> None:
    assert share_text(share) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.0, "+0.0 %"),
        (1.124, "+12.4 %"),
        (0.871, "-12.9 %"),
        (1.25, "+25 %"),
        (0.5, "-50 %"),
        (3.21, "3.2x"),
        (0.0025, "1/400x"),
    ],
)
def test_a_ratio_as_a_change(ratio: float, text: str) -> None:
    assert percent(ratio) == text


@pytest.mark.parametrize(
    ("lower", "ratio", "upper", "text"),
    [
        (0.98, 1.03, 1.08, "-2.0 % .. +8.0 %"),
        (0.41, 0.93, 2.1, "-59 % .. +110 %"),
        (0.04, 0.5, 12.5, "-96.0 % .. +1,150 %"),
        (1.05, 2.1, 4.2, "1.05x .. 4.2x"),
        (0.97, 2.1, 4.2, "1/1.03x .. 4.2x"),
        (1 / 12, 0.09, 0.11, "1/12x .. 1/9.1x"),
        (90, 100, 120, "90.0x .. 120x"),
        (0.0, 0.01, 0.2, "to none .. 1/5.0x"),
    ],
)
def test_an_interval_has_the_notation_of_its_change(lower: float, ratio: float, upper: float, text: str) -> None:
    """No interval ends in another notation than it begins: neither `1/12x .. -90 %` nor `-59 % .. 2.1x`."""
    assert change_interval(lower, upper, ratio) == text


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.005, "once in 200 times"),
        (8.1e-6, "once in 120,000 times"),
        (0.4, "once in 2 times"),
        (1e-9, "less than once in a million times"),
    ],
)
def test_small_probabilities(probability: float, text: str) -> None:
    assert odds(probability) == text


@given(st.floats(1, 9e11))
def test_a_time_below_1000_s_never_has_four_digits_before_the_point(value: float) -> None:
    number = quantity(value, "ns").split()[0]
    assert "," not in number
    assert float(number) < 1000
