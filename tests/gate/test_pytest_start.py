"""The start of pytest for the gate, with a plugin that is installed as a copy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_perfbudget
from pytest_perfbudget.gate import pytest_start

ENTRY_POINTS = "[pytest11]\nperfbudget = pytest_perfbudget.plugin.hooks\n"


@pytest.fixture
def installed_copy(tmp_path: Path) -> Path:
    """A folder of installed packages with a copy of the plugin, whose RECORD names its files.

    pytest marks such files for the rewriting of assertions; an editable installation has no list of them.
    """
    site = tmp_path / "site"
    package = Path(pytest_perfbudget.__file__).parent
    shutil.copytree(package, site / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    folder = site / "pytest_perfbudget-99.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: pytest-perfbudget\nVersion: 99\n", "utf-8")
    (folder / "entry_points.txt").write_text(ENTRY_POINTS, "utf-8")
    (folder / "RECORD").write_text("pytest_perfbudget/__init__.py,,\n", "utf-8")
    return site


def test_a_project_that_turns_warnings_into_errors_starts(
    pytester: pytest.Pytester, installed_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin is imported before pytest, which warns of other modules that come so early."""
    monkeypatch.setenv("PYTHONPATH", str(installed_copy))
    pytester.makeini("[pytest]\nfilterwarnings = error::pytest.PytestAssertRewriteWarning\n")
    pytester.makepyfile("def test_it():\n    import pytest_perfbudget\n    print(pytest_perfbudget.__file__)\n")
    start = installed_copy / "pytest_perfbudget/gate" / Path(pytest_start.__file__).name
    command = [sys.executable, str(start), "-q", "-s", "-p", "no:cacheprovider"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert str(installed_copy) in ended.stdout, "the copy is the plugin"
    assert "1 passed" in ended.stdout
    assert ended.returncode == 0, ended.stderr

    other = installed_copy / "pytest_perfbudget/__init__.py"
    other.write_text(other.read_text("utf-8").replace("PYTEST_DONT_REWRITE", ""), "utf-8")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "PytestAssertRewriteWarning" in refused.stderr
