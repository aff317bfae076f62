"""The end of a command by a signal: everything that the command has started is ended, and what it made is removed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final

from pytest_perfbudget.processes.reaper import ends_within

_SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_PATIENCE_S: Final = 30.0
"""The time that a session has to end its processes and to remove its checkout."""
_IGNORES_SIGINT: Final = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
"""Whether the shell has started this process so that it ignores SIGINT, as in the background. Its children do, too."""


class Terminated(KeyboardInterrupt):
    """The interruption by a signal that reaches this process alone, as `kill` sends; Ctrl-C reaches its children."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does; ignore further signals during the removal."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated

    before = {one: signal.getsignal(one) for one in _SIGNALS}
    for one in list(before):
        if before[one] is signal.SIG_IGN:  # as nohup asks for
            del before[one]
        else:
            signal.signal(one, interrupt)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler or signal.SIG_DFL)  # a handler that Python did not set is unknown


def interrupt(process: subprocess.Popen[Any]) -> None:
    """Interrupt a session of pytest as Ctrl-C does, and give the session time to remove its checkout."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT if os.name == "posix" and not _IGNORES_SIGINT else signal.SIGTERM)
    wait_for_end(process)


def wait_for_end(process: subprocess.Popen[Any]) -> None:
    """Give a session of pytest that is interrupted time to remove its checkout; then kill the session.

    What a killed session has started ends all the same, and its checkout is removed: see `reaper` and `remover`.
    """
    if not ends_within(process, _PATIENCE_S):
        process.kill()
