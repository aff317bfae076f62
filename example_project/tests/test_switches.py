"""The gate finds an optimisation that is taken away, and says where."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from agent_hive.switches import VARIABLE, Optimisation, is_on
from switch_culprits import CULPRITS, span_cpu_ns

PROJECT: Final = Path(__file__).parent.parent

# The plans of the queries show both indexes in tests/storage, and each comparison costs half a dozen processes;
# `tests/benchmarks/switches.py`, in the folder above, compares without the indexes as well.
SHOWN: Final = {
    one: culprit for one, culprit in CULPRITS.items() if one not in (Optimisation.QUEUE_INDEX, Optimisation.OWNER_INDEX)
}
"""The switches whose comparison is tested here."""

ALONE: Final = (Optimisation.KEPT_CONNECTIONS, Optimisation.RESPONSE_CACHE)
"""The switches that slow down tests of others, too, but not of each other. All the rest share a session."""

SESSIONS: Final = (tuple(one for one in SHOWN if one not in ALONE), ALONE)

WITH_SPANS: Final = (tuple(one for one in CULPRITS if one not in ALONE), ALONE)
"""The switches whose spans a session records; nothing is compared there, so the indexes cost no processes."""

ALL: Final = [one.test for one in SHOWN.values()]
RUNS: Final = 3
ALPHA: Final = 0.05

SLIDING_TEST: Final = CULPRITS[Optimisation.SLIDING_WINDOW].test


def run(folder: Path, tests: Iterable[str], *arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    # Of the session around it, nothing: no plugins, no coverage, no receiver of spans.
    dropped = ("PYTEST", "COV_", "PYTHONDONTWRITEBYTECODE", "PERFBUDGET", "OTEL_", "TRACEPARENT")
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


@dataclass(frozen=True)
class Session:
    """What a session said."""

    exit_code: int
    output: str
    measurements: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, folder: Path, tests: Iterable[str], *arguments: str, without: Iterable[Optimisation] = ()) -> Session:
        """Run a session, and read its report."""
        off = ",".join(one.value for one in without)
        ended = run(folder, dict.fromkeys(tests), "--perf-output=report.json", *arguments, without=off)
        document: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
        return cls(ended.returncode, ended.stdout, {one["nodeid"]: one for one in document["measurements"]})

    def verdicts(self, test: str) -> set[str]:
        """Return the verdicts on the changes of a test."""
        return {change["verdict"] for change in self.measurements.get(test, {"changes": []})["changes"]}

    def failure(self, test: str) -> str:
        """Return the failure text of a test."""
        _, _, text = self.output.partition(f"_ {test.rpartition('::')[2]} _")
        text, _, _ = text.partition("\n___")
        return text.partition("= performance budgets =")[0]


def copied(folder: Path) -> Path:
    """Copy the project without its baseline; return the settings of the copy."""
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "perf-baseline*"))
    return folder / "pyproject.toml"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a baseline that was just made on this machine."""
    folder = tmp_path_factory.mktemp("copy") / "example_project"
    settings = copied(folder)
    settings.write_text(
        re.sub("^baseline_runs = .*", f"baseline_runs = {RUNS}", settings.read_text("utf-8"), flags=re.MULTILINE),
        "utf-8",
    )
    made = run(folder, ALL, "--perf-update-baseline")
    assert made.returncode == 0, made.stdout
    return folder


@pytest.fixture(scope="module")
def complete(measured: Path) -> Session:
    """A session of the hive as it was measured."""
    return Session.of(measured, ALL)


def test_as_it_was_measured_the_hive_passes(complete: Session) -> None:
    assert complete.exit_code == 0, complete.output
    without_redis = {SLIDING_TEST} if shutil.which("redis-server") is None else set()
    assert set(complete.measurements) == {*ALL} - without_redis
    assert not any("regressed" in complete.verdicts(test) for test in ALL)


@pytest.fixture(scope="module")
def switched_off(measured: Path, complete: Session) -> dict[Optimisation, Session]:
    """The session without each optimisation."""
    # What is several times slower needs the fewest processes if a single false alarm were no harm. The session as it
    # was measured has shown that there is none.
    assert complete.exit_code == 0, complete.output
    settings = measured / "pyproject.toml"
    settings.write_text(
        settings.read_text("utf-8").replace("[tool.perfbudget]\n", f"[tool.perfbudget]\nalpha = {ALPHA}\n"), "utf-8"
    )
    found = {}
    for optimisations in SESSIONS:
        session = Session.of(measured, [CULPRITS[one].test for one in optimisations], without=optimisations)
        assert session.exit_code == 1, session.output
        found.update(dict.fromkeys(optimisations, session))
    return found


def skip_without_redis(optimisation: Optimisation) -> None:
    if optimisation is Optimisation.SLIDING_WINDOW and shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")


@pytest.mark.parametrize("optimisation", SHOWN, ids=lambda one: one.value)
def test_what_is_switched_off_is_found_and_named(
    switched_off: dict[Optimisation, Session], optimisation: Optimisation
) -> None:
    skip_without_redis(optimisation)
    culprit, session = CULPRITS[optimisation], switched_off[optimisation]
    assert "regressed" in session.verdicts(culprit.test), session.output
    assert culprit.function in session.failure(culprit.test), session.output


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory) -> dict[Optimisation, list[dict[str, float]]]:
    """The CPU time of each span with all optimisations, and without each."""
    folder = tmp_path_factory.mktemp("spans") / "example_project"
    copied(folder)
    tests = [culprit.shown_by for culprit in CULPRITS.values()]
    before = Session.of(folder, tests, "--perf-spans")
    assert before.exit_code == 0, before.output
    found = {}
    for optimisations in WITH_SPANS:
        tests = [CULPRITS[one].shown_by for one in optimisations]
        after = Session.of(folder, tests, "--perf-spans", without=optimisations)
        for one in optimisations:
            shown_by = CULPRITS[one].shown_by
            sides = [side.measurements.get(shown_by) for side in (before, after)]
            found[one] = [span_cpu_ns(side) for side in sides if side is not None]
    return found


@pytest.mark.parametrize("optimisation", CULPRITS, ids=lambda one: one.value)
def test_the_spans_name_the_component(
    spans: dict[Optimisation, list[dict[str, float]]], optimisation: Optimisation
) -> None:
    skip_without_redis(optimisation)
    before, after = (one.get(CULPRITS[optimisation].span, 0.0) for one in spans[optimisation])
    assert after > 1.5 * before  # 2.9 times with busy processes beside the test, and far more for all but one switch


def test_a_switch_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "token-cache, speed")
    with pytest.raises(ValueError, match="'speed' is not a valid Optimisation"):
        is_on(Optimisation.QUEUE_INDEX)
