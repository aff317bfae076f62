"""What a fresh process does when its session has gone: it tears its fixtures down, whatever it was doing."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_perfbudget.processes.process import SCRIPT
from pytest_perfbudget.processes.protocol import Request

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, named pipes")

PATIENCE_S = 30

TESTS = """
import os, sys
import pytest

WORDS, GO = os.open("words", os.O_WRONLY), os.open("go", os.O_RDONLY)

def tell(word):
    os.write(WORDS, f"{{word}}\\n".encode())

def wait():
    os.read(GO, 1)

@pytest.fixture(scope="session")
def server():
    yield
    tell("stopping")
    {teardown}
    tell("stopped")

@pytest.mark.perf_budget(max_time="20s")
def test_it(server):
    if not FIRST: return
    FIRST.clear()
    tell("up")
    wait()

@pytest.mark.perf_budget
def test_next(server):
    tell("next")

FIRST = ["call"]
"""


class Orphan:
    """A fresh process that reports each step through a named pipe, and waits in some until it may go on."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._words, self._go = (os.open(folder / name, os.O_RDWR) for name in ("words", "go"))
        self._said = b""

    def says(self) -> str:
        """Return the next step; empty if none comes."""
        while b"\n" not in self._said:
            if not select.select([self._words], [], [], PATIENCE_S)[0]:
                return ""
            self._said += os.read(self._words, 1000)
        word, _, self._said = self._said.partition(b"\n")
        return word.decode("ascii")

    def go_on(self) -> None:
        """Let the process go on after the step."""
        os.write(self._go, b"x")

    def lose_session(self) -> None:
        """Close the streams as the end of the session does."""
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()

    def close(self) -> None:
        """Kill the process."""
        self.process.kill()
        for pipe in (self._words, self._go):
            os.close(pipe)


@contextmanager
def orphan(folder: Path, *, in_turns: bool = False, teardown: str = "") -> Iterator[Orphan]:
    """Start a fresh process, and let it run the test."""
    for name in ("words", "go"):
        os.mkfifo(folder / name)
    (folder / "test_it.py").write_text(TESTS.format(teardown=teardown), "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    tests = ["test_it.py::test_it", "test_it.py::test_next"]
    request = Request(["-q"], str(folder), sys.path, tests, in_turns=in_turns, scratch=str(folder))
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PERFBUDGET_FRESH": "1"}
    environment["PYTEST_PLUGINS"] = "pytest_perfbudget.plugin.hooks"
    with subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        found = Orphan(folder, process)
        try:
            assert process.stdin is not None
            process.stdin.write(request.to_line() + "\n")
            process.stdin.flush()
            if in_turns:
                assert process.stdout is not None
                process.stdout.readline()
                process.stdin.write('{"run": "test_it.py::test_it"}\n')
                process.stdin.flush()
            yield found
        finally:
            found.close()


@pytest.mark.parametrize("in_turns", [False, True], ids=["alone", "in turns"])
def test_a_process_that_can_send_no_answer_tears_its_fixtures_down(tmp_path: Path, *, in_turns: bool) -> None:
    with orphan(tmp_path, in_turns=in_turns) as process:
        assert process.says() == "up"
        process.lose_session()
        process.go_on()
        assert process.says() == "stopping"
        assert process.says() == "stopped"


@pytest.mark.parametrize("first", ["gone", "SIGTERM"])
def test_a_request_to_end_does_not_interrupt_the_teardown(tmp_path: Path, first: str) -> None:
    """The first signal interrupts the test; a server that stops slowly is left its time after that."""
    with orphan(tmp_path, in_turns=True, teardown="wait()") as process:
        assert process.says() == "up"
        process.lose_session()
        if first == "SIGTERM":
            process.process.send_signal(signal.SIGTERM)
        else:
            process.go_on()
        assert process.says() == "stopping"
        process.process.send_signal(signal.SIGTERM)
        process.go_on()
        assert process.says() == "stopped"
