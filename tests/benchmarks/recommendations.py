"""Seeds causes of slowness into the example project, and counts how often the first recommendation is the right one.

    python tests/benchmarks/recommendations.py [--output recommendations.json] [NAME ...]

In a clone of this repository each cause becomes a commit, which a duet (`--perf-against main`) compares. The last row is
the twin: a commit that changes no code, with all of these tests, which must have no recommendation. The exit code is 1
if fewer than 11 of 12 are right, or the twin has one. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from branches import commit, git  # a neighbour

from pytest_perfbudget.core.recommendations import Advice

ROOT = Path(__file__).parent.parent.parent
CLEAN = "no change of code"
LEAST_RIGHT = 11

_TASKS, _AGENTS, _REGISTRY = "storage/tasks.py", "storage/agents.py", "discovery/registry.py"
_ROLES, _TOKENS = "security/roles.py", "security/tokens.py"
_ROWS = "[_task(row) for row in self._database.connection.execute(_OF_AGENT, values)]"
_PAGE = "[_agent(row) for row in self._database.connection.execute(_WITH_CAPABILITY, values)]"
_FOUND = "tuple(_endpoint(row) for row in self._database.connection.execute(_FIND, values))"
_LOOP = {Advice.QUERIES_IN_A_LOOP, Advice.REPEATED_STATEMENT}


@dataclass(frozen=True)
class Cause:
    """A cause of slowness: edits of a file of the example, the test that shows it, and the advice that fits."""

    file: str
    edits: tuple[tuple[str, str], ...]
    test: str
    advice: Collection[Advice]


def _one(connection: str, key: str) -> str:
    return f"self._database.connection.execute({connection}, {{'id': row['{key}']}}).fetchone()"


CAUSES = {
    "a query for each task": Cause(
        _TASKS, ((_ROWS, _ROWS.replace("_task(row)", f"_task({_one('_GET', 'id')})")),),
        "tests/storage/test_tasks.py::test_lists_the_tasks_of_an_agent", _LOOP,
    ),
    "a query for each agent": Cause(
        _AGENTS, ((_PAGE, _PAGE.replace("_agent(row)", f"_agent({_one('_GET', 'id')})")),),
        "tests/storage/test_agents.py::test_lists_by_capability", _LOOP,
    ),
    "a query for each endpoint": Cause(
        _REGISTRY,
        ((_FOUND, _FOUND.replace("_endpoint(row)", f"_endpoint(({_one('_AGENT_ID', 'agent_id')}, row)[1])")),
         ("_FIND: Final", '_AGENT_ID: Final = "SELECT id FROM agents WHERE id = :id"\n_FIND: Final')),
        "tests/discovery/test_registry.py::test_finds_the_agents_with_a_capability", _LOOP,
    ),
    "the same query five times": Cause(
        _AGENTS,
        (("        row = self._database", "        for _ in range(5):\n            row = self._database"),),
        "tests/storage/test_agents.py::test_gets_an_agent", _LOOP,
    ),
    "payloads that are copied by JSON": Cause(
        _TASKS, (('payload=json.loads(row["payload"])', 'payload=json.loads(json.dumps(json.loads(row["payload"])))'),),
        "tests/storage/test_tasks.py::test_lists_the_tasks_of_an_agent", {Advice.SERIALISATION},
    ),
    "a table that is copied by pickle": Cause(
        _ROLES, (("table = self._granted\n", "table = pickle.loads(pickle.dumps(self._granted))\n"),
                 ("import re\n", "import pickle\nimport re\n")),
        "tests/security/test_roles.py::test_checks_a_permission", {Advice.SERIALISATION},
    ),
    "a sleep": Cause(
        _AGENTS, (("        row = self._database", "        time.sleep(0.002)\n        row = self._database"),
                  ("import sqlite3\n", "import sqlite3\nimport time\n")),
        "tests/storage/test_agents.py::test_gets_an_agent", {Advice.WAITING},
    ),
    "a wait for another thread": Cause(
        _ROLES, (("        table = self._granted\n", "        threading.Event().wait(0.002)\n        table = self._granted\n"),
                 ("import re\n", "import re\nimport threading\n")),
        "tests/security/test_roles.py::test_checks_a_permission", {Advice.WAITING},
    ),
    "tokens that are not remembered": Cause(
        _TOKENS, (("if known is None and self._caches:", "if known is None and not self._caches:"),),
        "tests/security/test_tokens.py::test_verifies_a_known_token", {Advice.NOT_REMEMBERED},
    ),
    "permissions that are not remembered": Cause(
        _ROLES, (("return self._table if self._keeps_table else _granted", "return _granted"),),
        "tests/security/test_roles.py::test_checks_a_permission", {Advice.NOT_REMEMBERED},
    ),
    "a check that runs fifty times": Cause(
        _TOKENS,
        (("        identity.check_time(", "        for _ in range(50):\n            identity.check_time("),),
        "tests/security/test_tokens.py::test_verifies_a_known_token", {Advice.CALL_GROWTH},
    ),
    "a page that is cut from all rows": Cause(
        _AGENTS, ((_PAGE, f"{_PAGE}[:limit]"), ('"after": after, "limit": limit}\n        return [_agent(row) for row in '
                  'self._database.connection.execute(_WITH_CAPABILITY', '"after": after, "limit": 100_000}\n        return '
                  '[_agent(row) for row in self._database.connection.execute(_WITH_CAPABILITY')),
        "tests/storage/test_agents.py::test_lists_by_capability", {Advice.MEMORY_GROWTH},
    ),
}  # fmt: skip


def session(folder: Path, tests: Iterable[str]) -> list[dict[str, Any]]:
    """Compare some tests of the example with main; return the recommendations of the JSON report."""
    report = folder.parent.parent / "report.json"  # beside the clone
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-p", "perfbudget", "-q", "--perf-only", f"--perf-output={report}"]
    lean = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # a session starts dozens of processes
    command += [*tests, "--perf-against=main"]
    ended = subprocess.run(command, cwd=folder, env=lean, capture_output=True, text=True, check=False)
    if ended.returncode not in (0, 1) or not report.exists():
        sys.exit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
    found: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["recommendations"]
    return found


def seed(folder: Path, name: str) -> None:
    """Commit a cause on a branch of its own."""
    cause = CAUSES[name]
    git(folder, "checkout", "--quiet", "-B", "branch", "main")
    file = folder / "agent_hive" / cause.file
    text = file.read_text("utf-8")
    for before, after in reversed(cause.edits):
        assert before in text, before
        text = text.replace(before, after)
    file.write_text(text, "utf-8")
    commit(folder, name)


def clean(folder: Path) -> list[dict[str, Any]]:
    """Commit a change of no code, and return what is recommended for all the tests."""
    git(folder, "checkout", "--quiet", "-B", "branch", "main")
    file = folder / "agent_hive/switches.py"
    file.write_text(file.read_text("utf-8") + "# All is on.\n", "utf-8")
    commit(folder, CLEAN)
    return session(folder, dict.fromkeys(one.test for one in CAUSES.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("causes", nargs="*", help="the causes (default: all, and the twin)")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    wanted = options.causes or list(CAUSES)
    right = 0
    told: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as parent:
        clone = Path(parent, "clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        git(clone, "checkout", "--quiet", "-B", "main")
        folder = clone / "example_project"
        print("| cause | first | place | others | right | s |\n|---|---|---|---|---|---|")
        for name in wanted:
            start_s = time.monotonic()
            seed(folder, name)
            found = told[name] = session(folder, [CAUSES[name].test])
            kinds = [one["advice"] for one in found]
            is_right = bool(kinds) and Advice(kinds[0]) in CAUSES[name].advice
            right += is_right
            first, place = (kinds[0], found[0]["place"]) if found else ("-", "-")
            elapsed_s = time.monotonic() - start_s
            row = f"| {name} | {first} | {place} | {', '.join(kinds[1:])} | {'yes' if is_right else 'NO'} | {elapsed_s:.0f} |"
            print(row, flush=True)
        if not options.causes:
            told[CLEAN] = clean(folder)
            print(f"| {CLEAN} | {len(told[CLEAN])} recommendations | | | {'NO' if told[CLEAN] else 'yes'} | |")
    if options.output:
        options.output.write_text(json.dumps(told, indent=1), "utf-8")
    print(f"{right} of {len(wanted)} right")
    sys.exit(right < min(LEAST_RIGHT, len(wanted)) or bool(told.get(CLEAN)))


if __name__ == "__main__":
    main()
