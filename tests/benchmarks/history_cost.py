"""The cost of a history of a million points, and of as many windows as a large service has.

Building the rows takes a minute, and measuring some seconds:
python tests/benchmarks/history_cost.py build FILE; python tests/benchmarks/history_cost.py measure FILE
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from histories import DAY_S, SERVICE_S, START_S, point, process, session, window

from pytest_perfbudget.core.history.service_window import HOUR_S
from pytest_perfbudget.core.history.session import HistorySession
from pytest_perfbudget.core.history.trend import SeriesKey
from pytest_perfbudget.history.store import append, series, trends
from pytest_perfbudget.history.windows import append_windows, component_hours, windows_since

COMPONENTS, PROCESSES = [f"part{number}" for number in range(100)], 8
TESTS, METRICS, SESSIONS = 200, ("median", "mean", "p95", "time", "peak"), 1000
REPEATS = 15


def made(number: int, at_s: float) -> HistorySession:
    """Return a session of 1,000 points."""
    points = [
        point(4e6 + number, test=f"tests/test_{test % 20}.py::test_{test}", metric=metric)
        for test in range(TESTS)
        for metric in METRICS
    ]
    return session(number, points, at_s=at_s)


def build(file: Path) -> None:
    """Write the sessions of 30 days, and the hours of 30 days and the minutes of four hours of a service."""
    for first in range(0, SESSIONS, 50):
        append(file, [made(one, START_S + one * 30 * DAY_S / SESSIONS) for one in range(first, first + 50)], 0)
    for first in range(0, 30 * 24 * 60, 60):
        hour = [replace(window(first, name), seconds=HOUR_S) for name in COMPONENTS]
        append_windows(file, hour, process("", SERVICE_S), 0)
    for writer in range(PROCESSES):
        minutes = [window(30 * 24 * 60 + minute, name) for minute in range(-120, 120) for name in COMPONENTS]
        append_windows(file, minutes, process(str(writer), SERVICE_S), 0)


def cost_ms(function: Callable[[int], object]) -> str:
    """Return the median and the largest time of calls with a rising number."""
    found = []
    for number in range(REPEATS):
        start_ns = time.perf_counter_ns()
        function(number)
        found.append((time.perf_counter_ns() - start_ns) / 1e6)
    return f"{statistics.median(found):6.1f} ms, at most {max(found):.1f} ms"


def measure(file: Path) -> None:
    """Print the costs."""
    new = [made(SESSIONS + one, START_S + 30 * DAY_S + one) for one in range(2 * REPEATS)]
    key = SeriesKey("tests/test_7.py::test_7", "", "median")
    points = len(trends(file, [key], 0)[0].points) * TESTS * len(METRICS)
    print(f"{points:,} points, {file.stat().st_size / 1e6:.0f} MB")

    def append_one(number: int, oldest_s: float) -> None:
        append(file, [new[number]], oldest_s, now_s=START_S + 30 * DAY_S)

    print(f"append a session of 1,000 points      {cost_ms(lambda one: append_one(one, START_S))}")
    pruned = START_S + 7 * DAY_S
    print(f"append, and remove 8 sessions as old  {cost_ms(lambda one: append_one(REPEATS + one, pruned))}")
    print(f"read a trend                          {cost_ms(lambda _: trends(file, [key], pruned))}")
    print(f"list the trends                       {cost_ms(lambda _: series(file, pruned))}")
    measure_service(file)


def measure_service(file: Path) -> None:
    """Print the costs of a service."""
    now_s = SERVICE_S + 30 * DAY_S + 7200
    new = [[window(30 * 24 * 60 + 120 + minute, name) for name in COMPONENTS] for minute in range(REPEATS)]
    rows = 30 * 24 * len(COMPONENTS) + 240 * PROCESSES * len(COMPONENTS)
    print(f"{rows:,} windows of {len(COMPONENTS)} components")

    def append_minute(number: int) -> None:
        append_windows(file, new[number], process("a", now_s + 60 * number), START_S)

    print(f"append a minute, and merge two hours  {cost_ms(append_minute)}")
    print(f"read the hours of a component         {cost_ms(lambda _: component_hours(file, START_S, 'part7'))}")
    print(f"read a day of all components          {cost_ms(lambda _: windows_since(file, now_s - DAY_S))}")


if __name__ == "__main__":
    {"build": build, "measure": measure}[sys.argv[1]](Path(sys.argv[2]))
