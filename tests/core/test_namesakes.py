"""The assignment of a test's measurements to the other side's by their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.namesakes import ambiguous, reordered, unclear


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


def calls(*identities: str, function: str = "shop:Codec") -> dict[str, list[str]]:
    """Return several calls of a function, each with the letters of its digests."""
    return {
        name: [function, *(f"={one}" if one.isdigit() else one for one in identity)]
        for name, identity in zip(numbered("run", len(identities)), identities, strict=True)
    }


@pytest.mark.parametrize(
    ("here", "there", "moved", "unknown"),
    [
        (("a", "b"), ("a", "b"), "", ""),
        (("a", "b"), ("b", "a"), "12", ""),
        (("a", "b", "c"), ("a", "c", "b"), "23", ""),
        (("a", "b"), ("a", "x"), "", ""),
        (("a", "b"), ("x", "y"), "", "12"),
        (("a", "a"), ("x", "x"), "", ""),
        (("ka", "kb"), ("kb", "ka"), "12", ""),
        (("ka", "lb"), ("kx", "ly"), "", ""),
        (("k1", "k2"), ("k2", "k1"), "12", ""),
        (("k1", "k2"), ("k3", "k4"), "", ""),
        (("k", "k1"), ("k", "k1"), "", ""),
    ],
    ids=["same", "swapped", "two swapped", "one changed", "all changed", "alike", "second digest", "code tells",
         "arguments swapped", "random arguments", "more arguments"],
)  # fmt: skip
def test_calls_of_one_function_are_told_apart_by_what_belongs_to_them(
    here: tuple[str, ...], there: tuple[str, ...], moved: str, unknown: str
) -> None:
    names = {str(at + 1): name for at, name in enumerate(calls(*here))}
    assert set(reordered(calls(*here), calls(*there))) == {names[one] for one in moved}
    assert set(unclear(calls(*here), calls(*there))) == {names[one] for one in unknown}


def test_functions_with_qualified_names_of_their_own_need_nothing_else() -> None:
    one, other = {"run": ["A.run", "x"], "run#2": ["B.run", "y"]}, {"run": ["A.run", "z"], "run#2": ["B.run", "w"]}
    assert not reordered(one, other)
    assert not unclear(one, other)
