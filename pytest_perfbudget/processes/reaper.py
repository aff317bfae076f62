"""The reaper: a process beside a worker that ends the worker and what the worker has started.

A session that is killed, or told to end by SIGTERM, cannot end its workers itself. The system could kill a worker then
(`PR_SET_PDEATHSIG`), but its fixtures would not be torn down, and the servers that they have started would stay. A
session that can end its workers leaves this to their reapers, too: the rules are in one place, neither a second Ctrl-C
nor a test's mocks reach it, and the servers of a worker that crashed are found.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.cpu_times import leave_out
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.processes.popen import popen
from pytest_perfbudget.processes.reaper_script import ALL, GROUP, MARK, STOP_S, TEAR_DOWN_S

_SCRIPT: Final = Path(__file__).with_name("reaper_script.py")
_PAUSE_S: Final = 0.02
_STUCK_S: Final = TEAR_DOWN_S + 2 * STOP_S
"""The time in s after which a reaper counts as stuck."""

# Bound at import, before any test can replace them.
_getpid = os.getpid
_urandom = os.urandom
_sleep = time.sleep
_executable = sys.executable


def new_mark() -> str:
    """Return a value of `MARK` that no other worker has."""
    return _urandom(8).hex()


class Reaper:
    """The reaper of one worker.

    Args:
        worker: the id of the worker, which leads a process group.
        mark: the value of `MARK` in the worker's environment.

    Raises:
        OSError: the reaper cannot be started.
    """

    def __init__(self, worker: int, mark: str) -> None:
        self.process = popen(
            [_executable, "-I", "-S", str(_SCRIPT), str(_getpid()), str(worker), mark],
            cwd=os.sep,
            # In a session that was started by the test of another worker, the reaper does not belong to that worker.
            env={name: value for name, value in os.environ.items() if name != MARK},
            stdin=subprocess.PIPE,  # its other end closes with the session
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C, and what kills the whole group of the session, do not reach the reaper
        )
        leave_out(self.process.pid)

    def tell_to_end(self, *, is_early: bool) -> None:
        """Let the reaper end the worker, and then itself; do not wait. Only the first command counts.

        Args:
            is_early: whether the worker has not ended in order; see `reaper_script.ALL`.
        """
        if self.process.stdin is not None:
            with suppress(OSError):  # the reaper was killed
                self.process.stdin.write(ALL if is_early else GROUP)
                self.process.stdin.flush()

    def wait(self, worker: subprocess.Popen[Any]) -> None:
        """Wait until the reaper has ended the worker, and end the reaper."""
        end_ns = SYSTEM.wall_ns() + _STUCK_S * 1e9
        while not ends_within(self.process, _PAUSE_S) and SYSTEM.wall_ns() < end_ns:
            worker.poll()  # the reaper may not see that the worker has ended before this process has
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()


def ends_within(process: subprocess.Popen[Any], seconds: float) -> bool:
    """Return whether a process ends within a time; `Popen.wait` would read a clock that a test may have frozen."""
    end_ns = SYSTEM.wall_ns() + seconds * 1e9
    pause_s = 0.001
    while process.poll() is None:
        if SYSTEM.wall_ns() > end_ns:
            return False
        _sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_S)
    return True
