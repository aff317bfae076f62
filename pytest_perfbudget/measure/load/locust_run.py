"""A run of locust in processes of its own: gevent, which locust needs, replaces functions of the whole process."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import socket
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

from pytest_perfbudget.core.load.error_groups import ErrorGroups
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.outcomes import Outcome
from pytest_perfbudget.core.load.over_time import OverTime
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import GeneratorFacts, LoadRecord
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import MisuseError

_PATIENCE_S: Final = 30.0
"""The time that locust has to start and to end, beside the duration of the load."""

_OVERLOADED: Final = "CPU usage"
"""The words of locust's warning that the generator itself is the limit."""


class StartedProcess(Protocol):
    """A process that is ended in order; see `processes.reaped`, which this layer does not know."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process."""

    def begin_to_end(self) -> None:
        """Let the process end, and do not wait."""

    def close(self) -> None:
        """End the process."""


class StartProcess(Protocol):
    """A function that starts a process."""

    def __call__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], output: IO[bytes]
    ) -> StartedProcess:
        """Start a process in a folder, which says everything to a file."""


@dataclass(frozen=True)
class LocustPlan:
    """A run of locust.

    Attributes:
        file: the locustfile.
        classes: the names of the user classes to run; all of the file if empty.
        users: the number of users.
        spawn_rate: the number of users that start in a second.
        duration_ns: the length of the load.
        workers: the number of worker processes; 0 for a single process.
        host: the address of the service; empty for the one in the locustfile.
        folder: the folder in which locust runs.
    """

    file: Path
    classes: Sequence[str]
    users: int
    spawn_rate: float
    duration_ns: int
    workers: int
    host: str
    folder: Path

    @classmethod
    def of(cls, target: object, folder: Path, **values: object) -> LocustPlan:
        """Return the plan for a locustfile or a user class.

        Raises:
            MisuseError: locust is not installed, or there is no such file.
        """
        if importlib.util.find_spec("locust") is None:
            message = "locust is not installed: pip install 'pytest-perfbudget[locust]'"
            raise MisuseError(message)
        if isinstance(target, type):
            file, classes = inspect.getsourcefile(target) or "", [target.__name__]
        elif isinstance(target, (str, os.PathLike)):
            file, classes = os.fspath(target), []
        else:
            message = f"expected a locustfile or a user class, found {target!r}"
            raise MisuseError(message)
        path = folder / file
        if not path.is_file():
            message = f"there is no locustfile {file}"
            raise MisuseError(message)
        return cls(path, classes, folder=folder, **values)  # type: ignore[arg-type]

    def run(self, start: StartProcess) -> LoadRecord:
        """Run locust, and return what its requests were.

        Args:
            start: the function that starts each process of locust.

        Raises:
            MisuseError: locust made no request.
        """
        with tempfile.TemporaryDirectory(prefix="perfbudget-locust-") as folder, ExitStack() as running:
            environment = {**os.environ, "PERFBUDGET_LOCUST": folder}
            logs = [Path(folder, f"{number}.log") for number in range(self.workers + 1)]
            started: list[StartedProcess] = []
            running.callback(_end, started)
            for log, command in zip(logs, self._commands(), strict=True):
                output = running.enter_context(log.open("wb"))
                started.append(start(command, self.folder, environment, output))
            with suppress(subprocess.TimeoutExpired):
                started[0].process.wait(self.duration_ns / NS_PER["s"] + self.users / self.spawn_rate + _PATIENCE_S)
                for one in started[1:]:
                    one.process.wait(_PATIENCE_S)
            died = [one.process.poll() for one in started]
            running.close()
            said = "".join(log.read_text("utf-8", "replace") for log in logs)
            return self._record(Path(folder), said, _why_died(died, logs))

    def _commands(self) -> list[list[str]]:
        """Return the command of the master, or of the only process, and those of the workers."""
        listener = Path(__file__).with_name("locust_listener.py")
        common = [sys.executable, "-m", "locust", "-f", f"{self.file},{listener}", "--headless", "--only-summary"]
        load = ["-u", str(self.users), "-r", f"{self.spawn_rate:g}", "-t", f"{self.duration_ns / NS_PER['s']:g}s"]
        load += ["--exit-code-on-error", "0", *(["--host", self.host] if self.host else [])]
        if not self.workers:
            return [[*common, *load, *self.classes]]
        port = str(_free_port())
        master = [*common, *load, "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        worker = [*common, "--worker", "--master-host", "127.0.0.1", "--master-port", port, *self.classes]
        return [[*master, "--expect-workers", str(self.workers), *self.classes], *([worker] * self.workers)]

    def _record(self, folder: Path, said: str, died: str) -> LoadRecord:
        requests = [json.loads(line) for file in folder.glob("*.requests") for line in _lines(file)]
        if not requests:
            message = f"locust made no request: {_last_line(said)}"
            raise MisuseError(message)
        requests.sort(key=lambda one: one[0] + one[1] / 1_000)  # in the order in which they ended
        first_s = min(one[0] for one in requests)
        latencies, outcomes, groups, over_time = Latencies(), array("b"), ErrorGroups(), OverTime()
        for start_s, time_ms, error in requests:
            latency_ns = round(time_ms * NS_PER["ms"])
            end_ns = round((start_s - first_s) * NS_PER["s"]) + latency_ns
            if error is None:
                outcomes.append(Outcome.ANSWERED)
                latencies.append(latency_ns)
                over_time.add(end_ns, latency_ns)
                continue
            kind, text, has_no_answer = error
            outcomes.append(Outcome.NO_ANSWER if has_no_answer else Outcome.FAILED)
            (latencies.append_unanswered if has_no_answer else latencies.append_failed)(latency_ns)
            groups.add(kind, text, end_ns)
            over_time.add(end_ns, latency_ns if has_no_answer else None, is_error=True)
        elapsed_ns = round((requests[-1][0] + requests[-1][1] / 1_000 - first_s) * NS_PER["s"])
        overloaded = next((line.strip() for line in said.splitlines() if _OVERLOADED in line and "WARNING" in line), "")
        reason = died or (overloaded and f"locust says: {overloaded.rpartition('/')[2]}")
        return LoadRecord(
            LoadPlan(users=self.users, duration_ns=self.duration_ns),
            latencies,
            outcomes,
            list(groups),
            elapsed_ns,
            GeneratorFacts(overloaded=reason),
            over_time=over_time.windows(elapsed_ns),
        )


def _why_died(statuses: Sequence[int | None], logs: Sequence[Path]) -> str:
    """Return the reason why a run of locust is incomplete; empty if all its processes have ended well.

    Args:
        statuses: the exit status of each process; None for a process that had to be killed.
        logs: what each process has said.
    """
    for status, log in zip(statuses, logs, strict=True):
        if status != 0:
            how = "had to be killed" if status is None else f"ended with status {status}"
            return f"a process of locust {how}: {_last_line(log.read_text('utf-8', 'replace'))}"
    return ""


def _last_line(said: str) -> str:
    return next((line.strip()[:300] for line in reversed(said.splitlines()) if line.strip()), "it said nothing")


def _lines(file: Path) -> list[str]:
    """Return the complete lines of a file; a killed process may have left a part of a line."""
    return [line for line in file.read_text("utf-8").splitlines() if line.endswith("]")]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _end(started: Sequence[StartedProcess]) -> None:
    """End all processes at the same time."""
    with ExitStack() as closing:
        for one in started:
            closing.callback(one.close)
        for one in started:
            one.begin_to_end()
