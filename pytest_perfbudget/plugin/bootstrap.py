"""Starts the worker's side of a fresh process; run as a script, with the request on standard input.

It imports nothing of this package: pytest has to find it unimported, or it warns that its assertions
cannot be rewritten.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from typing import IO, Any

_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Let the system end this process when who started it is gone; Linux only."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1 != int(sys.argv[1]):
            sys.exit(1)  # it was gone before


if __name__ == "__main__":  # before anything that takes time
    _end_with_parent()

import pytest  # noqa: E402


class Channel:
    """What came in, and where answers go: found by the worker plugin under its name."""

    def __init__(self, request: dict[str, Any], answers: IO[str]) -> None:
        self.__name__ = "perfbudget-channel"
        self.request = request
        self.answers = answers


def main() -> int:
    """Put standard input and output aside for the channel, then be pytest."""
    request = json.loads(sys.stdin.readline())
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        # From here on what anybody prints goes where errors go, the log.
        os.dup2(2, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        sys.path[:] = request["path"]
        own = ["-p", "pytest_perfbudget.plugin.worker"]
        if request["has_cache"]:
            own += ["-o", f"cache_dir={request['scratch']}/cache"]
        return int(pytest.main([*request["arguments"], *own], plugins=[Channel(request, answers)]))


if __name__ == "__main__":
    sys.exit(main())
