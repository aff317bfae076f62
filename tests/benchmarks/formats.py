"""Measures every format of a report: the size of its text and the time to write it, for 0, 100, 1,000 and 10,000 tests.

    python tests/benchmarks/formats.py [--runs 3]

Synthetic sessions, whose tests each have a budget, two comparisons, 200 rounds and those of the other side; a test in a
hundred fails, with a profile of both sides. Prints a table in Markdown, with medians over the runs. The formats of loads
(`hgrm`, `k6`) are left out, because these sessions have no load.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from html_session import many

from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.formats import FORMATS, github, junit, render

NUMBERS: Final = (0, 100, 1_000, 10_000)
LEFT_OUT: Final = ("hgrm", "k6")


def text_of(result: RunResult, name: str) -> str:
    """Return the text of a format, or of what a session writes without a file of its own."""
    if name == "annotations":
        return "\n".join(github.commands(result))
    if name == "JUnit":
        return "\n".join(f"{key}={value}" for key, value in junit.properties(result.measurements))
    return render(result, name)


def cell(result: RunResult, name: str, runs: int) -> str:
    """Return the size and the time of a format as a cell of the table."""
    times_s = []
    for _ in range(runs):
        began = time.perf_counter()
        text = text_of(result, name)
        times_s.append(time.perf_counter() - began)
    return f"{size_text(len(text.encode()))}, {time_text(statistics.median(times_s))}"


def size_text(size: int) -> str:
    """Return a number of bytes with its unit."""
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def time_text(time_s: float) -> str:
    """Return a time in s or ms."""
    return f"{time_s:.1f} s" if time_s >= 1 else f"{1000 * time_s:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    names = [*(name for name in FORMATS if name not in LEFT_OUT), "annotations", "JUnit"]
    sessions = [many(number) for number in NUMBERS]
    render(sessions[1], "html")  # jinja2 compiles the page once
    print(f"| format | {' | '.join(f'{number:,} tests' for number in NUMBERS)} |")
    print(f"|---|{'---:|' * len(NUMBERS)}")
    for name in names:
        cells = [cell(session, name, runs) for session in sessions]
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
