"""A worker, and the servers that it leaves behind, have time to stop, whatever ends the session."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups, named pipes")

PATIENCE_S = 30

STARTER = """
import os, signal, subprocess, sys
from functools import partial
from pathlib import Path
from pytest_perfbudget.processes import process
from pytest_perfbudget.processes.protocol import Request
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets jobs in its background ignore the signal
process.popen = partial(process.popen, pass_fds=[int(os.environ["WORDS"]), int(os.environ["GO"])])
process.SCRIPT = Path("worker_script.py")
REQUEST, START = Request([], ".", [], ["a"]), process.ProcessStart(1, 60)
def say(word): os.write(int(os.environ["WORDS"]), f"{os.getpid()} {word}\\n".encode())
"""

ONE_WORKER = """
with process.Worker(REQUEST, START) as worker:
    list(worker.answers())
"""

DUET = """
from pytest_perfbudget.processes.duet import Duet
from pytest_perfbudget.processes.duet_side import Side
class StartedSide(Side):
    def stop(self):
        say("started")
        return super().stop()
with Duet(StartedSide(REQUEST, START), Side(REQUEST, START), cpu=None):
    signal.pause()
"""

LOCUST = """
from pytest_perfbudget.measure.load.locust_run import LocustPlan
from pytest_perfbudget.processes import reaped
reaped.popen = process.popen
waits = subprocess.Popen.wait
def say_and_wait(*arguments):
    subprocess.Popen.wait = waits
    say("started")
    return waits(*arguments)
subprocess.Popen.wait = say_and_wait
LocustPlan(Path("users.py"), [], 1, 1.0, 10**9, 1, "", Path(".")).run(reaped.ReapedProcess)
"""

STEPS = """
import os, signal, sys
WORDS, GO = (int(os.environ[name]) for name in ("WORDS", "GO"))
def say(word): os.write(WORDS, f"{os.getpid()} {word}\\n".encode())
def stop(*_):
    say("stopping")
    os.read(GO, 1)
    say("stopped")
    os._exit(0)
"""

SERVER = f"{STEPS}\nsignal.signal(signal.SIGTERM, stop); say('up')\nwhile True: signal.pause()"

WITH_SERVER = f"""
{STEPS}
import subprocess
sys.stdin.readline()  # the request, without which a worker does nothing
subprocess.Popen([sys.executable, "-c", {SERVER!r}], pass_fds=[WORDS, GO], MORE)
signal.pause()
"""

SLOW_WORKER = f"""
{STEPS}
def begin_to_stop(*_):
    signal.signal(signal.SIGTERM, lambda *_: say("again"))
    stop()
signal.signal(signal.SIGTERM, begin_to_stop)
sys.stdin.readline()
say("up")
while True: signal.pause()
"""


class Steps:
    """The pipes through which processes tell their steps, and wait in some until they may go on."""

    def __init__(self) -> None:
        self._words, words = os.pipe()
        go, self._go = os.pipe()
        self.inherited = (words, go)
        self._said = b""
        self._pids: set[int] = set()

    def next(self) -> str:
        """Return the next step; empty if none comes."""
        while b"\n" not in self._said:
            if not select.select([self._words], [], [], PATIENCE_S)[0]:
                return ""
            self._said += os.read(self._words, 1000)
        line, _, self._said = self._said.partition(b"\n")
        pid, word = line.decode("ascii").split()
        self._pids.add(int(pid))
        return word

    def go_on(self) -> None:
        """Let the process that waits go on."""
        os.write(self._go, b"x")

    def close(self) -> None:
        """End the processes that have told a step, and close the pipes."""
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pipe in (self._words, self._go, *self.inherited):
            os.close(pipe)


@pytest.fixture
def steps() -> Iterator[Steps]:
    pipes = Steps()
    yield pipes
    pipes.close()


@contextmanager
def session(folder: Path, steps: Steps, worker: str, starts: str = ONE_WORKER) -> Iterator[subprocess.Popen[bytes]]:
    """Start a session that starts workers, which inherit the pipes."""
    (folder / "worker_script.py").write_text(worker, "utf-8")
    (folder / "locust.py").write_text(worker, "utf-8")
    words, go = map(str, steps.inherited)
    with subprocess.Popen(
        [sys.executable, "-c", STARTER + starts],
        cwd=folder,
        env={**os.environ, "WORDS": words, "GO": go},
        pass_fds=steps.inherited,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "more",
    [
        "",
        pytest.param("start_new_session=True", marks=pytest.mark.skipif(sys.platform != "linux", reason="/proc")),
        pytest.param(
            "start_new_session=True, env={'WORDS': str(WORDS), 'GO': str(GO)}",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="/proc"),
        ),
    ],
    ids=["in the group", "in its own session", "without the environment"],
)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_server_stops_in_order_after_its_worker(tmp_path: Path, steps: Steps, more: str, end: signal.Signals) -> None:
    with session(tmp_path, steps, WITH_SERVER.replace("MORE", more)) as process:
        assert steps.next() == "up"
        process.send_signal(end)
        assert steps.next() == "stopping"
        steps.go_on()
        assert steps.next() == "stopped"


def test_a_second_interrupt_ends_the_session_and_lets_the_worker_stop(tmp_path: Path, steps: Steps) -> None:
    with session(tmp_path, steps, SLOW_WORKER) as process:
        assert steps.next() == "up"
        process.send_signal(signal.SIGINT)
        assert steps.next() == "stopping"
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
        steps.go_on()
        assert steps.next() == "stopped"


def test_a_process_that_is_not_of_the_worker_is_left_alone(tmp_path: Path, steps: Steps) -> None:
    """A daemon that ran before gets no signal when all processes of the worker do."""
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True) as daemon:
        try:
            with session(tmp_path, steps, WITH_SERVER.replace("MORE", "start_new_session=True")) as process:
                assert steps.next() == "up"
                process.send_signal(signal.SIGINT)
                assert steps.next() == "stopping"
                steps.go_on()
                assert steps.next() == "stopped"
                process.wait(PATIENCE_S)
            assert daemon.poll() is None
        finally:
            daemon.kill()


@pytest.mark.parametrize("starts", [DUET, LOCUST], ids=["both sides of a duet", "master and worker of locust"])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_several_processes_stop_at_the_same_time(
    tmp_path: Path, steps: Steps, starts: str, end: signal.Signals
) -> None:
    """Both have begun to stop before either may go on, so that the times to stop do not add up."""
    with session(tmp_path, steps, SLOW_WORKER, starts) as process:
        assert sorted(steps.next() for _ in range(3)) == ["started", "up", "up"]
        process.send_signal(end)
        assert [steps.next(), steps.next()] == ["stopping", "stopping"]
        steps.go_on()
        steps.go_on()
        assert [steps.next(), steps.next()] == ["stopped", "stopped"]
