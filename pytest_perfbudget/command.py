"""The execution of a program until it ends; a problem with the program is reported in one line."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class CommandError(Exception):
    """The error for a program that could not be run or took too long; the message does not name the program."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome of a program that has ended: its exit code, its standard output and its standard error."""

    code: int
    output: str
    errors: str

    def last_line(self, default: str) -> str:
        """Return the last line of the standard error, else of the standard output, else `default`."""
        for text in (self.errors, self.output):
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            if lines:
                return lines[-1]
        return default


def run(
    words: Sequence[str],
    folder: Path,
    *,
    seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
    text: str | None = None,
) -> Ended:
    """Run a program without a shell, and return how it ended.

    Args:
        words: the program and its arguments.
        folder: the folder in which the program runs.
        seconds: the time after which the program is ended; None for no limit.
        environment: the program's environment variables; None for those of this process.
        text: the program's standard input; None for none.

    Raises:
        CommandError: the program cannot be run, or takes longer than `seconds`.
    """
    try:
        ended = subprocess.run(  # noqa: S603 - no shell
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL if text is None else None,
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"took longer than {seconds:.0f} s"
        raise CommandError(message) from None
    except OSError as error:
        message = f"could not be run: {error.strerror}"
        raise CommandError(message) from None
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def run_watched(words: Sequence[str], folder: Path, takes: Callable[[str], bool]) -> Ended:
    """Run a program as `run` does, and look at each line of its standard error as soon as it is written.

    Args:
        words: the program and its arguments.
        folder: the folder in which the program runs.
        takes: a function that is given each line, and returns whether the line is no part of the result.

    Raises:
        CommandError: the program cannot be run.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        message = f"could not be run: {error.strerror}"
        raise CommandError(message) from None
    kept: list[str] = []

    def watch(lines: Iterable[str]) -> None:
        kept.extend(line for line in lines if not takes(line))

    with process:
        thread = threading.Thread(target=watch, args=(process.stderr,), daemon=True)
        thread.start()
        output = process.stdout.read() if process.stdout is not None else ""
        thread.join()
    return Ended(process.returncode, output, "".join(kept))
