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
from culprits import CALL, CULPRITS, PUBLIC_ANSWER, span_times_ns

PROJECT: Final = Path(__file__).parent.parent

# The plans of the queries show both indexes in tests/storage, and each switch costs half a dozen processes here;
# `tests/benchmarks/switches.py`, in the folder above, takes the indexes away as well.
SHOWN: Final = {
    one: culprit for one, culprit in CULPRITS.items() if one not in (Optimisation.QUEUE_INDEX, Optimisation.OWNER_INDEX)
}
"""The switches that are tested here."""

ALONE: Final = (Optimisation.KEPT_CONNECTIONS, Optimisation.RESPONSE_CACHE)
"""The switches that slow down tests of others, too, but not of each other. All the rest share a session."""

SESSIONS: Final = (tuple(one for one in SHOWN if one not in ALONE), ALONE)

SPANS: Final = (CALL, PUBLIC_ANSWER)
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
    def of(cls, folder: Path, tests: Iterable[str], *, without: str = "") -> Session:
        """Run a session, and read its report."""
        ended = run(folder, tests, "--perf-output=report.json", without=without)
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


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a baseline that was just made on this machine."""
    folder = tmp_path_factory.mktemp("copy") / "example_project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "perf-baseline*"))
    settings = folder / "pyproject.toml"
    settings.write_text(
        re.sub("^baseline_runs = .*", f"baseline_runs = {RUNS}", settings.read_text("utf-8"), flags=re.MULTILINE),
        "utf-8",
    )
    made = run(folder, ALL, "--perf-update-baseline")
    assert made.returncode == 0, made.stdout
    return folder


@pytest.fixture(scope="module")
def complete(measured: Path) -> Session:
    """A session of the hive as it was measured, with the spans of a call."""
    return Session.of(measured, [*ALL, *SPANS])


def test_as_it_was_measured_the_hive_passes(complete: Session) -> None:
    assert complete.exit_code == 0, complete.output
    without_redis = {SLIDING_TEST} if shutil.which("redis-server") is None else set()
    assert set(complete.measurements) == {*ALL, *SPANS} - without_redis
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
        tests = dict.fromkeys(test for one in optimisations for test in (CULPRITS[one].test, CULPRITS[one].shown_by))
        session = Session.of(measured, tests, without=",".join(one.value for one in optimisations))
        assert session.exit_code == 1, session.output
        found.update(dict.fromkeys(optimisations, session))
    return found


@pytest.mark.parametrize("optimisation", SHOWN, ids=lambda one: one.value)
def test_what_is_switched_off_is_found_and_named(
    switched_off: dict[Optimisation, Session], optimisation: Optimisation
) -> None:
    if optimisation is Optimisation.SLIDING_WINDOW and shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    culprit, session = CULPRITS[optimisation], switched_off[optimisation]
    assert "regressed" in session.verdicts(culprit.test), session.output
    assert culprit.function in session.failure(culprit.test), session.output


@pytest.mark.parametrize(
    "optimisation", [one for one, culprit in SHOWN.items() if culprit.span_test], ids=lambda one: one.value
)
def test_the_spans_of_a_call_name_the_component(
    complete: Session, switched_off: dict[Optimisation, Session], optimisation: Optimisation
) -> None:
    culprit = CULPRITS[optimisation]
    before, after = (
        span_times_ns(session.measurements[culprit.shown_by])[culprit.span]
        for session in (complete, switched_off[optimisation])
    )
    assert after > 1.5 * before


def test_a_switch_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "token-cache, speed")
    with pytest.raises(ValueError, match="'speed' is not a valid Optimisation"):
        is_on(Optimisation.QUEUE_INDEX)
