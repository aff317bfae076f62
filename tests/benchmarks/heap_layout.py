"""Measures what the place of small objects does to a loop, with and without a new layout of the heap before each block.

Run by hand on an otherwise idle machine, from the root of a checkout:

    python tests/benchmarks/heap_layout.py [--runs 10]

The loop walks over slices of a bytearray. Processes run in turns that have held 0, 1, 3, 8 or 20 blocks of the size of a
slice since their start; everything else in them is equal.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

from pytest_perfbudget.measure.isolation import Heap

LAYOUTS = ("as the process made it", "drawn anew, large blocks", "drawn anew, all blocks")
HELD = (0, 1, 3, 8, 20)


def walk(buffer: bytearray) -> int:
    total = 0
    for start in range(0, len(buffer), 96):
        piece = buffer[start : start + 96]
        total += piece[0] ^ piece[-1]
        if piece.startswith(b"\x00"):
            total += piece.count(0)
    return total


def seconds(buffer: bytearray) -> float:
    start = time.perf_counter()
    walk(buffer)
    return time.perf_counter() - start


def measure(layout: str) -> float:
    """Return the lower quartile of the calls of a block in us, in the mean of 20 blocks."""
    buffer = bytearray(random.Random(101).randbytes(300_000))
    heap = Heap()
    if layout == LAYOUTS[1]:
        heap._hold_small = lambda counts: counts.clear()  # type: ignore[method-assign]
    blocks = []
    for _ in range(20):
        if layout != LAYOUTS[0]:
            heap.redraw()
        blocks.append(statistics.quantiles([seconds(buffer) for _ in range(30)], n=4)[0])
    return statistics.fmean(blocks) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--process", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.process:
        layout, held = options.process
        if affinity := getattr(os, "sched_setaffinity", None):
            affinity(0, {0})
        kept = [bytes(79) for _ in range(int(held))]  # as large as the buffer of a slice
        print(measure(layout), len(kept))
        return
    found: dict[tuple[str, int], list[float]] = {}
    for _, layout, held in itertools.product(range(options.runs), LAYOUTS, HELD):
        command = [sys.executable, str(Path(__file__)), "--process", layout, str(held)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.setdefault((layout, held), []).append(float(done.stdout.split()[0]))
    for layout in LAYOUTS:
        medians = {held: statistics.median(found[layout, held]) for held in HELD}
        slowest, fastest = max(medians.values()), min(medians.values())
        each = "  ".join(f"{held}: {median:.0f}" for held, median in medians.items())
        print(f"{layout:26} {each} us; slowest / fastest {slowest / fastest:.3f}")


if __name__ == "__main__":
    main()
