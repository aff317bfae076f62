"""Shows what `--perf-against main` says of commits on a branch of the example that cost no time.

    python tests/benchmarks/branches.py [--output branches.json]

In a clone of this repository, ten commits that change nothing that matters, one on the other, have to stay green, each
with all perf tests of the example. `switches.py` has the commits that cost time. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def rewrite(hive: Path, *pairs: tuple[str, str]) -> None:
    """Replace words in all modules of the service."""
    for file in hive.rglob("*.py"):
        text = file.read_text("utf-8")
        for before, after in pairs:
            text = re.sub(before, after, text)
        file.write_text(text, "utf-8")


def comments(hive: Path) -> None:
    for file in hive.rglob("*.py"):
        text = re.sub(r"(?m)^(    def )", r"    # what callers use\n\1", file.read_text("utf-8"))
        ast.parse(text)
        file.write_text(text, "utf-8")


def moved_function(hive: Path) -> None:
    """Put the first function of the module behind the last."""
    file = hive / "security/identity.py"
    text = file.read_text("utf-8")
    start = text.index("def _text(")
    end = text.index("def _texts(")
    file.write_text(text[:start] + text[end:].rstrip() + "\n\n\n" + text[start:end].rstrip() + "\n", "utf-8")


def append(file: Path, text: str) -> None:
    file.touch()
    file.write_text(file.read_text("utf-8") + text, "utf-8")


HARMLESS: Mapping[str, Callable[[Path], None]] = {
    "comments": comments,
    "docstrings": lambda hive: rewrite(hive, (r'"""Return ', '"""Give back ')),
    "a private function renamed": lambda hive: rewrite(hive, (r"\b_key_for\b", "_public_key_of")),
    "another one": lambda hive: rewrite(hive, (r"\b_by_name\b", "_named")),
    "a moved function": moved_function,
    "local names": lambda hive: rewrite(hive, (r"\bwildcard\b", "every_action")),
    "a new module": lambda hive: append(hive / "labels.py", "LABELS = ('calm', 'busy')\n"),
    "a new function": lambda hive: append(
        hive / "errors.py", "\n\ndef is_final(error: Exception) -> bool:\n    return False\n"
    ),
    "the readme": lambda hive: append(hive.parent / "README.md", "\nMore to come.\n"),
    "a new test": lambda hive: append(
        hive.parent / "tests/test_labels.py", "def test_labels() -> None:\n    assert 1\n"
    ),
}


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgSign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(clone: Path, message: str) -> None:
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", message)


def session(clone: Path, *arguments: str) -> dict[str, Any]:
    """Run the example's perf tests against main."""
    start_s = time.monotonic()
    report = clone.parent / "report.json"
    command = [sys.executable, "-m", "pytest", "-q", "--perf-only", "--perf-against=main"]
    ended = subprocess.run(
        [*command, f"--perf-output={report}", *arguments],
        cwd=clone / "example_project",
        capture_output=True,
        text=True,
        check=False,
    )
    document = json.loads(report.read_text("utf-8"))
    changes = [change for one in document["measurements"] for change in one["changes"]]
    regression_verdicts = [change["verdict"] for change in changes]
    assert regression_verdicts, ended.stdout
    return {
        "exit": ended.returncode,
        "regression_verdicts": {one: regression_verdicts.count(one) for one in sorted(set(regression_verdicts))},
        "pairs": sum(change["runs"] for change in changes),
        "seconds": round(time.monotonic() - start_s, 1),
        "text": ended.stdout,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "a clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        git(clone, "checkout", "--quiet", "-B", "main")
        hive = clone / "example_project/agent_hive"
        git(clone, "checkout", "--quiet", "-B", "branch", "main")
        for name, change in HARMLESS.items():
            change(hive)
            commit(clone, name)
            said = found[name] = session(clone)
            print(
                f"{name}: exit {said['exit']}, {said['verdicts']}, {said['pairs']} fresh pairs, {said['seconds']} s",
                flush=True,
            )
            if options.output:
                options.output.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
