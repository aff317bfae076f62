from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.doctor.trial import BaselineTrial
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
