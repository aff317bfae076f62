"""Sets the gate beside pytest-benchmark's `--benchmark-compare-fail`, on the same workloads, session by session.

    python tests/benchmarks/accuracy.py [--sessions 10] [--clean 10] [--confirm duet] [--max-regression 2%] [--no-rival]
        [--only "zlib,memory walk"] [--slowdowns 8%,10%] [--output accuracy.json]

Both have a baseline from the start of the script, and a new one after every five sessions. A session of one is
followed by a session of the other, first clean, then with each workload slowed down by 2, 5, 10 or 20 %, or by the
shares of `--slowdowns`. Prints the table of guide/method.md, and a table by workload. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tallies import WorkloadTally, add_choices, chosen

from pytest_perfbudget.cli import SLOWDOWNS
from pytest_perfbudget.doctor.trial import BaselineTrial
from pytest_perfbudget.doctor.workloads import WORKLOADS

FIELDS = ("min", "median", "mean")
PER_BASELINE = 5
TESTS = """
import json, os, pytest
from pytest_perfbudget.doctor.workloads import workload
SLOWDOWNS = json.loads(os.environ.get("SLOWDOWNS", "{}"))

@pytest.mark.parametrize("name", json.loads(os.environ["NAMES"]))
def test_workload(name, benchmark):
    benchmark(workload(name, SLOWDOWNS.get(name, 0.0)))
"""
FAILED = re.compile(r"test_workload\[(?P<name>.+?)\].*Field '(?P<field>\w+)' has failed")


class Rival:
    """The same workloads under pytest-benchmark alone."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.names = names
        (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
        (folder / "test_workloads.py").write_text(TESTS, "utf-8")

    def update(self) -> float:
        """Save a run of the base and return the seconds it took."""
        start_s = time.monotonic()
        self._run({}, "--benchmark-save=base")
        return time.monotonic() - start_s

    def session(self, slowdowns: Mapping[str, float], share: str = "5%") -> tuple[dict[str, set[str]], float]:
        """Return by field the workloads that compare-fail names, and the seconds it took."""
        start_s = time.monotonic()
        output = self._run(
            slowdowns, "--benchmark-compare", "--benchmark-compare-fail", *(f"{one}:{share}" for one in FIELDS)
        )
        found: dict[str, set[str]] = {field: set() for field in FIELDS}
        for match in FAILED.finditer(output):
            found[match["field"]].add(match["name"])
        return found, time.monotonic() - start_s

    def _run(self, slowdowns: Mapping[str, float], *arguments: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "SLOWDOWNS": json.dumps(dict(slowdowns))}
        environment["NAMES"] = json.dumps(list(self.names))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "pytest_benchmark.plugin",
            "-p",
            "no:cacheprovider",
            *arguments,
        ]
        ended = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode in (0, 1), ended.stdout + ended.stderr
        return ended.stdout + ended.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=10, help="the slowed sessions (10)")
    parser.add_argument("--clean", type=int, help="the clean sessions; as many as slowed ones by default")
    parser.add_argument("--confirm", choices=("auto", "runs", "duet"), default="auto")
    parser.add_argument("--max-regression", default="5%")
    parser.add_argument("--no-rival", action="store_true")
    add_choices(parser, SLOWDOWNS)
    options = parser.parse_args()
    names, shares = chosen(options, WORKLOADS)
    clean = options.sessions if options.clean is None else options.clean
    tally = WorkloadTally()
    alarms: dict[str, int] = defaultdict(int)
    caught: dict[str, dict[float, list[bool]]] = defaultdict(lambda: defaultdict(list))
    seconds: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        settings = [f'confirm = "{options.confirm}"']
        trial = BaselineTrial(Path(ours), max_regression=options.max_regression, workloads=names, settings=settings)
        trial.commit()
        rival = None if options.no_rival else Rival(Path(theirs), names)
        for number in range(max(options.sessions, clean)):
            if number % PER_BASELINE == 0:
                trial.prepare()
                if rival is not None:
                    rival.update()
            slowed = {name: shares[(at + number) % len(shares)] for at, name in enumerate(names)}
            planned: list[dict[str, float]] = [{}] * (number < clean) + [slowed] * (number < options.sessions)
            for slowdowns in planned:
                session = trial.session(slowdowns)
                tally.add(session)
                red = {case.workload for case in session.cases if case.verdict == "regressed"}
                gates, elapsed_s = {"perfbudget": red}, 0.0
                if rival is not None:
                    found, elapsed_s = rival.session(slowdowns, options.max_regression)
                    gates |= {f"{field}:{options.max_regression}": found[field] for field in FIELDS}
                for gate, names_red in gates.items():
                    if not slowdowns:
                        alarms[gate] += bool(names_red)
                        seconds[gate].append((session.elapsed_s if gate == "perfbudget" else elapsed_s) / len(names))
                    for name, slowdown in slowdowns.items():
                        caught[gate][slowdown].append(name in names_red)
            print(f"session {number + 1}: alarms {dict(alarms)}", file=sys.stderr, flush=True)
            if options.output:
                document = {"gates": summary(alarms, caught, seconds), "cases": tally.cases}
                options.output.write_text(json.dumps(document, indent=1), "utf-8")
    print(table(summary(alarms, caught, seconds), shares), tally.table(), sep="\n\n")


def summary(alarms: Mapping[str, int], caught: Any, seconds: Mapping[str, list[float]]) -> dict[str, Any]:
    return {
        gate: {
            "clean_sessions": len(seconds[gate]),
            "alarms": alarms[gate],
            "caught": {f"{slowdown:.0%}": [sum(hits), len(hits)] for slowdown, hits in sorted(caught[gate].items())},
            "seconds_per_test": sorted(seconds[gate])[len(seconds[gate]) // 2] if seconds[gate] else None,
        }
        for gate in dict.fromkeys([*seconds, *caught])
    }


def table(found: Mapping[str, Any], slowdowns: Sequence[float]) -> str:
    shares = [f"{slowdown:.0%}" for slowdown in slowdowns]
    rows = ["| gate | clean sessions alarmed | " + " | ".join(f"+{one} caught" for one in shares) + " | s per test |"]
    rows += ["|---|---|" + "---|" * (len(shares) + 1)]
    for gate, one in found.items():
        hits = " | ".join("{} of {}".format(*one["caught"].get(share, [0, 0])) for share in shares)
        middle = "-" if one["seconds_per_test"] is None else f"{one['seconds_per_test']:.2f}"
        rows.append(f"| {gate} | {one['alarms']} of {one['clean_sessions']} | {hits} | {middle} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
