"""The gate finds every optimisation that is taken away, and says where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from agent_hive.switches import VARIABLE, Optimisation, is_on

PROJECT: Final = Path(__file__).parent.parent

CULPRITS: Final = {
    Optimisation.TOKEN_CACHE: (
        "tests/security/test_tokens.py::test_verifies_a_known_token",
        "tokens:TokenVerifier._claims",
    ),
    Optimisation.PERMISSION_TABLE: ("tests/security/test_roles.py::test_checks_a_permission", "roles:_granted"),
    Optimisation.QUEUE_INDEX: ("tests/storage/test_tasks.py::test_claims_a_task", "agent_hive.storage.tasks:"),
    Optimisation.OWNER_INDEX: (
        "tests/storage/test_tasks.py::test_lists_the_tasks_of_an_agent",
        "agent_hive.storage.tasks:",
    ),
    Optimisation.KEPT_CONNECTIONS: ("tests/storage/test_agents.py::test_gets_an_agent", "database:Database._open"),
    Optimisation.REGISTRY_CACHE: ("tests/discovery/test_lookup.py::test_finds_known_agents", "registry:Registry.find"),
    Optimisation.KEEP_ALIVE: ("tests/gateway/test_upstream.py::test_calls_an_agent", "upstream:Upstream.call"),
    Optimisation.RESPONSE_CACHE: (
        "tests/gateway/stages/test_response_cache.py::test_spares_the_call_of_an_agent",
        "call_agent:CallAgent",
    ),
    Optimisation.SLIDING_WINDOW: (
        "tests/security/test_shared_rate_limit.py::test_refuses_a_hit_of_a_full_window",
        "shared_rate_limit:_HitLog._recent",
    ),
}
"""By switch, the test that it slows down most, and the function that is to be named."""

ALONE: Final = (Optimisation.KEPT_CONNECTIONS, Optimisation.RESPONSE_CACHE)
"""The switches that slow down tests of others, too, but not of each other. All the rest share a session."""

SESSIONS: Final = (tuple(one for one in CULPRITS if one not in ALONE), ALONE)

ALL: Final = [test for test, _ in CULPRITS.values()]
RUNS: Final = 4
ALPHA: Final = 0.05


def run(folder: Path, tests: Iterable[str], *arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    dropped = ("PYTEST", "COV_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    # A session starts dozens of processes: each is spared the plugins that it does not need.
    lean = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", VARIABLE: without}
    options = ["-p", "perfbudget", "-p", "no:cacheprovider", "--perf-only"]
    return subprocess.run(  # noqa: S603 - this suite's own pytest
        [sys.executable, "-m", "pytest", *options, *tests, *arguments],
        cwd=folder,
        env={**kept, **lean},
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
    made = run(folder, ALL, "--perf-update-baseline")
    assert made.returncode == 0, made.stdout
    return folder


def verdicts(folder: Path) -> dict[str, set[str]]:
    """Return what the last session said of each test."""
    document: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    return {one["nodeid"]: {change["verdict"] for change in one["changes"]} for one in document["measurements"]}


def test_as_it_was_measured_the_hive_passes(measured: Path) -> None:
    ended = run(measured, ALL, "--perf-output=report.json")
    assert ended.returncode == 0, ended.stdout
    without_redis = {CULPRITS[Optimisation.SLIDING_WINDOW][0]} if shutil.which("redis-server") is None else set()
    assert set(verdicts(measured)) == set(ALL) - without_redis
    assert "regressed" not in set.union(*verdicts(measured).values())


@pytest.fixture(scope="module")
def switched_off(measured: Path) -> dict[Optimisation, tuple[set[str], str]]:
    """By switch, the verdicts on its test without the optimisation, and the output of the session."""
    # What is several times slower needs the fewest processes if a single false alarm were no harm. The test above has
    # shown that there is none.
    settings = measured / "pyproject.toml"
    settings.write_text(
        settings.read_text("utf-8").replace("[tool.perfbudget]\n", f"[tool.perfbudget]\nalpha = {ALPHA}\n"), "utf-8"
    )
    found = {}
    for optimisations in SESSIONS:
        tests = [CULPRITS[one][0] for one in optimisations]
        ended = run(
            measured,
            tests,
            "--perf-output=report.json",
            without=",".join(one.value for one in optimisations),
        )
        assert ended.returncode == 1, ended.stdout
        said = verdicts(measured)
        found.update({one: (said.get(CULPRITS[one][0], set()), ended.stdout) for one in optimisations})
    return found


@pytest.mark.parametrize("optimisation", CULPRITS, ids=lambda one: one.value)
def test_what_is_switched_off_is_found_and_named(
    switched_off: dict[Optimisation, tuple[set[str], str]], optimisation: Optimisation
) -> None:
    if optimisation is Optimisation.SLIDING_WINDOW and shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    test, function = CULPRITS[optimisation]
    said, output = switched_off[optimisation]
    assert "regressed" in said, output
    _, _, text = output.partition(f"_ {test.rpartition('::')[2]} _")  # the section of this test
    text, _, _ = text.partition("\n___")
    text, _, _ = text.partition("= performance budgets =")
    assert function in text, output


def test_a_switch_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "token-cache, speed")
    with pytest.raises(ValueError, match="'speed' is not a valid Optimisation"):
        is_on(Optimisation.QUEUE_INDEX)
