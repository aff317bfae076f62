"""The error rate of `perfbudget compare` on recorded sessions of identical code, and what it finds.

python tests/benchmarks/saved_sessions.py [FILE ...]

Compares every third pair of the sessions of each recording, in both orders. A pair is marked if any of its 12 tests is
called regressed. "could" is the share of comparisons that say that they could find a slowdown of 20 % or of 40 %, and
"found" the share of these that find one, of all tests at once. The sessions of the last row were compared with a baseline; a workload whose time depends on how
the machine places its threads is left out, and the row below has it.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import permutations
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from pytest_perfbudget.core.distributions import t_quantile
from pytest_perfbudget.core.kept_blocks import KeptBlocks
from pytest_perfbudget.core.kinds import BODY
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.reference import compare, estimate_for, fit, prior_of
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.saved_comparison import compare_sessions, mean_change
from pytest_perfbudget.core.session_spread import DOF_OF_SESSIONS
from pytest_perfbudget.core.weather import BlockTime

DATA = Path(__file__).parents[1] / "data"
BASELINE = "saved_sessions.json"
THREADS = "thread pool"
SLOWER = (1.2, 1.4)
EVERY = 3


def session(recorded: Mapping[str, Any], factor: float) -> RunResult:
    """Return a session of code that takes `factor` times as long as the recorded code."""
    return RunResult(
        measurements=[
            Measurement(name, "", BODY, rounds=1, max_regression=0.05, blocks=KeptBlocks.of(blocks_of(one, factor)))
            for name, one in recorded.items()
        ]
    )


def pairs(number: int) -> Iterator[tuple[int, int]]:
    """Yield every third pair of sessions, in both orders."""
    return (pair for pair in permutations(range(number), 2) if sum(pair) % EVERY == 0)


def session_with_baseline(recorded: Mapping[str, Any], factor: float, left_out: str) -> RunResult:
    """Return a session of code that takes `factor` times as long as recorded, compared with a baseline."""
    return RunResult(
        measurements=[
            Measurement(name, "", BODY, rounds=1, max_regression=0.05, changes=[
                RegressionResult(
                    TIME.name, RegressionVerdict.UNDECIDED, before=1.0, after=factor * time_ns,
                    log_std_error=std_error, runs=processes,
                )
            ])
            for name, (time_ns, std_error, processes) in recorded.items() if name != left_out
        ]
    )  # fmt: skip


def print_row(label: str, sessions: Callable[[float], Sequence[RunResult]]) -> None:
    """Print the shares for sessions of identical code, and of the same code made slower by the factor given."""
    clean = sessions(1.0)
    marked = [any(one.is_regressed for one in compare_sessions(clean[at], clean[to])) for at, to in pairs(len(clean))]
    cells = [f"{label:<28} {len(clean):>8} {len(marked):>6} {sum(marked) / len(marked):>7.1%}"]
    for slower in SLOWER:
        slow = sessions(slower)
        found = [one for at, to in pairs(len(clean)) for one in compare_sessions(clean[at], slow[to])]
        could = [one for one in found if one.smallest_found is not None and one.smallest_found <= slower - 1]
        hits = sum(one.is_regressed for one in could)
        cells.append(f"{len(could) / len(found):>10.0%} {hits / max(1, len(could)):>6.0%}")
    print(" ".join(cells))


def offsets(sessions: Sequence[RunResult]) -> list[tuple[float, float, float]]:
    """Return by pair the mean log ratio of the tests, its error by the tests' scatter, and by their own errors."""
    found = []
    for at, to in pairs(len(sessions)):
        times = [one.result for one in compare_sessions(sessions[at], sessions[to]) if one.result.log_std_error]
        logs = [math.log(one.ratio or 1.0) for one in times]
        own = math.sqrt(sum((one.log_std_error or 0.0) ** 2 for one in times)) / len(times)
        found.append((fmean(logs), stdev(logs) / math.sqrt(len(logs)), own))
    return found


