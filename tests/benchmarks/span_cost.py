"""The cost of spans: of `track` while nobody listens, of a span while a test gathers spans, of a fetch of SQLite, and of
a million spans.

    python tests/benchmarks/span_cost.py

Prints a table in ns: medians of interleaved repetitions, without the cost of the loop itself. The empty function shows what
any function with keywords takes in Python, whatever it does.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median

from pytest_perfbudget import track
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.tracing import Tracked
from pytest_perfbudget.tracing.sqlite import TrackedConnection

CALLS = 20_000
FOLDER = Path(__file__).parent


def nothing() -> None:
    """Do nothing."""


@track("function")
def tracked() -> None:
    """Do nothing, as a span."""


def block() -> None:
    """Run an empty block as a span."""
    with track("block"):
        pass


ONCE = track("once")


def block_made_once() -> None:
    """Run an empty block as a span, whose `track` is made once."""
    with ONCE:
        pass


def statement() -> None:
    """Run an empty block as a span with an attribute that nobody asks for."""
    with track("statement", statement="SELECT 1"):
        pass


def query() -> None:
    """Run an empty block as a span with an attribute, whose statement and line are noted for a limit."""
    with track("query", statement="SELECT 1"):
        pass


def untracked(name: str, /, **attributes: object) -> Tracked:  # noqa: ARG001 - the arguments cost the time
    """Return a span that was made before: the least that any function with keywords takes in Python."""
    return ONCE


def floor() -> None:
    """Run an empty block, with a function that does nothing in place of `track`."""
    with untracked("statement", statement="SELECT 1"):
        pass


CASES: dict[str, Callable[[], None]] = {
    "function": tracked,
    "block made once": block_made_once,
    "block": block,
    "block of an empty function with statement=": floor,
    "block with statement=": statement,
    "block with statement= and a limit": query,
}


def call_ns(function: Callable[[], None]) -> float:
    """Return the time of a call, in ns."""
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        function()
    return (time.perf_counter_ns() - start) / CALLS


def costs(repetitions: int) -> dict[str, tuple[float, float, float]]:
    """Return the cost of each case while nobody listens, while a test does, and of adding a span up afterwards."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in CASES}
    for _ in range(repetitions):
        for name, function in CASES.items():
            base_ns = call_ns(nothing)
            off_ns = call_ns(function) - base_ns
            gatherer = SpanGatherer(FOLDER, ["query"])
            with gatherer.listening():
                with gatherer.execution():
                    on_ns = call_ns(function) - base_ns
                start = time.perf_counter_ns()
                gatherer.keep()
                found[name].append((off_ns, on_ns, (time.perf_counter_ns() - start) / CALLS))
    return {name: tuple(median(one) for one in zip(*rows, strict=True)) for name, rows in found.items()}


ROWS = "WITH RECURSIVE one(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one LIMIT ?) SELECT n FROM one"


def fetch_ns(connection: sqlite3.Connection) -> float:
    """Return the time of a fetch of a row, in ns."""
    cursor = connection.execute(ROWS, [CALLS])
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        cursor.fetchone()
    return (time.perf_counter_ns() - start) / CALLS


def fetch_cost(repetitions: int) -> tuple[float, float]:
    """Return the cost of a fetch of a tracked connection while nobody listens, and while a test gathers spans."""
    plain, own = sqlite3.connect(":memory:"), sqlite3.connect(":memory:", factory=TrackedConnection)
    found = []
    for _ in range(repetitions):
        base_ns = fetch_ns(plain)
        off_ns = fetch_ns(own) - base_ns
        gatherer = SpanGatherer(FOLDER, ["query"])
        with gatherer.listening(), gatherer.execution():
            on_ns = fetch_ns(own) - base_ns
        found.append((off_ns, on_ns))
    plain.close()
    own.close()
    off, on = zip(*found, strict=True)
    return median(off), median(on)


def million_bytes() -> tuple[int, int]:
    """Return the memory that a million spans of a thousand executions leave, and the most on the way."""
    gatherer = SpanGatherer(FOLDER, ["query"])
    tracemalloc.start()
    for _ in range(100):
        with gatherer.listening():
            for _ in range(10):
                with gatherer.execution():
                    for _ in range(1_000):
                        query()
            gatherer.keep()
    kept_and_most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    series = gatherer.store.series("query")
    assert series is not None
    assert (sum(series.counts), gatherer.store.lost) == (1_000_000, 0)
    return kept_and_most


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--million", action="store_true", help="also count the memory of a million spans (a minute)")
    options = parser.parse_args()
    print("| span | nobody listens | a test gathers | added up afterwards |")
    print("|---|---|---|---|")
    for name, (off_ns, on_ns, after_ns) in costs(options.repetitions).items():
        print(f"| {name} | {off_ns:.0f} ns | {on_ns:,.0f} ns | {after_ns:,.0f} ns |")
    off_ns, on_ns = fetch_cost(options.repetitions)
    print(f"| a fetch of a row of `sqlite3` | {off_ns:.0f} ns | {on_ns:,.0f} ns | - |")
    if options.million:
        kept, most = million_bytes()
        print(f"\na million spans leave {kept / 1e6:.1f} MB; at most {most / 1e6:.1f} MB were in use")


if __name__ == "__main__":
    main()
