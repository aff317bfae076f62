"""Compares the change points of simulated histories with those of Apache Otava, as Markdown tables.

Otava has to be installed in an environment of its own, because it pins numpy and brings clients of several services:

    python -m venv otava && otava/bin/pip install apache-otava==0.8.0
    python tests/benchmarks/change_points.py --otava otava/bin/python --answers answers.json

Takes two minutes. Otava's answers are kept in the file, so a second call with the same number of series needs no Otava.
`--record` writes some series with Otava's answers to tests/data/change_points.json, for the tests.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from change_series import DEPENDENT, KINDS, MARGIN, QUIET, Score, Series, score

from pytest_perfbudget.core.change_points import change_points

RECORDED = Path(__file__).resolve().parent.parent / "data" / "change_points.json"
SERIES, KEPT = 400, 3
"""The number of series of each class, and of those in the file for the tests."""

Rows = dict[str, list[Series]]

PROGRAM = """
import json, sys
from otava.series import AnalysisOptions, Metric, Series
found = []
for values in json.load(sys.stdin):
    series = Series("test", None, list(range(len(values))), {"time": Metric()}, {"time": values}, {})
    found.append([int(one.index) for one in series.analyze(AnalysisOptions()).change_points["time"]])
json.dump(found, sys.stdout)
"""
"""The program that runs in Otava's environment, with Otava's defaults."""


def series(kinds: Mapping[str, Callable[[str, int], Series]], number: int) -> Rows:
    """Return the series of each class."""
    return {kind: [make(kind, seed) for seed in range(number)] for kind, make in kinds.items()}


def answers(rows: Rows, python: str) -> list[list[int]]:
    """Return Otava's change points for all series, one class after the other."""
    asked = json.dumps([one.values for one in flat(rows)])
    done = subprocess.run([python, "-c", PROGRAM], input=asked, text=True, stdout=subprocess.PIPE, check=True)
    found: list[list[int]] = json.loads(done.stdout)
    return found


def flat(rows: Rows) -> Iterator[Series]:
    """Return all series, one class after the other."""
    return (one for some in rows.values() for one in some)


def ours(one: Series) -> list[int]:
    """Return the change points of this package."""
    return [change.index for change in change_points(one.values, one.errors, one.markers).changes]


def print_changed(rows: Rows, otava: Iterator[list[int]]) -> None:
    """Print how well each of the two finds the changes."""
    print(f"{len(next(iter(rows.values())))} series of each class; a change counts as found within {MARGIN} points.\n")
    print("| series | F1 | found / missed / false | F1 of Otava | found / missed / false |\n|---|---|---|---|---|")
    for kind, some in rows.items():
        mine = sum((score(one.changes, ours(one)) for one in some), Score())
        its = sum((score(one.changes, next(otava)) for one in some), Score())
        numbers = [f"{one.f1:.3f} | {one.found} / {one.missed} / {one.false}" for one in (mine, its)]
        print(f"| {kind} | {' | '.join(numbers)} |", flush=True)


def print_unchanged(rows: Rows, otava: Iterator[list[int]]) -> None:
    """Print how many points of series without a change each of the two calls a change."""
    print(f"\n{len(next(iter(rows.values())))} series of each class without a change.\n")
    print(
        "| noise | points | false in 1,000 points | series with any | of Otava | with any |\n|---|---|---|---|---|---|"
    )
    for kind, some in rows.items():
        points = sum(len(one.values) for one in some)
        called = [[len(ours(one)) for one in some], [len(next(otava)) for _ in some]]
        mine, its = (f"{1000 * sum(one) / points:.2f} | {sum(map(bool, one)) / len(some):.0%}" for one in called)
        print(f"| {kind} | {points:,} | {mine} | {its} |", flush=True)


def record(rows: Rows, otava: Iterator[list[int]]) -> None:
    """Write the first series of each class, with Otava's answers."""
    kept = []
    for some in rows.values():
        pairs = [(one, next(otava)) for one in some]
        kept += [{**asdict(one), "otava": found} for one, found in pairs[:KEPT]]
    RECORDED.write_text("[\n" + ",\n".join(json.dumps(one) for one in kept) + "\n]\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="change points beside those of Apache Otava")
    parser.add_argument("--otava", default="", help="the Python of an environment that has apache-otava")
    parser.add_argument("--answers", type=Path, required=True, help="the file that keeps Otava's answers")
    parser.add_argument("--series", type=int, default=SERIES, help=f"the number of each class (default: {SERIES})")
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.name} for the tests")
    options = parser.parse_args()
    changed, unchanged = (series(kinds, options.series) for kinds in (KINDS, {**QUIET, **DEPENDENT}))
    if not options.answers.exists():
        if not options.otava:
            parser.error(f"{options.answers} does not exist: name a Python that has apache-otava with --otava")
        found = [answers(rows, options.otava) for rows in (changed, unchanged)]
        options.answers.write_text(json.dumps(found))
    of_changed, of_unchanged = json.loads(options.answers.read_text())
    if options.record:
        record(changed, iter(of_changed))
    print_changed(changed, iter(of_changed))
    print_unchanged(unchanged, iter(of_unchanged))


if __name__ == "__main__":
    main()
