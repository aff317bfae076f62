"""The assignment of a test's measurements to the other side's by their names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.namesakes import ambiguous


def numbered(function: str, number: int) -> list[str]:
    """Return the names of several measurements of a function."""
    return [function, *(f"{function}#{one}" for one in range(2, number + 1))][:number]


def test_another_number_of_calls_makes_all_calls_of_a_function_ambiguous() -> None:
    here, there = ["work", "other"], ["work", "work#2", "other"]
    assert ambiguous(here, there) == {"work": (1, 2), "work#2": (1, 2)}


def test_a_name_that_the_test_gives_is_never_ambiguous() -> None:
    """Names of this side that the test gives are not passed."""
    assert ambiguous([], ["work", "work#2"]) == {}


@given(st.integers(0, 5), st.integers(0, 5))
def test_ambiguous_are_functions_of_both_sides_with_another_number(here: int, there: int) -> None:
    found = ambiguous(numbered("work", here), numbered("work", there))
    is_ambiguous = here != there and here > 0 and there > 0
    assert set(found) == (set(numbered("work", max(here, there))) if is_ambiguous else set())
