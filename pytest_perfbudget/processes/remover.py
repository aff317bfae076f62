"""The remover: a process beside a session that removes the session's checkout if the session cannot.

A session that is told to end by SIGTERM, or is killed, removes nothing itself: pytest has no handler for SIGTERM, and
one of this plugin would change how the project's own tests end.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.cpu_times import leave_out
from pytest_perfbudget.processes.popen import popen
from pytest_perfbudget.processes.reaper_script import MARK

_PACKAGE: Final = Path(__file__).resolve().parents[2]
"""The folder from which this package is imported: an isolated interpreter knows no installed packages."""
_START: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from pytest_perfbudget.processes.remover_script import main; main(int(sys.argv[1]), sys.argv[2])"
)

# Bound at import, before any test can replace them.
_getpid = os.getpid
_executable = sys.executable


@contextmanager
def removed_with_session(folder: Path) -> Iterator[None]:
    """Let a process remove a checkout's folder if this process ends within the block.

    Without such a process, the next session removes the folder.
    """
    if os.name != "posix":
        yield
        return
    remover = None
    with suppress(OSError):
        remover = popen(
            [_executable, "-I", "-S", "-c", _START, str(_PACKAGE), str(_getpid()), str(folder)],
            cwd=os.sep,
            # In a session that was started by the test of another worker, the remover does not belong to that worker.
            env={name: value for name, value in os.environ.items() if name != MARK},
            stdin=subprocess.PIPE,  # its other end closes with the session
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what kills the whole group of the session does not reach the remover
        )
        leave_out(remover.pid)
    try:
        yield
    finally:
        if remover is not None:
            remover.kill()
            remover.wait()
            if remover.stdin is not None:
                with suppress(OSError):
                    remover.stdin.close()
