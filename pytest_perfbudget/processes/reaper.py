"""The reaper: a process beside a worker that ends the worker, and the servers of its tests, if the session is killed.

A session that is interrupted ends its workers itself. A session that is killed, or told to end by SIGTERM, cannot. The
system could kill the worker then (`PR_SET_PDEATHSIG`), but the worker's fixtures would not be torn down, and the
servers that they have started would stay.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from pytest_perfbudget.measure.cpu_usage import leave_out

_SCRIPT: Final = Path(__file__).with_name("reaper_script.py")

# Bound at import, before any test can replace them.
_Popen = subprocess.Popen
_getpid = os.getpid
_executable = sys.executable


class Reaper:
    """The reaper of one worker.

    Args:
        worker: the id of the worker, which leads a process group.

    Raises:
        OSError: the reaper cannot be started.
    """

    def __init__(self, worker: int) -> None:
        self._process = _Popen(
            [_executable, "-I", "-S", str(_SCRIPT), str(_getpid()), str(worker)],
            cwd=os.sep,
            stdin=subprocess.PIPE,  # its other end closes with the session
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C, and what kills the whole group of the session, do not reach the reaper
        )
        leave_out(self._process.pid)

    def dismiss(self) -> None:
        """End the reaper, because the worker has ended."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
