"""A run of locust whose processes have not all ended well is incomplete."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_perfbudget.measure.load.locust_run import _why_died


@pytest.mark.parametrize(
    ("statuses", "reason"),
    [
        ([0, 0], ""),
        ([0, 3], "a process of locust ended with status 3: MemoryError"),
        ([0, -9], "a process of locust ended with status -9: MemoryError"),
        ([None, 0], "a process of locust had to be killed: it said nothing"),
    ],
)
def test_the_last_words_of_a_process_that_died_are_said(
    tmp_path: Path, statuses: list[int | None], reason: str
) -> None:
    logs = [tmp_path / "0.log", tmp_path / "1.log"]
    logs[0].write_text("")
    logs[1].write_text("Traceback\nMemoryError\n\n")
    assert _why_died(statuses, logs) == reason
