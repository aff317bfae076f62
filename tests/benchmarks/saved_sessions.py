"""The error rate of `perfbudget compare` on recorded sessions of identical code, and what it finds.

python tests/benchmarks/saved_sessions.py [FILE ...]

Compares every third pair of the sessions of each recording, in both orders. A pair is marked if any of its 12 tests is
called regressed. "could" is the share of comparisons that say that they could find a slowdown of 15 %, "found" the share
of these that find one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

from pytest_perfbudget.core.kept_blocks import KeptBlocks
from pytest_perfbudget.core.kinds import BODY
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.saved_comparison import compare_sessions
from pytest_perfbudget.core.weather import BlockTime

DATA = Path(__file__).parents[1] / "data"
SLOWER = 1.15
EVERY = 3


def session(recorded: Mapping[str, Any], factor: float) -> RunResult:
    """Return a session of code that takes `factor` times as long as the recorded code."""
    return RunResult(
        measurements=[
            Measurement(name, "", BODY, rounds=len(times), max_regression=0.05, blocks=KeptBlocks.of([
                BlockTime(factor * time, (*map(float, before),), (*map(float, after),))
                for time, before, after in zip(times, canaries, canaries[1:], strict=False)
            ]))
            for name, (times, canaries) in recorded.items()
        ]
    )  # fmt: skip


def pairs(number: int) -> Iterator[tuple[int, int]]:
    """Yield every third pair of sessions, in both orders."""
    return (pair for pair in permutations(range(number), 2) if sum(pair) % EVERY == 0)


def main(files: Sequence[str]) -> None:
    """Print a row for each recording."""
    print(f"{'recording':<18} {'sessions':>8} {'pairs':>6} {'marked':>7} {'could':>6} {'found':>6}")
    for file in map(Path, files or (str(DATA / "runs.json"), str(DATA / "sequential.json"))):
        runs = json.loads(file.read_text("utf-8"))["runs"]
        clean, slow = ([session(one, factor) for one in runs] for factor in (1.0, SLOWER))
        marked, compared, could, found = [], 0, 0, 0
        for before, after in pairs(len(runs)):
            marked.append(any(one.is_regressed for one in compare_sessions(clean[before], clean[after])))
            for one in compare_sessions(clean[before], slow[after]):
                compared += 1
                if one.smallest_found is not None and one.smallest_found <= SLOWER - 1:
                    could += 1
                    found += one.is_regressed
        share = sum(marked) / len(marked)
        print(
            f"{file.name:<18} {len(runs):>8} {len(marked):>6} {share:>7.1%} {could / compared:>6.0%} "
            f"{found / max(1, could):>6.0%}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
