"""A worker process: it is started, heard, and ended, and nothing of it is left behind."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final

from pytest_perfbudget.cpu_times import leave_out
from pytest_perfbudget.errors import WorkerError, WorkerHangsError, WorkerRefusedError
from pytest_perfbudget.processes.popen import popen
from pytest_perfbudget.processes.protocol import Answer, Request
from pytest_perfbudget.processes.reaper import Reaper, ends_within, new_mark
from pytest_perfbudget.processes.reaper_script import MARK, STOP_S
from pytest_perfbudget.processes.scratch import Scratch

if TYPE_CHECKING:
    from typing_extensions import Self

SCRIPT: Final = Path(__file__).parent.parent / "plugin" / "child" / "bootstrap.py"
"""The script of the worker; it is started by its path, because it depends on pytest and this folder does not."""

CHECK_BYTECODE: Final = ("--check-hash-based-pycs", "always")
"""The option by which Python compares each compiled file with its source: a file of another, faster source that is
committed with `unchecked-hash` would run in the place of the source."""

_NOT_INHERITED: Final = ("PYTEST_XDIST_", "COV_CORE_", "COVERAGE_PROCESS_", "PYTEST_CURRENT_TEST")
"""The prefixes of variables that would make a worker behave like a worker of pytest-xdist, or like a process that
coverage watches."""

# Bound at import, before any test can replace it.
_executable = sys.executable

_USAGE_ERROR: Final = 4
"""The exit code of pytest for a usage error; this package knows no pytest."""
_REFUSES_OPTIONS: Final = re.compile(r": error: |Error importing plugin")
"""The words of a usage error by options; a conftest.py that fails is a usage error, too."""

_LAST_WORDS = 300
_TELLING: Final = re.compile(r"E  |.*: error: |ERROR|INTERNALERROR>.*Error|\w*(Error|Exception|Exit)\b")
_HEADER: Final = re.compile(r"^=+ test session starts =+\n(?:(?!collect).+\n?)*(?:collect.*\n?)?", re.MULTILINE)
"""The header of a session, in which pytest and its plugins describe themselves."""
_PROGRESS: Final = re.compile(r"[.FEsxX]+\s*(\[.*\])?\s*")
"""A line about the progress of a session."""

READER: Final = "perfbudget-reader"
"""The name of the thread that reads the answers of a process; the thread ends with the process."""


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """The settings with which a process is started.

    Attributes:
        hash_seed: the value of PYTHONHASHSEED.
        patience_s: the time in s for which the process may be silent before it counts as hanging.
        environment: the environment variables of the process; None for those of this process.
        executable: the interpreter of the process; empty for that of this process.
    """

    hash_seed: int
    patience_s: float
    environment: Mapping[str, str] | None = None
    executable: str = ""


class Worker:
    """A fresh process, as a context manager that starts and ends the process.

    Args:
        request: the tests that the process measures.
        start: the settings with which the process is started.
    """

    def __init__(self, request: Request, start: ProcessStart) -> None:
        self._executable = start.executable or _executable
        self.patience_s = start.patience_s
        self._folder = Scratch()
        self._request = replace(request, scratch=self._folder.name)
        self._log = Path(self._folder.name, "log")
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        given = os.environ if start.environment is None else start.environment
        kept = {name: value for name, value in given.items() if not name.startswith(_NOT_INHERITED)}
        self._mark = new_mark()
        own = {"PYTHONHASHSEED": str(start.hash_seed), MARK: self._mark}
        self._environment = {**kept, **_as_worker(request), **own}
        self._process: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None
        self._reaper: Reaper | None = None
        self._has_failed = False

    def __enter__(self) -> Self:
        """Start the process.

        Raises:
            WorkerError: the process cannot be started.
        """
        try:
            self._start()
        except OSError as error:
            self.close()
            message = f"{self._request.who} could not be started: {error}"
            raise WorkerError(message) from None
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process, whatever the process is doing."""
        self.close()

    @property
    def pid(self) -> int:
        """The id of the process; 0 before it is started."""
        return 0 if self._process is None else self._process.pid

    def answers(self) -> Iterator[Answer]:
        """Yield the answers for the tests as they come.

        Raises:
            WorkerError: the process died, hangs, or ended without an answer for each test.
        """
        missing = dict.fromkeys(self._request.nodeids)
        while missing:
            try:
                line = self._lines.get(timeout=self.patience_s)
            except Empty:
                self._has_failed = True
                raise WorkerHangsError(self._silence()) from None
            if line is None:
                raise self._death(list(missing))
            answer = Answer.from_line(line)
            missing.pop(answer.nodeid, None)
            yield answer
        if self._process is not None:  # plugins may have to tidy up at the end
            ends_within(self._process, self.patience_s)

    def begin_to_end(self) -> None:
        """Let the process end, and what it has started, and do not wait; see `reaper_script.end`."""
        if self._process is not None and self._reaper is not None:
            status = self._process.poll()
            self._reaper.tell_to_end(is_early=self._has_failed or status is None or status < 0)

    def close(self) -> None:
        """End the process and what it has started, and remove its files; see `reaper_script.end`."""
        process = self._process
        if process is not None:
            self._end(process)
            if self._reader is not None:
                self._reader.join(STOP_S)
            # The reader closes its stream. A server that stays may hold the other end open, and then the reader waits.
            for stream in (process.stdin, process.stdout if self._reader is None else None):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            self._process = None
        _remove(self._folder)

    def _end(self, process: subprocess.Popen[str]) -> None:
        self.begin_to_end()
        if self._reaper is not None:
            self._reaper.wait(process)
            self._reaper = None
        process.kill()  # for a system without reapers, and if somebody has killed the reaper
        process.wait()

    def _start(self) -> None:
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing does
        with self._log.open("wb") as log:
            self._process = process = popen(
                [self._executable, *flags, *CHECK_BYTECODE, str(SCRIPT)],
                cwd=self._request.folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                # A process group of its own: Ctrl-C reaches this process only, which then ends the whole group.
                start_new_session=True,
            )
        leave_out(process.pid)
        if os.name == "posix":  # before the request: the process does nothing without it
            self._reaper = Reaper(process.pid, self._mark)
        assert process.stdin is not None  # noqa: S101 - for mypy
        assert process.stdout is not None  # noqa: S101
        self._reader = Thread(target=_listen, args=(process.stdout, self._lines), name=READER, daemon=True)
        self._reader.start()
        with contextlib.suppress(BrokenPipeError):  # the process has died at once: `answers` tells why
            process.stdin.write(self._request.to_line() + "\n")
            process.stdin.flush()

    def _silence(self) -> str:
        return f"{self._request.who} said nothing for {self.patience_s:.0f} s and was ended{self._last_words()}"

    def _death(self, missing: list[str]) -> WorkerError:
        """Return the error for a process that says nothing more."""
        self._has_failed = True
        message = self._last_message(missing)
        code = None if self._process is None else self._process.returncode
        is_refused = bool(self._request.tree) and code == _USAGE_ERROR and _REFUSES_OPTIONS.search(message)
        return WorkerRefusedError(message) if is_refused else WorkerError(message)

    def _last_message(self, missing: list[str]) -> str:
        if self._process is not None and not ends_within(self._process, self.patience_s):
            # The process may be waiting for a thread.
            return f"{self._request.who} said nothing more, did not end, and was ended{self._last_words()}"
        code = (self._process and self._process.returncode) or 0
        if code < 0:
            how = f"was killed by signal {-code} ({signal.Signals(-code).name})"
        elif code:
            how = f"ended with exit code {code}"
        else:
            how = "ended"
        what = f" before it had measured {missing[0]}" if missing else ""
        return f"{self._request.who} {how}{what}{self._last_words()}"

    def _last_words(self) -> str:
        """Return the most telling line of the worker's output, after a colon; empty if there is no output."""
        with contextlib.suppress(OSError):
            said = _HEADER.sub("", self._log.read_text("utf-8", "replace"))
            if self._request.tree:  # a temporary folder, which nobody can look into after the session
                said = said.replace(f"{self._request.tree}{os.sep}", "")
            lines = [line.strip() for line in said.splitlines() if line.strip() and not _PROGRESS.fullmatch(line)]
            telling = [line for line in lines if _TELLING.match(line)]
            if telling or lines:
                line = re.sub(r"^(E|INTERNALERROR>)\s+", "", (telling or lines)[-1])
                return f": {line[:_LAST_WORDS]}"
        return ""


def _as_worker(request: Request) -> dict[str, str]:
    """Return the variables by which tests know the worker of pytest-xdist that runs them."""
    if not request.worker:
        return {}
    return {
        "PYTEST_XDIST_WORKER": request.worker,
        "PYTEST_XDIST_WORKER_COUNT": str(request.workers),
        "PYTEST_XDIST_TESTRUNUID": f"perfbudget-{os.getpid()}",
    }


_REAL: Final = {name: getattr(os, name) for name in ("open", "close", "unlink", "rmdir", "scandir", "lstat", "fstat")}


def _remove(folder: Scratch) -> None:
    """Remove a folder now, or at exit if a test has mocked a function that removal needs.

    A confirmation runs within a test: with a mock for os.open, removing a folder would close standard output.
    """
    if all(getattr(os, name) is function for name, function in _REAL.items()):
        folder.close()
    else:
        atexit.register(folder.close)


def _listen(stream: IO[str], lines: SimpleQueue[str | None]) -> None:
    with contextlib.suppress(OSError), stream:
        for line in stream:
            lines.put(line)
    lines.put(None)
