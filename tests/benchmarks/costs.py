"""Measures what the plugin costs, beside pytest without it and beside pytest-benchmark.

Run by hand on an otherwise idle machine, from the root of a checkout:

    python tests/benchmarks/costs.py [--runs 15] [--only against]

Every table is medians of runs that alternate between the sides, each run a fresh pytest process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pytest_perfbudget.doctor.trial import DuetTrial
from pytest_perfbudget.doctor.workloads import WORKLOADS

SLOWED = "zlib"
BOUND_BY_MEMORY = ("memory walk", "copied blocks", "large dictionary", "scattered objects", "numpy")
OTHERS = ("asyncio", "anyio", "trio", "hypothesispytest", "rerunfailures", "xdist")
PLAIN = "def test_{number}(): pass\n"
BUDGETED = """
import pytest

def work():  # about 20 us
    return sum(number * number for number in range(400))

@pytest.mark.parametrize("number", range({tests}))
@pytest.mark.perf_budget(p95_ms=1)
def test_budget(number):
    work()
"""
BENCHMARKED = BUDGETED.replace("@pytest.mark.perf_budget(p95_ms=1)\n", "").replace(
    "(number):\n    work()", "(number, benchmark):\n    benchmark(work)"
)


def pytest_command(folder: Path, *arguments: str) -> list[str]:
    switched_off = [argument for name in OTHERS for argument in ("-p", f"no:{name}")]
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *switched_off, *arguments, str(folder)]


def pytest_seconds(folder: Path, *arguments: str) -> float:
    """Return the wall-clock time of a pytest process over a folder."""
    start = time.perf_counter()
    done = subprocess.run(pytest_command(folder, *arguments), cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return seconds


def interleaved(sides: Mapping[str, Callable[[], float]], runs: int) -> dict[str, list[float]]:
    """Return each side's runs; the order of the sides is turned round from run to run."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for run in range(runs):
        for name in list(sides) if run % 2 == 0 else reversed(list(sides)):
            found[name].append(sides[name]())
    return found


def spread(values: Sequence[float], unit: float = 1e3) -> str:
    """Return the median and the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    digits = 2 if unit == 1 else 1
    return f"{middle * unit:.{digits}f} ({low * unit:.{digits}f} .. {high * unit:.{digits}f})"


def differences(found: Mapping[str, Sequence[float]], side: str, base: str) -> list[float]:
    """Return the differences of runs that followed each other."""
    return [one - other for one, other in zip(found[side], found[base], strict=True)]


def import_seconds() -> float:
    """Return the time a fresh process, with pytest loaded, takes to import the entry point."""
    code = """
