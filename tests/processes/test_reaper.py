"""Nothing that a session has started in fresh processes outlives the session, whatever ends the session."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

import psutil
import pytest
from repositories import IGNORED, commit, git

from pytest_perfbudget.processes import reaper

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups, named pipes")

PATIENCE_S = 60

STARTER = """
import sys
from pathlib import Path
from pytest_perfbudget.processes import process
from pytest_perfbudget.processes.protocol import Request
process.SCRIPT = Path("worker_script.py")
with process.Worker(Request([], ".", [], ["a"]), process.ProcessStart(1, 60)) as worker:
    list(worker.answers())
"""

WORKER = """
import os, signal, subprocess, sys
ALIVE = os.open(os.environ["ALIVE"], os.O_WRONLY)
server = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], stdout=2, pass_fds=[ALIVE])
os.write(ALIVE, f"{{os.getpid()}} {{server.pid}} up\\n".encode())
{}
"""

SERVED = """
import os, signal, subprocess, sys
import app, pytest
FRESH = "PERFBUDGET_FRESH" in os.environ

@pytest.fixture(scope="session")
def pipe():
    pipe = os.open(os.environ["ALIVE"] if FRESH else os.devnull, os.O_WRONLY)
    yield pipe
    os.close(pipe)

@pytest.fixture(scope="session")
def server(pipe):
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    process = FRESH and subprocess.Popen(command, pass_fds=[pipe], start_new_session=True)
    os.write(pipe, f"{process and process.pid}\\n".encode())
    yield
    if process:  # only this can end the server, which leads a group of its own
        process.terminate()
        process.wait()

@pytest.mark.perf_budget(p95_ms=1000)
def test_it(pipe, server):
    if FRESH and app.SIDE == "base":
        os.write(pipe, b"up\\n")
        signal.pause()
"""


class Alive:
    """The reading end of a named pipe that processes hold open: it ends when the last of them has ended."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.said = ""

    def wait(self, word: str = "") -> bool:
        """Wait until a process has said a word, or else for the end; return whether that has come."""
        while not word or word not in self.said.split():
            if not select.select([self._end], [], [], PATIENCE_S)[0]:
                return False
            said = os.read(self._end, 1000).decode("ascii")
            if not said:
                return not word
            self.said += said
        return True

    def close(self) -> None:
        """Close the pipe, and end the processes that have given their ids."""
        for pid in filter(str.isdecimal, self.said.split()):
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        os.close(self._end)


@pytest.fixture
def alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alive]:
    monkeypatch.setenv("ALIVE", str(tmp_path / "alive"))
    pipe = Alive(tmp_path / "alive")
    yield pipe
    pipe.close()


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, *arguments], cwd=folder) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("signal.pause()", id="waits"),
        pytest.param("sys.exit()", id="has ended"),
        pytest.param(
            "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()", id="stuck", marks=pytest.mark.slow
        ),
    ],
)
def test_a_worker_and_its_servers_end_with_a_killed_session(tmp_path: Path, alive: Alive, body: str) -> None:
    (tmp_path / "worker_script.py").write_text(WORKER.format(body), "utf-8")
    with running(tmp_path, "-c", STARTER) as session:
        assert alive.wait("up")
        session.kill()
    assert alive.wait()


@pytest.mark.parametrize(
    ("end", "workers"),
    [
        pytest.param(signal.SIGTERM, (), id="SIGTERM"),
        pytest.param(signal.SIGKILL, (), id="SIGKILL", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, (), id="SIGINT", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, ("-p", "xdist", "-n", "1"), id="SIGTERM-n1", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, ("-p", "xdist", "-n", "1"), id="SIGKILL-n1", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, ("-p", "xdist", "-n", "1"), id="SIGINT-n1", marks=pytest.mark.slow),
    ],
)
def test_the_servers_of_both_commits_and_the_checkout_end_with_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alive: Alive, end: signal.Signals, workers: tuple[str, ...]
) -> None:
    """The head waits for its turn, and the base measures, when the session is told to end."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks")
    project = tmp_path / "project"
    files = {"test_it.py": SERVED, ".gitignore": IGNORED, "pytest.ini": "[pytest]\npythonpath = .\n"}
    commit(project, {**files, "app.py": "SIDE = 'base'\n"})
    (project / "app.py").write_text("SIDE = 'head'\n", "utf-8")
    with running(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--perf-against=HEAD", *workers) as session:
        assert alive.wait("up")
        assert git(project, "worktree", "list").count("\n") == 1
        started = psutil.Process(session.pid).children(recursive=True)
        session.send_signal(end)
        session.wait()
    assert sum(map(str.isdecimal, alive.said.split())) == 2
    assert alive.wait()
    assert psutil.wait_procs(started, PATIENCE_S)[1] == []
    assert git(project, "worktree", "list").count("\n") == 0


def test_a_mock_in_the_place_of_the_sessions_id_ends_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A confirmation runs within a test: a reaper that is told another id takes the session for ended."""
    commands: list[list[str]] = []

    def start(command: list[str], **_: object) -> mock.MagicMock:
        commands.append(command)
        return mock.MagicMock(pid=0)

    monkeypatch.setattr(reaper, "popen", start)
    own = os.getpid()
    with mock.patch("os.getpid", return_value=1):
        reaper.Reaper(7, "ab12")
    assert [command[-3:] for command in commands] == [[str(own), "7", "ab12"]]
