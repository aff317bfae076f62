"""Counts how often `perfbudget bisect` names the right commit, in repositories of 64 commits with real duets.

    python tests/benchmarks/bisect_64.py [--searches 20] [--first 0] [--slowdown 0.1] [--output bisect.json]

Each search has a repository of its own, made from its number: one commit is slower by `--slowdown`, each other commit
changes lines beside the measured function, and five commits cannot be imported, none of them the slow commit or the
commit before. Prints the figures of guide/history.md. Let nothing else run meanwhile. `--first` continues a series that was
cut into pieces, of which `--output` collects the results.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMITS = 64
BROKEN = 5
ITEMS = 20_000

WORK = """
from notes import NOTE


def work():
    total = 0
    for number in range({items}):
        total += number * number % 7
    return total
"""

TEST = """
import pytest
from work import work


@pytest.mark.perf_budget
def test_work():
    work()
"""


@dataclass(frozen=True)
class Plan:
    """A repository: the number of its first slow commit, and the numbers of commits that cannot be imported."""

    slow: int
    broken: Sequence[int]

    @classmethod
    def draw(cls, number: int) -> Plan:
        draw = random.Random(number)
        slow = draw.randrange(1, COMMITS + 1)
        others = [at for at in range(1, COMMITS) if at not in (slow - 1, slow)]
        return cls(slow, sorted(draw.sample(others, BROKEN)))

    def files(self, at: int, slowdown: float) -> Mapping[str, str]:
        """Return the changed files of a commit; commit 0 is good."""
        items = round(ITEMS * (1 + slowdown)) if at >= self.slow else ITEMS
        note = "import no_such_module\n" if at in self.broken else ""
        return {"work.py": WORK.format(items=items), "notes.py": f"{note}NOTE = {at}\n"}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgSign=false")
    ended = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return ended.stdout.strip()


def make(folder: Path, plan: Plan, slowdown: float) -> list[str]:
    """Make a repository, and return its commits."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "test_work.py").write_text(TEST, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\n", "utf-8")
    made = []
    for at in range(COMMITS + 1):
        for name, text in plan.files(at, slowdown).items():
            (folder / name).write_text(text, "utf-8")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--no-verify", f"--message=commit {at}")
        made.append(git(folder, "rev-parse", "HEAD"))
    return made


def search(number: int, slowdown: float) -> dict[str, Any]:
    """Make the repository of a number, search in it, and return the outcome."""
    plan = Plan.draw(number)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "repository")
        folder.mkdir()
        commits = make(folder, plan, slowdown)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
        # Other plugins would take half of the start of each process.
        kept |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_perfbudget.plugin.hooks"}
        words = [sys.executable, "-m", "pytest_perfbudget", "bisect", "test_work.py::test_work", "--json"]
        start_s = time.monotonic()
        ended = subprocess.run(
            [*words, f"--good={commits[0]}"], cwd=folder, env=kept, capture_output=True, text=True, check=False
        )
        elapsed_s = time.monotonic() - start_s
        left = git(folder, "worktree", "list").count("\n") + len(git(folder, "status", "--porcelain").splitlines())
    none: dict[str, Any] = {"candidates": [], "duets": 0, "slowdown": None, "steps": []}
    found: dict[str, Any] = json.loads(ended.stdout) if ended.stdout else none
    return {
        "number": number,
        "slow": plan.slow,
        "code": ended.returncode,
        "found": [commits.index(one["commit"]) for one in found["candidates"]],
        "duets": found["duets"],
        "skipped": sum(one["skipped"] is not None for one in found["steps"]),
        "slowdown": found["slowdown"],
        "seconds": elapsed_s,
        "left": left,
        "said": "" if ended.stdout else ended.stderr[-300:],
    }


def table(found: Sequence[Mapping[str, Any]]) -> str:
    right = [one for one in found if one["found"] == [one["slow"]]]
    ranges = [one for one in found if len(one["found"]) > 1 and one["slow"] in one["found"]]
    refused = [one for one in found if not one["found"]]
    wrong = len(found) - len(right) - len(ranges) - len(refused)
    duets = sorted(one["duets"] for one in found)
    seconds = sorted(one["seconds"] for one in found)
    held = [one for one in right if one["slowdown"]]
    middle = sorted(one["slowdown"]["ratio"] for one in held)
    step = f"{middle[len(middle) // 2] - 1:+.1%}" if middle else ""
    rows = ["| searches | right | range | wrong | not begun | duets (median, most) | s (median) | step (median) |"]
    rows += ["|---|---|---|---|---|---|---|---|"]
    rows += [
        f"| {len(found)} | {len(right)} | {len(ranges)} | {wrong} | {len(refused)} | {duets[len(duets) // 2]}, {duets[-1]} "
        f"| {seconds[len(seconds) // 2]:.0f} | {step} |"
    ]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--slowdown", type=float, default=0.1)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    found: list[dict[str, Any]] = []
    if options.output and options.output.exists():
        found = json.loads(options.output.read_text("utf-8"))
    for number in range(options.first, options.first + options.searches):
        found.append(search(number, options.slowdown))
        print(f"{number}: {found[-1]}", file=sys.stderr, flush=True)
        if options.output:
            options.output.write_text(json.dumps(found, indent=1), "utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
