"""Times a large baseline: reading 10,000 lines, and judging 10,000 measurements against them.

    python tests/benchmarks/scale.py [--runs 9]

Synthetic lines and measurements; medians and quartiles over the runs.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline, Key, Line, render
from pytest_perfbudget.baseline.store import read
from pytest_perfbudget.core.reference import Reference, prior_of
from pytest_perfbudget.core.unpaired import BLOCKS, UnpairedSlowdownTest
from pytest_perfbudget.core.weather import BlockTime

LINES = 10_000
CALM_NS = (36_712.0, 24_533.0, 38_521.0)


def baseline() -> Baseline:
    draw = random.Random(1)
    machine = this_machine()
    lines = {}
    for number in range(LINES):
        key = Key(f"tests/unit/test_module_{number % 200}.py::TestClass::test_case_{number}[param]", "", machine.key)
        spread = 0.01 * draw.lognormvariate(0, 0.5)
        weights = (0.412, 0.301, 0.351)
        time_ns = 1e6 * draw.lognormvariate(0, 2)
        reference = Reference(time_ns, spread, 10, BLOCKS, 6.2, 0.031, 0.12, weights, CALM_NS)
        lines[key] = Line(key, reference, {"calls": 1234, "peak": 45678}, "3f2a91c", "2026-11-20")
    return Baseline({machine.key: machine}, lines)


def measured(found: Baseline) -> list[tuple[UnpairedSlowdownTest, list[BlockTime]]]:
    draw = random.Random(2)
    prior = prior_of(line.time for line in found.lines.values() if line.time)
    pairs = []
    for line in found.lines.values():
        assert line.time is not None
        blocks = []
        for _ in range(BLOCKS):
            weather = draw.choice((1.0, 1.0, 1.45))
            canaries = (CALM_NS[0] * weather, CALM_NS[1] * weather, CALM_NS[2] * weather)
            blocks.append(BlockTime(line.time.time_ns * weather * draw.lognormvariate(0, 0.02), canaries, canaries))
        pairs.append((UnpairedSlowdownTest(0.05, 0.01 / LINES, line.time, prior), blocks))
    return pairs


def report(what: str, runs: int, function: Callable[[], object]) -> None:
    times = []
    for _ in range(runs):
        start_s = time.perf_counter()
        function()
        times.append(time.perf_counter() - start_s)
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    print(f"| {what} | {middle:.2f} s ({low:.2f} .. {high:.2f}) |")


def judge(pairs: list[tuple[UnpairedSlowdownTest, list[BlockTime]]]) -> None:
    for slowdown_test, blocks in pairs:
        run = slowdown_test.estimate(blocks)
        slowdown_test.is_suspect(run)
        slowdown_test.screened(run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "perf-baseline.json")
        file.write_text(render(baseline()), "utf-8")
        found = read(file)
        assert found is not None
        longest = max(map(len, file.read_text("utf-8").splitlines()))
        print(f"| characters in the longest of {LINES:,} lines | {longest} |")
        report(f"reading {LINES:,} lines", options.runs, lambda: read(file))
    pairs = measured(found)
    report(f"judging {LINES:,} measurements", options.runs, lambda: judge(pairs))


if __name__ == "__main__":
    main()
