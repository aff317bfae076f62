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
from contextlib import suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.cpu_times import leave_out
from pytest_perfbudget.processes.reaper_script import ALL, GROUP, MARK

_SCRIPT: Final = Path(__file__).with_name("reaper_script.py")

# Bound at import, before any test can replace them.
_Popen = subprocess.Popen
_getpid = os.getpid
_urandom = os.urandom
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
        self.process = _Popen(
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
        """Let the reaper end the worker, and then itself.

        Args:
            is_early: whether the worker has not ended in order; see `reaper_script.ALL`.
        """
        if self.process.stdin is not None:
            with suppress(OSError):  # the reaper was killed
                self.process.stdin.write(ALL if is_early else GROUP)
                self.process.stdin.flush()

    def dismiss(self) -> None:
        """End the reaper, because the worker has ended."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
