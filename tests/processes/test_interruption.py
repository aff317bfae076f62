"""The end of a session of pytest that its command interrupts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_perfbudget.processes import interruption

IGNORES = """
import signal, sys
for one in (signal.SIGINT, signal.SIGTERM):
    signal.signal(one, signal.SIG_IGN)
open(sys.argv[1], "w").write("x")
signal.pause()
"""


@pytest.mark.skipif(os.name != "posix", reason="there are no such signals")
def test_a_session_that_does_not_end_in_time_is_killed(
    tmp_path: Path, pipe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interruption, "_PATIENCE_S", 0.0)
    with subprocess.Popen([sys.executable, "-c", IGNORES, str(tmp_path / "pipe")]) as session:
        os.set_blocking(pipe, True)
        os.read(pipe, 1)  # the session ignores the signals now
        interruption.interrupt(session)
    assert session.returncode < 0
