"""A process that is ended in order, with all that it has started, whatever ends this process: `reaper_script.end`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from pytest_perfbudget.processes.popen import popen
from pytest_perfbudget.processes.reaper import Reaper, new_mark
from pytest_perfbudget.processes.reaper_script import MARK


class ReapedProcess:
    """A process with a reaper; it leads a session, so Ctrl-C reaches only the process that has started it.

    Args:
        command: the command.
        folder: the folder in which the process runs.
        environment: the environment variables of the process.
        output: the file for all that the process says.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], output: IO[bytes]) -> None:
        mark = new_mark()
        self.process: subprocess.Popen[bytes] = popen(
            list(command),
            cwd=folder,
            env={**environment, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._reaper = Reaper(self.process.pid, mark) if os.name == "posix" else None
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def begin_to_end(self) -> None:
        """Let the process end, and what it has started, and do not wait."""
        if self._reaper is not None:
            status = self.process.poll()
            self._reaper.tell_to_end(is_early=status is None or status < 0)

    def close(self) -> None:
        """End the process and what it has started."""
        self.begin_to_end()
        if self._reaper is not None:
            self._reaper.wait(self.process)
            self._reaper = None
        self.process.kill()  # for a system without reapers, and if somebody has killed the reaper
        self.process.wait()
