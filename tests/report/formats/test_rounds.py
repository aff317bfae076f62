"""The single rounds as CSV, as a data frame reads them."""

from __future__ import annotations

import csv
import io

import pytest
from full_result import HOSTILE, result_of
from hypothesis import given, settings
from hypothesis import strategies as st
from results import measurement

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.report.formats.rounds import COLUMNS, render


def read(*measurements: Measurement) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(result_of(*measurements)))))


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**50), max_size=600), st.integers(1, 50))
def test_each_kept_round_is_read_back_to_four_digits(rounds_ns: list[int], calls: int) -> None:
    times = RoundTimes.of([one / calls for one in rounds_ns], calls)
    rows = read(measurement(nodeid="a.py::test", name="parse", times=times))
    every = 1 if times is None else times.every
    found = [float(row["time [s per round]"]) * 1e9 for row in rows]
    assert found == pytest.approx(rounds_ns[::every], abs=1, rel=1.01 / 16_384)
    assert [int(row["round"]) for row in rows] == list(range(1, len(rounds_ns) + 1, every))
    assert {(row["test"], row["name"], row["side"], row["calls [per round]"]) for row in rows} <= {
        ("a.py::test", "parse", "head", str(calls))
    }


def test_a_measurement_without_rounds_has_no_row() -> None:
    assert render(result_of(measurement(times=None))) == ",".join(COLUMNS) + "\n"


def test_a_name_is_one_cell_of_one_line_and_no_formula() -> None:
    tests = [measurement(nodeid="a.py::test", name=name, times=RoundTimes.of([1e6])) for name in HOSTILE]
    names = [row["name"] for row in read(*tests)]
    assert len(names) == len(render(result_of(*tests)).splitlines()) - 1 == len(HOSTILE)
    assert not any(name.startswith(("=", "+", "-", "@")) for name in names)


def test_damaged_rounds_are_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be unpacked"):
        render(result_of(measurement(times=RoundTimes("!!"))))
