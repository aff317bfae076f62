"""Counts what benchmatrix's paired mode says of unchanged and of slowed code: the table of `duet.py` for it.

    pip install benchmatrix
    python tests/benchmarks/paired.py [--clean 4] [--slowed 4] [--max-time 0.2] [--output paired.json]

It accepts matrices of its own only, so the workloads are six cases of one implementation, twice: for so many it asks for
12 pairs of pytest processes, for all twelve at once for 60. Base and head are two folders that differ by
how much of its work each workload does. An alarm is an exit code of `compare --fail-on-regression` other than 0,
which is 1 for a regression and for "inconclusive"; caught is what it calls regressed. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_perfbudget.cli import DUET_SLOWDOWNS
from pytest_perfbudget.doctor.workloads import WORKLOADS

CASES = 6
TESTS = """
import json
from pathlib import Path

from benchmatrix import BenchmarkCase, make_benchmark_test
from pytest_perfbudget.doctor.workloads import workload

ASKED = json.loads((Path(__file__).parent / "asked.json").read_text("utf-8"))
WORK = {name: workload(name, slowdown) for name, slowdown in ASKED.items()}

test_workload = make_benchmark_test(
    {"work": lambda name: WORK[name]()},
    [BenchmarkCase.from_values(name, name) for name in ASKED],
    metrics=["single_call_latency"],
)
"""


def compared(names: Sequence[str], slowdowns: Mapping[str, float], max_time_s: float) -> tuple[int, dict[str, str]]:
    """Collect the pairs of six workloads and return the exit code of the comparison and what it calls each."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryDirectory() as place:
        base, head, pairs = (Path(place) / name for name in ("base", "head", "pairs"))
        for folder, asked in ((base, {}), (head, slowdowns)):
            folder.mkdir()
            (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", "utf-8")
            (folder / "asked.json").write_text(json.dumps({name: asked.get(name, 0.0) for name in names}), "utf-8")
            (folder / "test_workloads.py").write_text(TESTS, "utf-8")
        session = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider"]
        session += [f"--benchmark-max-time={max_time_s}", "test_workloads.py"]
        collect = ["collect-paired", "--random-seed=11", f"--output={pairs}", f"--baseline-cwd={base}"]
        collect += [f"--candidate-cwd={head}", "--", *session, ":::", *session]
        collected = run(collect, head, environment)
        assert collected.returncode == 0, collected.stdout + collected.stderr
        compare = ["compare", str(pairs), "--paired", "--threshold=2%", "--fail-on-regression", "--format=json"]
        ended = run(compare, head, environment)
    report = json.loads(ended.stdout)
    return ended.returncode, {cell["case_name"]: cell["regression"] for cell in report["comparisons"]}


def run(arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of benchmatrix."""
    command = [str(Path(sys.executable).parent / "benchmatrix"), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clean", type=int, default=4)
    parser.add_argument("--slowed", type=int, default=4)
    parser.add_argument("--max-time", type=float, default=0.2)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    names = list(WORKLOADS)
    found: dict[str, Any] = {"clean": [], "seconds_per_test": [], "slowed": {}}
    for number in range(max(options.clean, options.slowed)):
        slowed: Mapping[str, float] = {
            name: DUET_SLOWDOWNS[(at + number) % len(DUET_SLOWDOWNS)] for at, name in enumerate(names)
        }
        unchanged: Mapping[str, float] = {}
        for asked in [unchanged] * (number < options.clean) + [slowed] * (number < options.slowed):
            start_s = time.monotonic()
            codes: list[int] = []
            called: dict[str, str] = {}
            for at in range(0, len(names), CASES):
                code, statuses = compared(names[at : at + CASES], asked, options.max_time)
                codes.append(code)
                called |= statuses
            if asked:
                for name, share in asked.items():
                    found["slowed"].setdefault(f"{share:.0%}", Counter())[called[name]] += 1
            else:
                found["clean"].append({"exit_codes": codes, "called": Counter(called.values())})
                found["seconds_per_test"].append((time.monotonic() - start_s) / len(names))
            print(f"{number + 1}: {codes} {Counter(called.values())}", file=sys.stderr, flush=True)
            if options.output:
                options.output.write_text(json.dumps(found, indent=1), "utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
