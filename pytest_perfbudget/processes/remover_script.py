"""The script of the remover: it removes a checkout whose session has ended without doing so, by whatever signal.

The script imports the reaper's script and little else, so that it starts in less than two hundredths of a second.
"""

# ruff: noqa: PTH110, PTH115, PTH118, PTH119, PTH120, PTH123, PTH208 - importing pathlib takes longer than all the rest

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

from pytest_perfbudget.processes.reaper_script import ALL, STOP_S, TEAR_DOWN_S, wait_for_command

_PAUSE_S = 0.02
_ENDED_S = TEAR_DOWN_S + 2 * STOP_S
"""The time in s after which the reapers have ended all that ran in the checkout."""
_RECORDS = "worktrees"
"""The folder in which git has its records of worktrees."""


def main(session: int, folder: str) -> None:
    """Remove a checkout when its session has ended without a command.

    Args:
        session: the id of the session.
        folder: the temporary folder of the checkout.
    """
    for one in ("SIGINT", "SIGTERM", "SIGHUP"):  # whatever ends all processes of the job at once
        signal.signal(getattr(signal, one), signal.SIG_IGN)
    if wait_for_command(session) == ALL:
        deadline = time.monotonic() + _ENDED_S
        while _is_used(folder) and time.monotonic() < deadline:  # fixtures are torn down there
            time.sleep(_PAUSE_S)
        remove(folder)


def remove(folder: str) -> None:
    """Remove a folder, and git's records of the worktrees in it."""
    import shutil  # noqa: PLC0415 - few sessions are killed

    for record in list(_records(folder)):
        shutil.rmtree(record, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _records(folder: str) -> Iterator[str]:
    """Yield git's record of each worktree in a folder: those of the repository and of its submodules."""
    for place, _, files in os.walk(folder):
        if ".git" not in files:
            continue
        with suppress(OSError, UnicodeDecodeError):
            file = os.path.join(place, ".git")
            with open(file, encoding="utf-8") as link:
                record = os.path.join(place, link.read().strip().removeprefix("gitdir: "))
            with open(os.path.join(record, "gitdir"), encoding="utf-8") as back:
                named = os.path.join(record, back.read().strip())  # git can write relative paths
            is_one = os.path.basename(os.path.dirname(record)) == _RECORDS
            if is_one and os.path.realpath(named) == os.path.realpath(file):
                yield record


def _is_used(folder: str) -> bool:
    """Return whether a process may work in a folder; only Linux tells."""
    if not os.path.exists("/proc/self/cwd"):
        return True
    for name in os.listdir("/proc"):
        with suppress(OSError):  # the process has ended, or is another user's
            if name.isdecimal() and f"{os.readlink(f'/proc/{name}/cwd')}/".startswith(f"{folder}/"):
                return True
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
