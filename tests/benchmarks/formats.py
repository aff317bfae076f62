"""Measures every format of a report: the size of its text and the time to write it, for 0, 100, 1,000 and 10,000 tests.

    python tests/benchmarks/formats.py [--runs 5]

Synthetic sessions, whose tests each have a budget, two comparisons and all that a report keeps of rounds; a test in a
hundred fails, with a profile of both sides. Each run writes every format of every session once, so that all formats
share the weather of the machine. Prints a table in Markdown: the size, the median time over the runs, and the shortest
and the longest time. Annotations and properties for JUnit files are the texts that a session hands to GitHub and to
pytest. The formats of loads (`hgrm`, `k6`) are left out, because these sessions have no load.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from html_session import many

from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.formats import FORMATS, github, junit, render

NUMBERS: Final = (0, 100, 1_000, 10_000)
LEFT_OUT: Final = ("hgrm", "k6")
ANNOTATIONS: Final = "annotations"
PROPERTIES: Final = "JUnit properties"


def text_of(result: RunResult, name: str) -> str:
    """Return the text of a format, or of what a session writes without a file of its own."""
    if name == ANNOTATIONS:
        return "".join(f"{one}\n" for one in github.commands(result))
    if name == PROPERTIES:
        return "".join(
            f"<property name={quoteattr(key)} value={quoteattr(value)} />\n"
            for key, value in junit.properties(result.measurements)
        )
    return render(result, name)


def cell(size: int, times_s: Sequence[float]) -> str:
    """Return the size of a format, the median time, and the shortest and longest time as a cell of the table."""
    median_s = statistics.median(times_s)
    factor, unit = (1, "s") if median_s >= 1 else (1000, "ms")
    numbers = [factor * one for one in (median_s, min(times_s), max(times_s))]
    median, least, most = (f"{one:.0f}" if one >= 10 else f"{one:.1f}" for one in numbers)
    return f"{size_text(size)}, {median} {unit} ({least} .. {most})"


def size_text(size: int) -> str:
    """Return a number of bytes with its unit."""
    if size >= 10e6:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e6:.1f} MB" if size >= 999_500 else f"{size / 1e3:.3g} kB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    names = [*(name for name in FORMATS if name not in LEFT_OUT), ANNOTATIONS, PROPERTIES]
    sessions = [many(number) for number in NUMBERS]
    render(sessions[1], "html")  # jinja2 compiles the page once
    sizes: dict[tuple[str, int], int] = {}
    times_s: dict[tuple[str, int], list[float]] = defaultdict(list)
    for _ in range(runs):
        for number, session in zip(NUMBERS, sessions, strict=True):
            for name in names:
                began = time.perf_counter()
                text = text_of(session, name)
                times_s[name, number].append(time.perf_counter() - began)
                sizes[name, number] = len(text.encode())
    print(f"| format | {' | '.join(f'{number:,} tests' for number in NUMBERS)} |")
    print(f"|---|{'---:|' * len(NUMBERS)}")
    for name in names:
        cells = [cell(sizes[name, number], times_s[name, number]) for number in NUMBERS]
        print(f"| {f'`{name}`' if name in FORMATS else name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
