from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.command import Ended
from pytest_perfbudget.doctor.trial import BaselineTrial, DuetTrial
from pytest_perfbudget.doctor.workloads import WORKLOADS


def parameters(folder: Path) -> Any:
    """Return the arguments of `parametrize` in the tests that a trial has written."""
    marks: list[pytest.Mark] = runpy.run_path(str(folder / "test_workloads.py"))["test_workload"].pytestmark
    (found,) = (mark.args for mark in marks if mark.name == "parametrize")
    return found


def test_a_trial_runs_all_workloads(tmp_path: Path) -> None:
    BaselineTrial(tmp_path)
    assert parameters(tmp_path) == ("name", list(WORKLOADS))


def test_a_trial_of_some_workloads_runs_no_others(tmp_path: Path) -> None:
    BaselineTrial(tmp_path, workloads=["zlib", "memory walk"])
    assert parameters(tmp_path) == ("name", ["zlib", "memory walk"])


@pytest.mark.parametrize(
    ("time", "instructions", "is_red"),
    [("regressed", "", True), ("undecided", "regressed", True), ("undecided", "unchanged", False), ("new", "", False)],
)
def test_a_workload_is_red_by_its_time_or_by_its_instructions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, time: str, instructions: str, *, is_red: bool
) -> None:
    """As `count_instructions = true` among the settings compares them."""
    trial = DuetTrial(tmp_path, workloads=["numpy"], settings=["count_instructions = true"])
    change = {"metric": "time", "verdict": time, "ratio": 1.05, "log_std_error": 0.01, "runs": 4}
    counted = [{"metric": "instructions", "verdict": instructions}] if instructions else []

    def report(*_: object, **__: object) -> Ended:
        entry = {"nodeid": "test_workloads.py::test_workload[numpy]", "changes": [change, *counted]}
        (tmp_path / "report.json").write_text(json.dumps({"measurements": [entry]}), "utf-8")
        return Ended(1, "", "")

    monkeypatch.setattr("pytest_perfbudget.doctor.trial.run", report)
    (case,) = trial.session({"numpy": 0.05}).cases
    assert (case.workload, case.slowdown, case.fresh) == ("numpy", 0.05, 4)
    assert case.is_red is is_red
    assert "count_instructions = true" in (tmp_path / "pyproject.toml").read_text("utf-8")
