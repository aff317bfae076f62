"""Temporary folders are removed, at the latest by the next session."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_perfbudget.processes import scratch
from pytest_perfbudget.processes.scratch import PREFIX, Scratch

OWNER = """
import sys
from pytest_perfbudget.processes.scratch import Scratch
made = Scratch()
print(made.name, flush=True)
sys.stdin.read()  # until it is killed
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders are locked by fcntl")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch._sweep.cache_clear()
    return tmp_path


def test_a_folder_is_removed_when_it_is_closed(temporary: Path) -> None:
    made = Scratch()
    Path(made.name, "file").touch()
    made.close()
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("temporary")
@pytest.mark.parametrize("is_killed", [True, False])
def test_the_folder_of_a_killed_session_is_removed_and_that_of_a_running_session_stays(is_killed: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        left = Path(owner.stdout.readline().strip())
        try:
            if is_killed:
                owner.send_signal(signal.SIGTERM)
                owner.wait()
            Scratch().close()
            assert left.exists() is not is_killed
        finally:
            owner.kill()


def test_a_folder_that_is_no_scratch_folder_stays(temporary: Path) -> None:
    (temporary / f"{PREFIX}mine").mkdir()
    Scratch().close()
    assert (temporary / f"{PREFIX}mine").exists()
