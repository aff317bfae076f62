"""Numbers of a baseline that a pull request raises."""

from __future__ import annotations

import pytest

from pytest_perfbudget.baseline.raised import raised
from pytest_perfbudget.baseline.schema import Baseline, Key, Line
from pytest_perfbudget.core.reference import Reference

KEY = Key("a.py::test", "", "5f2c91ab")


def baseline(time_ns: float | None = 1e6, **counts: int) -> Baseline:
    time = (
        None if time_ns is None else Reference(time_ns, 0.01, 10, 100, 1.0, 1.0, 0.0, (0.4, 0.3, 0.3), (4e4, 2e4, 3e4))
    )
    return Baseline(lines={KEY: Line(KEY, time, counts)})


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (baseline(2e6, calls=100), [("time of the baseline 1 ms", "2 ms")]),
        (baseline(None, calls=100), [("time of the baseline 1 ms", "none")]),
        (baseline(1e6, calls=200), [("calls of the baseline 100", "200")]),
        (baseline(1e6), [("calls of the baseline 100", "none")]),
        (Baseline(), [("line of the baseline", "no line")]),
        (baseline(1.04e6, calls=103), []),
        (baseline(0.5e6, calls=50), []),
    ],
)
def test_a_raised_number_is_found(after: Baseline, found: list[tuple[str, str]]) -> None:
    changes = raised(baseline(1e6, calls=100), after, 0.05, "perf-baseline.json")
    assert [(key, one.base, one.head, one.source) for key, one in changes] == [
        (KEY, base, head, "perf-baseline.json") for base, head in found
    ]


def test_a_load_that_became_easier_is_found_and_a_harder_load_is_not() -> None:
    ten, eight = (Baseline(lines={KEY: Line(KEY, load=f"{users} users, 20 requests each")}) for users in (10, 8))
    ((key, one),) = raised(ten, eight, 0.05, "perf-baseline.json")
    assert (key, one.base, one.head) == (KEY, "load of the baseline 10 users", "8 users")
    assert raised(eight, ten, 0.05, "perf-baseline.json") == []


def test_a_new_line_is_no_raise() -> None:
    assert raised(Baseline(), baseline(), 0.05, "perf-baseline.json") == []