def sessions_since_first(runs: Sequence[Mapping[str, Any]], number: int = 5) -> list[RunResult]:
    """Return sessions that were compared with a baseline of the first runs, without fresh processes."""
    known = {name: fit([blocks_of(run[name]) for run in runs[:number]]) for name in runs[0]}
    prior = prior_of(known.values())
    found = []
    for run in runs[number:]:
        recorded = {}
        for name, reference in known.items():
            effect = compare(reference, [estimate_for(reference, blocks_of(run[name]))], prior)
            recorded[name] = (reference.time_ns * math.exp(effect.log_ratio), effect.std_error, 0)
        found.append(session_with_baseline(recorded, 1.0, ""))
    return found


def blocks_of(recorded: Any, factor: float = 1.0) -> list[BlockTime]:
    """Return the blocks of a run of code that takes `factor` times as long as recorded."""
    times, canaries = recorded
    around = zip(times, canaries, canaries[1:], strict=False)
    return [BlockTime(factor * time, (*map(float, one),), (*map(float, other),)) for time, one, other in around]


def print_offsets(label: str, sessions: Sequence[RunResult]) -> None:
    """Print the offset that the tests have in common, of each half of the sessions by time, and how often it is missed.

    "alone" is the share of pairs whose mean lies outside of its 95 % interval by the errors of the tests alone,
    "learned" with the offset of the other half, "stated" with the offset of the package.
    """
    half = len(sessions) // 2
    halves = [offsets(sessions[:half]), offsets(sessions[half:])]
    learned = [
        math.sqrt(max(fmean(mean**2 for mean, _, _ in one) - fmean(error**2 for _, error, _ in one), 0.0))
        for one in halves
    ]
    quantile = t_quantile(DOF_OF_SESSIONS, 0.975)
    for at, name in enumerate(("first", "second")):
        alone, held_out = (
            fmean(abs(mean) > quantile * math.hypot(own, offset) for mean, _, own in halves[at])
            for offset in (0.0, learned[1 - at])
        )
        part = sessions[:half] if at == 0 else sessions[half:]
        means = [mean_change(compare_sessions(part[one], part[other])) for one, other in pairs(len(part))]
        stated = fmean(one is not None and not one.may_be_none for one in means)
        print(f"{f'{label}, {name} half':<42} {learned[at]:>7.1%} {alone:>7.1%} {held_out:>8.1%} {stated:>7.1%}")


def main(files: Sequence[str]) -> None:
    """Print a row for each recording."""
    columns = " ".join(f"{f'could +{slower - 1:.0%}':>10} {'found':>6}" for slower in SLOWER)
    print(f"{'recording':<28} {'sessions':>8} {'pairs':>6} {'marked':>7} {columns}")
    for file in map(Path, files or (str(DATA / "runs.json"), str(DATA / "sequential.json"))):
        print_row(file.name, partial(sessions_of, json.loads(file.read_text("utf-8"))["runs"]))
    sessions = json.loads((DATA / BASELINE).read_text("utf-8"))["sessions"]
    for label, left_out in ((BASELINE, THREADS), (f"the same with {THREADS}", "")):
        print_row(label, partial(sessions_with_baseline, sessions, left_out))
    print(f"\n{'offset of a pair, and means that miss it':<42} {'offset':>7} {'alone':>7} {'learned':>8} {'stated':>7}")
    for file in map(Path, files or (str(DATA / "runs.json"), str(DATA / "sequential.json"))):
        print_offsets(file.name, sessions_of(json.loads(file.read_text("utf-8"))["runs"], 1.0))
    print_offsets(BASELINE, sessions_with_baseline(sessions, THREADS, 1.0))
    for file in map(Path, files or (str(DATA / "runs.json"), str(DATA / "sequential.json"))):
        runs = json.loads(file.read_text("utf-8"))["runs"]
        print_offsets(f"{file.name}, since its first five", sessions_since_first(runs))


def sessions_of(runs: Sequence[Mapping[str, Any]], factor: float) -> list[RunResult]:
    """Return sessions with blocks."""
    return [session(one, factor) for one in runs]


def sessions_with_baseline(recorded: Sequence[Mapping[str, Any]], left_out: str, factor: float) -> list[RunResult]:
    """Return sessions that were compared with the same baseline."""
    return [session_with_baseline(one, factor, left_out) for one in recorded]


if __name__ == "__main__":
    main(sys.argv[1:])
