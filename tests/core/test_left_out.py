"""The perf tests of the base that a session has left out."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.left_out import left_out


@pytest.mark.parametrize(
    ("of_base", "taken", "expected"),
    [
        (["a.py::t"], ["a.py::t", "a.py::new"], []),
        (["a.py::t", "b.py::t"], ["a.py::t"], ["b.py::t"]),
        (["a.py::t[1]", "a.py::t[2]"], ["a.py::t[2]"], ["a.py::t[1]"]),
        (["a.py::t[<T at 0x7f01>]"], ["a.py::t[<T at 0x7f02>]"], []),
        (["a.py::t[x-y]", "a.py::t[z]"], ["a.py::t[y-x]", "a.py::t[z]"], []),  # ids from a set
        (["a.py::t[x]"], ["b.py::t[x]"], ["a.py::t[x]"]),
    ],
)
def test_a_perf_test_that_was_not_taken_is_left_out(of_base: list[str], taken: list[str], expected: list[str]) -> None:
    assert left_out(of_base, taken) == expected
