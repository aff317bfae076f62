"""Starts a worker, listens to it, and leaves nothing of it behind."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from threading import Thread
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final, TypedDict

from pytest_perfbudget.errors import WorkerError, WorkerHangsError
from pytest_perfbudget.measure.cpu_usage import leave_out
from pytest_perfbudget.processes.protocol import Answer, Request

if TYPE_CHECKING:
    from typing_extensions import NotRequired, Self

SCRIPT: Final = Path(__file__).parent.parent / "plugin" / "child" / "bootstrap.py"
"""The worker's side; started by its place, for it knows pytest and this folder does not."""

_NOT_INHERITED: Final = ("PYTEST_XDIST_", "COV_CORE_", "COVERAGE_PROCESS_", "PYTEST_CURRENT_TEST")
"""Variables that would make a worker think it is one of xdist's, or is watched by coverage."""

# Taken before any test can put something else in their place.
_Popen = subprocess.Popen
_executable = sys.executable
_killpg = getattr(os, "killpg", None)
_getpgid = getattr(os, "getpgid", None)

_LAST_WORDS = 300
_TELLING: Final = re.compile(r"E  |.*: error: |ERROR|INTERNALERROR>.*Error|\w*(Error|Exception|Exit)\b")
_HEADER: Final = re.compile(r"^=+ test session starts =+\n(?:(?!collect).+\n?)*(?:collect.*\n?)?", re.MULTILINE)
"""What pytest and its plugins say of themselves."""
_PROGRESS: Final = re.compile(r"[.FEsxX]+\s*(\[.*\])?\s*")
"""How far pytest had come."""
_TERMINATE_S = 2.0


class Start(TypedDict):
    """With what a process is started; see `Worker`."""

    hash_seed: int
    patience_s: float
    environment: Mapping[str, str] | None
    executable: NotRequired[str]


class Worker:
    """One fresh process; a context manager, whose end is the process's.

    Args:
        request: what to measure.
        hash_seed: its PYTHONHASHSEED.
        patience_s: how long it may be silent before it counts as hanging.
        environment: its variables; this process's if not given.
        executable: its interpreter; this process's if not given.
    """

    def __init__(
        self,
        request: Request,
        *,
        hash_seed: int,
        patience_s: float,
        environment: Mapping[str, str] | None = None,
        executable: str = "",
    ) -> None:
        self._executable = executable or _executable
        self.patience_s = patience_s
        self._folder = TemporaryDirectory(prefix="perfbudget-", ignore_cleanup_errors=True)
        self._request = replace(request, scratch=self._folder.name)
        self._log = Path(self._folder.name, "log")
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        given = os.environ if environment is None else environment
        kept = {name: value for name, value in given.items() if not name.startswith(_NOT_INHERITED)}
        self._environment = {**kept, "PYTHONHASHSEED": str(hash_seed)}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start the process.

        Raises:
            WorkerError: it cannot be started.
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
        """End the process, whatever it is doing."""
        self.close()

    def answers(self) -> Iterator[Answer]:
        """Yield an answer for each test as it comes.

        Raises:
            WorkerError: it died, hangs, or ended without an answer for each test.
        """
        missing = dict.fromkeys(self._request.nodeids)
        while missing:
            try:
                line = self._lines.get(timeout=self.patience_s)
            except Empty:
                raise WorkerHangsError(self._silence()) from None
            if line is None:
                raise WorkerError(self._death(list(missing)))
            answer = Answer.from_line(line)
            missing.pop(answer.nodeid, None)
            yield answer
        if self._process is not None:  # whatever its plugins have to tidy up at the end
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self.patience_s)

    def close(self) -> None:
        """End the process and all it has started, and remove its files."""
        process = self._process
        if process is not None:
            _kill(process)
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            self._process = None
        _remove(self._folder)

    def _start(self) -> None:
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing does
        with self._log.open("wb") as log:
            self._process = process = _Popen(
                [self._executable, *flags, str(SCRIPT), str(os.getpid())],
                cwd=self._request.folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                # A group of its own: Ctrl-C comes to us, and we end the group with all it started.
                start_new_session=True,
            )
        leave_out(process.pid)
        assert process.stdin is not None  # noqa: S101 - for mypy
        assert process.stdout is not None  # noqa: S101
        Thread(target=_listen, args=(process.stdout, self._lines), daemon=True).start()
        with contextlib.suppress(BrokenPipeError):  # it has died at once: `answers` says of what
            process.stdin.write(self._request.to_line() + "\n")
            process.stdin.flush()

    def _silence(self) -> str:
        return f"{self._request.who} said nothing for {self.patience_s:.0f} s and was ended{self._last_words()}"

    def _death(self, missing: list[str]) -> str:
        try:
            code = self._process.wait(self.patience_s) if self._process is not None else 0
        except subprocess.TimeoutExpired:  # it waits for a thread, perhaps
            return f"{self._request.who} said nothing more, did not end, and was ended{self._last_words()}"
        if code < 0:
            how = f"was killed by signal {-code} ({signal.Signals(-code).name})"
        elif code:
            how = f"ended with exit code {code}"
        else:
            how = "ended"
        what = f" before it had measured {missing[0]}" if missing else ""
        return f"{self._request.who} {how}{what}{self._last_words()}"

    def _last_words(self) -> str:
        """Return the line of the worker's output that says most, behind a colon."""
        with contextlib.suppress(OSError):
            said = _HEADER.sub("", self._log.read_text("utf-8", "replace"))
            lines = [line.strip() for line in said.splitlines() if line.strip() and not _PROGRESS.fullmatch(line)]
            telling = [line for line in lines if _TELLING.match(line)]
            if telling or lines:
                line = re.sub(r"^(E|INTERNALERROR>)\s+", "", (telling or lines)[-1])
                return f": {line[:_LAST_WORDS]}"
        return ""


_REAL: Final = {name: getattr(os, name) for name in ("open", "close", "unlink", "rmdir", "scandir", "lstat", "fstat")}


def _remove(folder: TemporaryDirectory[str]) -> None:
    """Remove a folder; when the interpreter ends, if a test has put something else in the place of what it takes.

    A confirmation runs within a test: with a mock for os.open, removing a folder would close standard output.
    """
    if all(getattr(os, name) is function for name, function in _REAL.items()):
        folder.cleanup()
    else:
        atexit.register(folder.cleanup)


def _listen(stream: IO[str], lines: SimpleQueue[str | None]) -> None:
    with contextlib.suppress(OSError, ValueError):  # closed under our hands
        for line in stream:
            lines.put(line)
    lines.put(None)


def _kill(process: subprocess.Popen[str]) -> None:
    """End the process's group: politely if it still runs, so that its tests' servers end, too."""
    pid: object = process.pid
    if os.name != "posix" or _killpg is None or _getpgid is None:
        process.kill()
        return
    # A confirmation runs within a test, whose mocks may reach here; and 1 or 0 would be everybody.
    if type(pid) is not int or pid <= 1:
        return
    # Before it is waited for, its number cannot have become another's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.poll() is None and _getpgid(pid) == pid:
            _killpg(pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_TERMINATE_S)
        _killpg(pid, signal.SIGKILL)
