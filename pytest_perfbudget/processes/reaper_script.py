"""The script of the reaper: it waits until the session has ended, and then ends what is left of a worker.

The script imports nothing from this package, and little else, so that it starts in a hundredth of a second.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress

_NOTICE_S = 1.0
"""The time in s for a worker that waits for the session to notice that the session has ended. A worker that already
tears its fixtures down is best not interrupted."""

_TERMINATE_S = 5.0
_PAUSE_S = 0.02


def wait_for_end(session: int) -> None:
    """Wait until the session has ended, which is the parent of this process and holds a pipe to its standard input."""
    ends = [0]
    if sys.platform == "linux":  # a forked child of the session may hold the pipe for longer
        with suppress(AttributeError, OSError):  # an interpreter or a kernel without pidfd, or the session has ended
            ends.append(os.pidfd_open(session))
    if os.getppid() == session:
        select.select(ends, [], [])


def end(worker: int) -> None:
    """End the process group of a worker: politely, so that fixtures are torn down, and after some seconds at once."""
    with suppress(ProcessLookupError, PermissionError):  # the group has ended
        if not _ends_within(worker, _NOTICE_S):
            os.killpg(worker, signal.SIGTERM)
            _ends_within(worker, _TERMINATE_S)
        os.killpg(worker, signal.SIGKILL)


def _ends_within(worker: int, seconds: float) -> bool:
    try:
        for _ in range(round(seconds / _PAUSE_S)):
            os.kill(worker, 0)
            time.sleep(_PAUSE_S)
    except ProcessLookupError:
        return True
    return False


if __name__ == "__main__":
    wait_for_end(int(sys.argv[1]))
    end(int(sys.argv[2]))
