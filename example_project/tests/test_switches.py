"""The gate finds every optimisation that is taken away, and says where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from agent_hive.switches import VARIABLE, Optimisation, is_on

PROJECT: Final = Path(__file__).parent.parent

CULPRITS: Final = {
    Optimisation.TOKEN_CACHE: ("test_verifies_a_known_token", "tokens:TokenVerifier._claims"),
    Optimisation.PERMISSION_TABLE: ("test_checks_a_permission", "roles:_granted"),
    Optimisation.QUEUE_INDEX: ("test_claims_a_task", "agent_hive.storage.tasks:"),
    Optimisation.OWNER_INDEX: ("test_lists_the_tasks_of_an_agent", "agent_hive.storage.tasks:"),
    Optimisation.KEPT_CONNECTIONS: ("test_gets_an_agent", "database:Database._open"),
}
"""By switch, the test that it slows down most, and the function that is to be named."""

RUNS: Final = 4


def run(folder: Path, *arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_"))}
    tests = [f"{test}" for test, _ in CULPRITS.values()]
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", " or ".join(tests), "--perf-only", *arguments],
        cwd=folder,
        env={**kept, VARIABLE: without},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a baseline that was just made on this machine."""
    folder = tmp_path_factory.mktemp("copy") / "example_project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "perf-baseline*"))
    settings = folder / "pyproject.toml"
    settings.write_text(
        settings.read_text("utf-8").replace("[tool.perfbudget]\n", f"[tool.perfbudget]\nbaseline_runs = {RUNS}\n"),
        "utf-8",
    )
    made = run(folder, "--perf-update-baseline")
    assert made.returncode == 0, made.stdout
    return folder


@pytest.fixture
def changes(measured: Path) -> Callable[[str], tuple[subprocess.CompletedProcess[str], dict[str, list[str]]]]:
    def compare(without: str) -> tuple[subprocess.CompletedProcess[str], dict[str, list[str]]]:
        ended = run(measured, "--perf-output=report.json", without=without)
        document: dict[str, Any] = json.loads((measured / "report.json").read_text("utf-8"))
        found: dict[str, list[str]] = {}
        for one in document["measurements"]:
            test = one["nodeid"].rpartition("::")[2]
            found.setdefault(test, []).extend(change["standing"] for change in one["changes"])
        return ended, found

    return compare


def test_as_it_was_measured_the_hive_passes(changes: Callable[[str], Any]) -> None:
    ended, found = changes("")
    assert ended.returncode == 0, ended.stdout
    assert "regressed" not in {standing for standings in found.values() for standing in standings}


@pytest.mark.parametrize("optimisation", CULPRITS, ids=lambda one: one.value)
def test_what_is_switched_off_is_found_and_named(changes: Callable[[str], Any], optimisation: Optimisation) -> None:
    test, function = CULPRITS[optimisation]
    ended, found = changes(optimisation.value)
    assert ended.returncode == 1, ended.stdout
    assert "regressed" in found[test], ended.stdout
    (text,) = (part for part in ended.stdout.split("\n____") if part.lstrip("_ ").startswith(test))
    assert function in text, ended.stdout


def test_a_switch_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "token-cache, speed")
    with pytest.raises(ValueError, match="'speed' is not a valid Optimisation"):
        is_on(Optimisation.QUEUE_INDEX)
