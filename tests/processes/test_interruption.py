"""The end of a session of pytest that its command interrupts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_perfbudget.processes import interruption

IGNORES = """
import signal, sys
for name in sys.argv[2:]:
    signal.signal(getattr(signal, name), signal.SIG_IGN)
open(sys.argv[1], "w").write("x")
signal.pause()
"""


pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no such signals")


def interrupted(folder: Path, pipe: int, *ignored: str) -> int:
    """Interrupt a session that ignores some signals, and return its exit code."""
    with subprocess.Popen([sys.executable, "-c", IGNORES, str(folder / "pipe"), *ignored]) as session:
        os.set_blocking(pipe, True)
        os.read(pipe, 1)  # the session ignores the signals now
        interruption.interrupt(session)
    return session.returncode


def test_a_session_that_the_shell_lets_ignore_sigint_gets_sigterm(
    tmp_path: Path, pipe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interruption, "_IGNORES_SIGINT", True)
    assert interrupted(tmp_path, pipe, "SIGINT") == -signal.SIGTERM


def test_a_session_that_does_not_end_in_time_is_killed(
    tmp_path: Path, pipe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interruption, "_PATIENCE_S", 0.0)
    assert interrupted(tmp_path, pipe, "SIGINT", "SIGTERM") == -signal.SIGKILL
