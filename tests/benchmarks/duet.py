"""Counts what `--perf-against` says of unchanged and of slowed code, beside pytest-benchmark in two runs.

    python tests/benchmarks/duet.py [--clean 40] [--slowed 10] [--io] [--load] [--sequential] [--no-rival]
        [--instructions] [--only "zlib,memory walk"] [--slowdowns 5%] [--output duet.json]

A git repository is generated; its first commit is the base, the working tree the head. In clean sessions they are
the same, in slowed ones each workload does 2, 3, 5 or 10 % more of its work; of the I/O workloads 10 or 20 %.
pytest-benchmark runs the base, then the head, and compares with --benchmark-compare-fail. With `--load` a busy
process runs on each CPU, with `--sequential` one process is measured after the other. With `--instructions` the
bytecode instructions are compared as well, and count as the time does. `--slowdowns` gives other shares. Prints the
table of guide/method.md, and a table by workload. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import io_workloads
from accuracy import FIELDS, Rival
from tallies import WorkloadTally, add_choices, chosen

from pytest_perfbudget.cli import DUET_SLOWDOWNS
from pytest_perfbudget.doctor import data_work, library_work, workloads
from pytest_perfbudget.doctor.trial import DuetTrial, Session
from pytest_perfbudget.doctor.workloads import WORKLOADS

IO_SLOWDOWNS: tuple[float, ...] = (0.1, 0.2)


class Counts:
    """What one gate said."""

    def __init__(self) -> None:
        self.clean: list[list[str]] = []
        self.seconds: list[float] = []
        self.caught: dict[float, list[bool]] = defaultdict(list)
        self.missed: list[dict[str, Any]] = []

    def to_dict(self) -> dict[str, Any]:
        middle = sorted(self.seconds)[len(self.seconds) // 2] if self.seconds else None
        return {
            "clean_sessions": len(self.clean),
            "alarmed": sum(map(bool, self.clean)),
            "alarms": [name for session in self.clean for name in session],
            "caught": {f"{slowdown:.0%}": [sum(hits), len(hits)] for slowdown, hits in sorted(self.caught.items())},
            "missed": self.missed,
            "seconds_per_test": middle,
        }


@contextlib.contextmanager
def busy(number: int) -> Iterator[None]:
    """Run so many processes that never rest."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clean", type=int, default=40)
    parser.add_argument("--slowed", type=int, default=10)
    parser.add_argument("--max-regression", default="2%")
    parser.add_argument("--io", action="store_true")
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--sequential", action="store_true")
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--no-rival", action="store_true")
    add_choices(parser, DUET_SLOWDOWNS)
    options = parser.parse_args()
    names, shares = chosen(options, WORKLOADS)
    if options.io:
        names, shares = list(io_workloads.WORKLOADS), IO_SLOWDOWNS
    tally = WorkloadTally()
    module = "io_workloads" if options.io else "pytest_perfbudget.doctor.workloads"
    gates: dict[str, Counts] = defaultdict(Counts)
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        if options.io:
            shutil.copy(io_workloads.__file__, ours)
        elif options.instructions:
            module = "project_work"
            Path(ours, f"{module}.py").write_text(as_project_code(), "utf-8")
        mode = ["count_instructions = true"] if options.instructions else []
        mode += ["[tool.perfbudget.duet]", 'mode = "sequential"'] if options.sequential else []
        trial = DuetTrial(
            Path(ours), max_regression=options.max_regression, module=module, workloads=names, settings=mode
        )
        trial.prepare()
        rival = None if options.no_rival or options.io else Rival(Path(theirs), names)
        with busy((os.cpu_count() or 1) if options.load else 0):
            for number in range(max(options.clean, options.slowed)):
                if number < options.clean:
                    tally.add(session(gates, trial, rival, {}, names))
                if number < options.slowed:
                    slowed = {name: shares[(at + number) % len(shares)] for at, name in enumerate(names)}
                    tally.add(session(gates, trial, rival, slowed, names))
                found = {gate: one.to_dict() for gate, one in gates.items()}
                print(f"{number + 1}: {found['perfbudget']}", file=sys.stderr, flush=True)
                if options.output:
                    options.output.write_text(json.dumps({"gates": found, "cases": tally.cases}, indent=1), "utf-8")
    print(table(found, shares), tally.table(), sep="\n\n")


def as_project_code() -> str:
    """Return the workloads as one module of a project: the instructions of this package are not counted."""
    texts = [Path(str(one.__file__)).read_text("utf-8") for one in (library_work, data_work, workloads)]
    left_out = ("from __future__", "from pytest_perfbudget")
    lines = [line for text in texts for line in text.splitlines() if not line.startswith(left_out)]
    return "\n".join(["from __future__ import annotations", *lines, ""])


def session(
    gates: dict[str, Counts], trial: DuetTrial, rival: Rival | None, slowdowns: dict[str, float], names: Sequence[str]
) -> Session:
    """Count what one session of each says, and return the session of this project."""
    done = trial.session(slowdowns)
    red = {"perfbudget": {case.workload for case in done.cases if case.is_red}}
    elapsed_s = {"perfbudget": done.elapsed_s}
    if rival is not None:
        base_s = rival.update()
        found, head_s = rival.session(slowdowns, "2%")
        for field in FIELDS:
            red[f"pytest-benchmark {field}:2%"] = found[field]
            elapsed_s[f"pytest-benchmark {field}:2%"] = base_s + head_s
    cases = {case.workload: case for case in done.cases}
    for gate, reds in red.items():
        if not slowdowns:
            gates[gate].clean.append(sorted(reds))
            gates[gate].seconds.append(elapsed_s[gate] / len(names))
        for name, slowdown in slowdowns.items():
            gates[gate].caught[slowdown].append(name in reds)
            if name not in reds and gate == "perfbudget":
                gates[gate].missed.append(asdict(cases[name]))
    return done


def table(found: dict[str, Any], slowdowns: Sequence[float]) -> str:
    shares = [f"{slowdown:.0%}" for slowdown in slowdowns]
    rows = ["| gate | clean sessions alarmed | " + " | ".join(f"+{one} caught" for one in shares) + " | s per test |"]
    rows += ["|---|---|" + "---|" * (len(shares) + 1)]
    for gate, one in found.items():
        hits = " | ".join("{} of {}".format(*one["caught"].get(share, [0, 0])) for share in shares)
        seconds = "-" if one["seconds_per_test"] is None else f"{one['seconds_per_test']:.2f}"
        rows.append(f"| {gate} | {one['alarmed']} of {one['clean_sessions']} | {hits} | {seconds} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
