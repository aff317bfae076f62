"""Plants regressions into a small project, and says whether the failure names the function that was changed first.

    python tests/benchmarks/culprits.py [--mode duet] [--mode baseline] [--output culprits.json] [NAME ...]

Each regression is compared with the commit before by a duet (`--perf-against`), and with a baseline, confirmed by fresh
processes. No function may be named for a clean change, which has no failure as a rule. The exit code is 1 if a changed
function is not first in more than one regression of a mode, or a clean change is blamed. Let nothing else run
meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from branches import commit, git  # a neighbour
from planted_culprits import BESIDE, CELLS, CLEAN, REGRESSIONS, Planted  # a neighbour

PROJECT = Path(__file__).parent / "culprits_project"
MODES = ("duet", "baseline")
MOST_WRONG = 1
SETTINGS = """
[tool.pytest.ini_options]
pythonpath = ["."]
asyncio_default_fixture_loop_scope = "function"

[tool.perfbudget]
max_regression = "3%"
baseline_runs = 5
"""


def session(folder: Path, tests: Sequence[str], *arguments: str) -> dict[str, Any]:
    """Run tests of the project; return the JSON report."""
    report = folder.parent / "report.json"
    report.unlink(missing_ok=True)
    plugins = ["-p", "perfbudget", "-p", "pytest_asyncio.plugin"]
    command = [sys.executable, "-m", "pytest", *plugins, "-q", f"--perf-output={report}", *arguments]
    lean = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command += [f"loglens_tests.py::test_{one}" for one in tests]
    ended = subprocess.run(command, cwd=folder, env=lean, capture_output=True, text=True, check=False)
    if ended.returncode not in (0, 1) or not report.exists():
        sys.exit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return found


def plant(folder: Path, planted: Planted) -> None:
    """Change the project's files."""
    git(folder, "checkout", "--quiet", "--force", "main")
    file = folder / "loglens" / f"{planted.file}.py"
    text = file.read_text("utf-8")
    for before, after in planted.edits:
        assert before in text, before
        text = text.replace(before, after)
    file.write_text(text, "utf-8")
    (folder / "loglens/cells.py").write_text(CELLS, "utf-8")


def judged(folder: Path, mode: str, planted: Planted) -> tuple[str, list[str]]:
    """Return the verdict on the planted change, and the names of the functions that are blamed."""
    plant(folder, planted)
    found = session(folder, [planted.test], *(["--perf-against=main"] if mode == "duet" else []))
    changes = [one for test in found["measurements"] for one in test["changes"]]
    timed = next((one for one in changes if one["metric"] == "time"), None)
    if timed is None:
        return "none", []
    verdict = timed["verdict"]
    if verdict != "regressed":
        return verdict, []
    return verdict, [one["function"].partition(":")[2] for one in timed.get("blamed", ())]


def row(name: str, planted: Planted, results: Mapping[str, tuple[str, list[str]]]) -> tuple[str, dict[str, bool]]:
    """Return a row of the table, and for each mode whether its answer is right."""
    cells, right = [], {}
    for mode, (verdict, blamed) in results.items():
        if planted.culprits:
            is_first, is_named = blamed[:1] and blamed[0] in planted.culprits, set(blamed) & set(planted.culprits)
            right[mode] = bool(is_first)
            cells.append(
                f"{verdict} | {'first' if is_first else 'named' if is_named else 'NO'} | {', '.join(blamed[:3])}"
            )
        else:
            right[mode] = not blamed
            cells.append(f"{verdict} | {'BLAMED' if blamed else 'quiet'} | {', '.join(blamed[:3])}")
    return f"| {name} | {' | '.join(cells)} |", right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="the changes (default: all)")
    parser.add_argument("--mode", action="append", choices=MODES)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    modes = options.mode or list(MODES)
    changes = {**REGRESSIONS, **BESIDE, **CLEAN}
    wanted = options.names or list(changes)
    told: dict[str, Any] = {}
    right: dict[tuple[str, bool], list[bool]] = {}
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "project")
        shutil.copytree(PROJECT, folder)
        (folder / "pyproject.toml").write_text(SETTINGS, "utf-8")
        git(folder, "init", "--quiet", "--initial-branch=main")
        commit(folder, "The analyser")
        if "baseline" in modes:
            session(folder, sorted({changes[name].test for name in wanted}), "--perf-update-baseline")
            commit(folder, "The baseline")
        print("| change | " + " | ".join(f"{mode} | culprit | blamed" for mode in modes) + " |")
        print("|---|" + "---|---|---|" * len(modes))
        for name in wanted:
            planted = changes[name]
            results = {mode: judged(folder, mode, planted) for mode in modes}
            text, answers = row(name, planted, results)
            print(text, flush=True)
            told[name] = results
            for mode, one in answers.items():
                right.setdefault((mode, bool(planted.culprits)), []).append(one)
    for (mode, is_regression), answers_of in right.items():
        what = "named first" if is_regression else "clean changes without a blame"
        print(f"{mode}: {sum(answers_of)} of {len(answers_of)} {what}")
    if options.output:
        options.output.write_text(json.dumps(told, indent=1), "utf-8")
    sys.exit(
        any(answers.count(False) > (MOST_WRONG if regression else 0) for (_, regression), answers in right.items())
    )


if __name__ == "__main__":
    main()
