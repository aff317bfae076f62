"""Shows what the gate says of generated pull requests: 20 that cost no time, and 20 that are slower by 5 or 10 %.

    python tests/benchmarks/gate_accuracy.py [--output gate.json] [--only TEXT]

A generated project has a bare origin. Each pull request is checked out as on GitHub (a detached merge, of depth 1),
and the steps of the action run in the checkout. Some touch tests or the configuration, or move files.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from action_steps import run_action
from pull_requests import Origin

WORK = """
def totals(numbers):
    total = 0
    for number in range({totals}):
        total += number % 7
    return total


def words(text):
    found = {{}}
    for at in range({words}):
        key = at % 97
        found[key] = found[key] + 1 if key in found else 1
    return found


def primes(limit):
    sieve = [True] * {primes}
    for at in range(2, 60):
        for multiple in range(at * at, {primes}, at):
            sieve[multiple] = False
    return sieve


def lookup(table):
    hits = 0
    for key in range({lookup}):
        if key in table:
            hits += 1
    return hits
"""
SIZES = {"totals": 40_000, "words": 12_000, "primes": 6_000, "lookup": 60_000}
TESTS = """
from shop.work import lookup, primes, totals, words

TABLE = set(range(0, 60_000, 3))

def test_totals(perf):
    perf(totals, 1, p95_ms=500)

def test_words(perf):
    perf(words, "text", p95_ms=500)

def test_primes(perf):
    perf(primes, 100, p95_ms=500)

def test_lookup(perf):
    perf(lookup, TABLE, p95_ms=500)
"""
PYPROJECT = """
[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]

[tool.perfbudget]
max_regression = "2%"
"""
Files = dict[str, str]


def work(**slower: float) -> str:
    """Return the module, with functions that do more of the same work."""
    return WORK.format(**{name: round(size * slower.get(name, 1)) for name, size in SIZES.items()})


PROJECT: Files = {
    "src/shop/__init__.py": "",
    "src/shop/work.py": work(),
    "tests/test_work.py": TESTS,
    "pyproject.toml": PYPROJECT,
    "README.md": "# Shop\n",
    "uv.lock": "version = 1\n",
    ".gitignore": "__pycache__/\n.pytest_cache/\nperf-report/\n",
}


@dataclass(frozen=True)
class Case:
    """A generated pull request: its files, and the slowdown that it has."""

    name: str
    files: Files
    slower: float = 0.0


def moved(module: str) -> Files:
    """Return the change that moves the code into another module."""
    return {
        "src/shop/work.py": "from shop.inner.moved import *\n",
        "src/shop/inner/__init__.py": "",
        "src/shop/inner/moved.py": module,
    }


TOUCHES: dict[str, Callable[[str], Files]] = {
    "the code": lambda module: {"src/shop/work.py": module},
    "code and comments": lambda module: {"src/shop/work.py": f"# What the shop counts.\n{module}"},
    "code and a new test": lambda module: {
        "src/shop/work.py": module,
        "tests/test_new.py": "from shop.work import words\n\ndef test_new(perf):\n    perf(words, 'a', p95_ms=500)\n",
    },
    "code and its tests": lambda module: {
        "src/shop/work.py": module,
        "tests/test_work.py": f"# As users call it.\n{TESTS}",
    },
    "code and the tolerance": lambda module: {
        "src/shop/work.py": module,
        "pyproject.toml": PYPROJECT.replace('"2%"', '"100%"'),
    },
    "code that moves": moved,
}
HARMLESS: dict[str, Files] = {
    "the readme": {"README.md": "# The shop\n"},
    "a picture": {"docs/shop.svg": "<svg/>\n"},
    "a workflow": {".github/workflows/ci.yml": "on: push\n"},
    "a lock file": {"uv.lock": "version = 2\n"},
    "a new module": {"src/shop/labels.py": "LABELS = ('calm', 'busy')\n"},
    "a docstring": {"src/shop/work.py": work().replace("(text):\n", '(text):\n    """Count words."""\n')},
    "a name": {"src/shop/work.py": work().replace("hits", "found_keys")},
    "the order of functions": {"src/shop/work.py": "\n\n".join(reversed(work().strip().split("\n\n\n")))},
}


def cases() -> list[Case]:
    """Return 40 pull requests."""
    clean = [Case(f"clean: {name}", files) for name, files in HARMLESS.items()]
    clean += [Case(f"clean: {name}", change(f"{work()}\nVERSION = 2\n")) for name, change in TOUCHES.items()]
    clean += [Case(f"clean: {name}, faster", change(work(primes=0.9))) for name, change in TOUCHES.items()]
    slow = []
    for at in range(20):
        function, (touch, change) = list(SIZES)[at % 4], list(TOUCHES.items())[at % 6]
        share = 0.05 if at % 2 else 0.1
        slow.append(Case(f"+{share:.0%} {function}: {touch}", change(work(**{function: 1 + share})), share))
    return [*clean, *slow]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", default="", help="the pull requests whose name has this text")
    options = parser.parse_args()
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        origin = Origin.make(folder, PROJECT)
        chosen = [case for case in cases() if options.only in case.name]
        for number, case in enumerate(chosen, start=1):
            place = folder / f"job {number}"
            place.mkdir()
            opened = origin.open(case.files, number=number)
            checkout = opened.checkout(place / "shop")
            lean = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_perfbudget.plugin.hooks"}
            start_s = time.monotonic()
            run = run_action(checkout, {**opened.environment(place), **lean}, {"install": "true"})
            seconds = round(time.monotonic() - start_s, 1)
            verdict = run.outputs["verdict"]
            said = {"name": case.name, "slower": case.slower, "verdict": verdict, "seconds": seconds}
            found.append(said)
            print(f"{seconds:6.1f} s  {verdict:10}  {case.name}", flush=True)
            if verdict != ("regressed" if case.slower else "passed"):
                print(run.output, flush=True)
            if options.output:
                options.output.write_text(json.dumps({"cpus": os.cpu_count(), "found": found}, indent=1), "utf-8")
    for share in (0.0, 0.05, 0.1):
        own = [one for one in found if one["slower"] == share]
        red = sum(one["verdict"] != "passed" for one in own)
        regressed = sum(one["verdict"] == "regressed" for one in own)
        print(f"{f'+{share:.0%}' if share else 'clean'}: {red} of {len(own)} red, {regressed} regressed")


if __name__ == "__main__":
    main()
