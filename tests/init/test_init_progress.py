"""The progress of the session that `perfbudget init --suggest` measures."""

from __future__ import annotations

import io

import pytest

from pytest_perfbudget.init.progress import MeasuringProgress
from pytest_perfbudget.report.progress import SUGGESTING_PREFIX

STEP_NS = 4_000_000_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines() -> list[str]:
    return [f"{SUGGESTING_PREFIX}test {number} of 6: test_it.py::test_{number}\n" for number in range(1, 7)]


def shown(stream: io.StringIO, lines: list[str]) -> str:
    times = iter(range(0, STEP_NS * 100, STEP_NS))
    progress = MeasuringProgress(stream, lambda: next(times))
    assert all(progress.takes(line) for line in lines)
    progress.clear()
    return stream.getvalue()


def test_a_log_has_a_line_every_ten_seconds(lines: list[str]) -> None:
    assert shown(io.StringIO(), lines) == "test 3 of 6: test_it.py::test_3\ntest 6 of 6: test_it.py::test_6\n"


def test_a_terminal_has_one_line_that_is_removed_at_the_end(lines: list[str]) -> None:
    text = shown(Terminal(), lines)
    assert text.count("\r\033[K") == len(lines) + 1
    assert "\n" not in text
    assert text.endswith("test 6 of 6: test_it.py::test_6\r\033[K")


def test_another_line_of_the_session_is_no_progress() -> None:
    stream = io.StringIO()
    assert not MeasuringProgress(stream, lambda: 0).takes("ERROR: no such file\n")
    assert stream.getvalue() == ""
