"""Temporary folders are removed, at the latest by the next session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pytest_perfbudget.processes import scratch
from pytest_perfbudget.processes.scratch import CHECKOUT_PREFIX, PREFIX, Scratch

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


@pytest.mark.parametrize("age_s", [0, 3600])
def test_a_checkout_of_a_killed_session_is_removed_unless_its_lock_may_not_be_there_yet(
    temporary: Path, age_s: float
) -> None:
    """The session may have been of another project, which is not tested again."""
    left = temporary / f"{CHECKOUT_PREFIX}left"
    left.mkdir()
    (left / "in-use").write_text("", "utf-8")
    os.utime(left, (time.time() - age_s, time.time() - age_s))
    Scratch().close()
    assert left.exists() is (age_s == 0)


def test_a_folder_that_is_no_scratch_folder_stays(temporary: Path) -> None:
    (temporary / f"{PREFIX}mine").mkdir()
    Scratch().close()
    assert (temporary / f"{PREFIX}mine").exists()
