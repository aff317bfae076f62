from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.units import NS_PER, parse_duration_ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [("1s", 1_000_000_000), ("250ms", 250_000_000), ("1.5 s", 1_500_000_000), (" 10us ", 10_000), ("7ns", 7)],
)
def test_a_duration_is_a_number_with_its_unit(text: str, ns: int) -> None:
    assert parse_duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "1", "s", "1m", "-1s", "0s", "1e3ms", "1 s s", "nan s", 1, 1.5, True, None])
def test_anything_else_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match=r"a duration above zero in s, ms, us or ns, such as '1s'"):
        parse_duration_ns(text)


@given(st.integers(1, 10**6), st.sampled_from(sorted(NS_PER)))
def test_every_whole_number_of_units_is_exact(number: int, unit: str) -> None:
    assert parse_duration_ns(f"{number}{unit}") == number * NS_PER[unit]
