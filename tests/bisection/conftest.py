"""A repository of eight commits, and searches in it whose duets are scripted."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import commit, git
from scripted_duets import COMMITS, ScriptedDuets
from scripting import leave_the_outer_run

from pytest_perfbudget.bisection import search


@pytest.fixture
def duets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedDuets:
    """A repository of which the present folder is the working tree, with the tag `good`."""
    leave_the_outer_run(monkeypatch)
    folder = tmp_path / "shop"
    files = {"pyproject.toml": "[tool.perfbudget]\n", "src/shop/api.py": "", "tests/test_api.py": ""}
    made = [commit(folder, files, "Begin")]
    made += [
        commit(folder, {"src/shop/api.py": f"{at}\n", f"note_{at}.txt": ""}, f"Change {at}")
        for at in range(1, COMMITS + 1)
    ]
    git(folder, "tag", "good", made[0])
    monkeypatch.chdir(folder)
    scripted = ScriptedDuets(folder, made)
    monkeypatch.setattr(search, "run_duet", scripted.run)
    return scripted