import time, pytest
start = time.perf_counter()
import pytest_perfbudget.plugin.hooks
print(time.perf_counter() - start)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def instructions(folder: Path, *arguments: str) -> int:
    """Return the instructions of a pytest process, counted by valgrind: the same number every time."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [*valgrind, *pytest_command(folder, *arguments)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=environment)
    (line,) = (line for line in done.stderr.splitlines() if "Collected" in line)
    return int(line.rpartition(":")[2])


def suite(root: Path, name: str, text: str) -> Path:
    folder = root / name
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (folder / "test_it.py").write_text(text, "utf-8")
    return folder


DEPENDENCY = """
[project]
name = "goods"
version = "1"
dependencies = ["pytest-perfbudget>=0.1"]
"""


def without_perf_tests(root: Path, runs: int) -> None:
    for tests in (1, 1000):
        folder = suite(root, f"plain_{tests}", "".join(PLAIN.format(number=number) for number in range(tests)))
        (folder / "pyproject.toml").write_text(DEPENDENCY, "utf-8")  # as every user's has
        found = interleaved(
            {
                "with": lambda folder=folder: pytest_seconds(folder, "-p", "no:benchmark"),  # type: ignore[misc]
                "without": lambda folder=folder: pytest_seconds(  # type: ignore[misc]
                    folder, "-p", "no:benchmark", "-p", "no:perfbudget"
                ),
            },
            4 * runs if tests == 1 else runs,
        )
        print(f"pytest on {tests} tests, none of them a perf test, in a project that depends on the plugin")
        print(f"  without the plugin: {spread(found['without'])} ms")
        print(f"  with the plugin:    {spread(found['with'])} ms")
        print(f"  difference:         {spread(differences(found, 'with', 'without'))} ms")
        if shutil.which("valgrind"):
            with_it = instructions(folder, "-p", "no:benchmark")
            without = instructions(folder, "-p", "no:benchmark", "-p", "no:perfbudget")
            share = with_it / without - 1
            milliseconds = share * statistics.median(found["without"]) * 1e3
            print(f"  instructions:       {share:+.2%}, which is {milliseconds:.1f} ms of the median")
    print(f"importing the entry point: {spread([import_seconds() for _ in range(2 * runs)])} ms")


def hundred_tests(root: Path, runs: int) -> None:
    tests = 100
    ours = suite(root, "budgets", BUDGETED.format(tests=tests))
    theirs = suite(root, "benchmarks", BENCHMARKED.format(tests=tests))
    empty = suite(root, "empty", BENCHMARKED.format(tests=tests).replace("benchmark(work)", "pass"))
    found = interleaved(
        {
            "perfbudget": lambda: pytest_seconds(ours, "-p", "no:benchmark"),
            "empty": lambda: pytest_seconds(empty, "-p", "no:perfbudget", "-W", "ignore"),
        },
        max(3, runs // 3),
    )
    slow = [pytest_seconds(theirs, "-p", "no:perfbudget") for _ in range(2)]
    print(f"{tests} perf tests of a 20 us function, the whole pytest process")
    print(f"  pytest-perfbudget, p95_ms=1:        {spread(found['perfbudget'], 1)} s")
    print(f"    that is per test:                 {spread(found['perfbudget'], 1e3 / tests)} ms")
    mean_s = statistics.fmean(slow)
    print(f"  pytest-benchmark, its defaults:     {mean_s:.1f} s, per test {mean_s * 1e3 / tests:.0f} ms")
    print(f"  the same tests with an empty body:  {spread(found['empty'], 1)} s")


def one_test(root: Path, runs: int) -> None:
    plain = suite(root, "one_plain", BUDGETED.format(tests=1).replace("@pytest.mark.perf_budget(p95_ms=1)\n", ""))
    budget = suite(root, "one_budget", BUDGETED.format(tests=1))
    measured: list[float] = []

    def with_budget() -> float:
        report = root / "report.json"
        seconds = pytest_seconds(budget, "-p", "no:benchmark", f"--perf-output={report}")
        document = json.loads(report.read_text("utf-8"))
        measured.append(document["measurements"][0]["elapsed_ns"] / 1e9)
        return seconds

    sides = {"with": with_budget, "without": lambda: pytest_seconds(plain, "-p", "no:benchmark")}
    found = interleaved(sides, runs)
    added = [one - rounds for one, rounds in zip(differences(found, "with", "without"), measured, strict=True)]
    print("a session with one perf test (p95), beyond the measuring itself")
    print(f"  added: {spread(added)} ms; the measuring: {spread(measured)} ms")


def trial(folder: Path, workloads: Sequence[str]) -> DuetTrial:
    folder.mkdir()
    made = DuetTrial(folder, max_regression="3%", workloads=workloads)
    made.prepare()
    return made


def against(root: Path, runs: int) -> None:
    """Print the time of unchanged tests, and of a test that is 20 % slower, in sessions that compare with a commit."""
    usual = [name for name in WORKLOADS if name not in BOUND_BY_MEMORY]
    all_tests, usual_tests, two_tests = (
        trial(root / name, names) for name, names in (("all", [*WORKLOADS]), ("usual", usual), ("two", [SLOWED, "csv"]))
    )
    each = interleaved(
        {
            "all": lambda: all_tests.session({}).elapsed_s / len(WORKLOADS),
            "usual": lambda: usual_tests.session({}).elapsed_s / len(usual),
        },
        max(3, runs // 3),
    )
    found = interleaved(
        {
            "slower": lambda: two_tests.session({SLOWED: 0.2}).elapsed_s,
            "unchanged": lambda: two_tests.session({}).elapsed_s,
        },
        max(3, runs // 2),
    )
    print("--perf-against, with 3 % allowed")
    print(f"  a session of {len(WORKLOADS)} unchanged tests, per test: {spread(each['all'], 1)} s")
    print(f"  of {len(usual)} of them, without those bound by memory: {spread(each['usual'], 1)} s")
    print(f"  a session of 2 unchanged tests:                {spread(found['unchanged'], 1)} s")
    print(f"  added if a test of these is 20 % slower:       {spread(differences(found, 'slower', 'unchanged'), 1)} s")


PARTS = {"start": without_perf_tests, "session": one_test, "budgets": hundred_tests, "against": against}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users have their byte code cached
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} CPUs, {platform.system()}")
    print("medians, quartiles in brackets")
    with tempfile.TemporaryDirectory() as folder:
        for name, part in PARTS.items():
            if options.only in (None, name):
                part(Path(folder), options.runs)


if __name__ == "__main__":
    main()
