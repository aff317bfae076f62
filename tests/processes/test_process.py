from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from repositories import compiled_from_other_source

from pytest_perfbudget.errors import WorkerError
from pytest_perfbudget.processes import process
from pytest_perfbudget.processes.popen import popen
from pytest_perfbudget.processes.process import ProcessStart, Worker
from pytest_perfbudget.processes.protocol import Answer, Request

HEAD = """
import json, os, signal, subprocess, sys
request = json.loads(sys.stdin.readline())
def answer(nodeid, **more):
    print(json.dumps({"nodeid": nodeid, "problem": "", "measurements": [], **more}), flush=True)
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the worker's side, which knows pytest: here only the process matters."""
    monkeypatch.setattr(process, "SCRIPT", tmp_path / "worker_script.py")
    return tmp_path / "worker_script.py"


def run(script: Path, body: str, *nodeids: str, patience_s: float = 60, tree: str = "") -> list[Answer]:
    script.write_text(HEAD + body, "utf-8")
    request = Request([], str(script.parent), [], nodeids or ("a",), tree=tree)
    with Worker(request, ProcessStart(7, patience_s)) as worker:
        return list(worker.answers())


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(shown.strip()) and not shown.startswith("Z")


def test_answers_come_in_order_with_what_was_measured(script: Path) -> None:
    found = run(script, "for nodeid in request['nodeids']: answer(nodeid, elapsed_s=1.5)", "b", "a")
    assert found == [Answer("b", "", [], 1.5), Answer("a", "", [], 1.5)]


def test_a_compiled_file_of_other_source_does_not_run(script: Path, tmp_path: Path) -> None:
    """A pull request may have committed it, and the source, which is slower, is what others run."""
    compiled_from_other_source(tmp_path / "shop.py", "VALUE = 'slow'\n", "VALUE = 'fast'\n")
    assert run(script, "import shop\nanswer('a', problem=shop.VALUE)") == [Answer("a", "slow", [])]


def test_a_process_that_says_no_more_and_does_not_end_is_ended(script: Path) -> None:
    """It waits for one of its threads, perhaps."""
    with pytest.raises(WorkerError, match="said nothing more, did not end, and was ended"):
        run(script, "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)\nsignal.pause()", patience_s=1)


def test_a_process_has_a_hash_seed_and_folder_of_its_own_and_no_xdist(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter and the other variables are those of this process."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "x")
    monkeypatch.setenv("COLOUR", "blue")
    body = """
problem = "|".join([os.environ["PYTHONHASHSEED"], str(os.path.isdir(request["scratch"])), sys.executable,
    os.environ["COLOUR"], str("PYTEST_XDIST_WORKER" in os.environ), str("PYTEST_CURRENT_TEST" in os.environ)])
answer("a", problem=problem)
"""
    (found,) = run(script, body)
    assert found.problem == f"7|True|{sys.executable}|blue|False|False"


def test_a_process_starts_although_a_test_has_replaced_popen(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    assert run(script, "answer('a')") == [Answer("a", "", [])]


@pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked")
def test_where_gevent_has_taken_the_fork_away_its_own_popen_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_fork_exec", "_posixsubprocess"):
        monkeypatch.setattr(subprocess, name, None, raising=False)
    monkeypatch.setattr(subprocess, "Popen", lambda command: ("gevent", command))
    started: object = popen(["true"])
    assert started == ("gevent", ["true"])


def test_a_process_that_fails_is_one_line_with_what_it_said_last(script: Path) -> None:
    with pytest.raises(WorkerError) as raised:
        run(script, "raise KeyError('no such table')")
    assert (
        str(raised.value)
        == "a fresh process ended with exit code 1 before it had measured a: KeyError: 'no such table'"
    )


def test_a_path_in_the_checkout_of_the_base_is_a_path_in_the_repository(script: Path) -> None:
    """The checkout is a temporary folder with a long name, which is gone when somebody reads the message."""
    tree = script.parent / "tree"
    with pytest.raises(WorkerError, match=r": SyntaxError: bad line in tests/conftest\.py$"):
        run(script, f"raise SyntaxError('bad line in {tree}/tests/conftest.py')", tree=str(tree))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_that_is_killed_is_one_line(script: Path) -> None:
    with pytest.raises(
        WorkerError, match=r"^a fresh process was killed by signal 9 \(SIGKILL\) before it had measured b$"
    ):
        run(script, "answer('a'); os.kill(os.getpid(), signal.SIGKILL)", "a", "b")


def test_a_process_that_ends_too_early_is_one_line(script: Path) -> None:
    with pytest.raises(WorkerError, match=r"^a fresh process ended before it had measured b$"):
        run(script, "answer('a')", "a", "b")


def test_a_process_that_hangs_is_ended_and_said(script: Path) -> None:
    with pytest.raises(WorkerError, match=r"^a fresh process said nothing for 1 s and was ended: on line 1$"):
        run(script, "sys.stderr.write('on line 1\\n'); sys.stderr.flush(); signal.pause()", patience_s=1)


CHILD = """
command = [sys.executable, "-c", "import signal; signal.pause()"]
child = subprocess.Popen(command, start_new_session={own_session}, stdout={stdout})
open("pids", "w").write(f"{{os.getpid()}} {{child.pid}} {{request['scratch']}}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
@pytest.mark.parametrize("end", ["signal.pause()", "sys.exit()", "answer('a')"], ids=["hang", "exit", "answer"])
def test_nothing_that_a_process_started_outlives_it(script: Path, tmp_path: Path, end: str) -> None:
    with contextlib.suppress(WorkerError):
        run(script, CHILD.format(own_session=False, stdout=1) + end, patience_s=1)
    own, child, scratch = (tmp_path / "pids").read_text("utf-8").split()
    assert not is_alive(int(own))
    assert _until(lambda: not is_alive(int(child)))
    assert not Path(scratch).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the table of processes")
@pytest.mark.parametrize(
    ("end", "stays"),
    [
        ("signal.pause()", False),
        ("os.kill(os.getpid(), signal.SIGSEGV)", False),
        ("os._exit(1)", False),
        ("answer('a'); sys.stdout.flush(); os.kill(os.getpid(), signal.SIGSEGV)", False),
        ("answer('a')", True),
    ],
    ids=["hang", "crash", "exit", "crash at the end", "answer"],
)
def test_a_server_in_a_session_of_its_own_stays_only_if_the_process_ends_in_order(
    script: Path, tmp_path: Path, end: str, *, stays: bool
) -> None:
    with contextlib.suppress(WorkerError):
        run(script, CHILD.format(own_session=True, stdout=2) + end, patience_s=1)
    child = int((tmp_path / "pids").read_text("utf-8").split()[1])
    try:
        assert is_alive(child) == stays
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
def test_a_server_that_stays_and_holds_the_answers_open_does_not_hold_up_the_session(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STOP_S", 0.1)
    assert run(script, CHILD.format(own_session=True, stdout=1) + "answer('a')") == [Answer("a", "", [])]
    os.kill(int((tmp_path / "pids").read_text("utf-8").split()[1]), signal.SIGKILL)


def test_a_process_ends_even_if_its_reaper_was_killed(script: Path, tmp_path: Path) -> None:
    script.write_text(HEAD + "open('pid', 'w').write(str(os.getpid())); answer('a'); signal.pause()", "utf-8")
    with Worker(Request([], str(tmp_path), [], ["a", "b"]), ProcessStart(1, 60)) as worker:
        next(worker.answers())
        assert worker._reaper is not None
        worker._reaper.process.kill()
    assert not is_alive(int((tmp_path / "pid").read_text("utf-8")))


def test_the_thread_that_reads_the_answers_ends_with_the_process(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite's own leak check runs right after, so the thread has been waited for."""
    joined: list[str] = []
    original = threading.Thread.join

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        joined.append(self.name)
        original(self, timeout)

    monkeypatch.setattr(threading.Thread, "join", join)
    run(script, "answer('a')")
    assert joined == [process.READER]


def test_a_frozen_clock_does_not_prolong_the_wait_for_a_process(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Popen.wait` reads a clock that freezegun freezes."""

    def frozen() -> float:
        raise AssertionError

    monkeypatch.setattr(subprocess, "_time", frozen)
    with pytest.raises(WorkerError, match="did not end"):
        run(script, "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)\nsignal.pause()", patience_s=1)


def test_what_a_test_patches_is_not_what_starts_a_process(script: Path) -> None:
    with mock.patch("subprocess.Popen") as patched:
        assert run(script, "answer('a')") == [Answer("a", "", [])]
    patched.assert_not_called()


def test_a_process_that_cannot_be_started_is_one_line(script: Path) -> None:
    worker = Worker(Request([], str(script.parent / "absent"), [], ["a"]), ProcessStart(1, 5))
    with (
        pytest.raises(WorkerError, match=r"^a fresh process could not be started: .*No such file or directory"),
        worker,
    ):
        pass


def test_a_process_may_tidy_up_at_its_end(script: Path, tmp_path: Path) -> None:
    run(script, "import atexit; atexit.register(lambda: open('tidy', 'w').close()); answer('a')")
    assert (tmp_path / "tidy").exists()


def test_an_interrupt_here_ends_the_process(script: Path, tmp_path: Path) -> None:
    script.write_text(HEAD + "open('pid', 'w').write(str(os.getpid())); answer('a'); signal.pause()", "utf-8")

    def interrupted() -> None:
        with Worker(Request([], str(tmp_path), [], ["a", "b"]), ProcessStart(1, 60)) as worker:
            next(worker.answers())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not is_alive(int((tmp_path / "pid").read_text("utf-8")))


def test_request_and_answer_are_lines() -> None:
    request = Request(["-k", "a\nb"], "/x", ["/y"], ["t::ü[a::b]"], ["a.py"], start=3, has_cache=True, scratch="/tmp")
    answer = Answer("t", "no\nline", [{"a": 1}], 0.5)
    assert "\n" not in request.to_line() + answer.to_line()
    assert Request.from_line(request.to_line()) == request
    assert Answer.from_line(answer.to_line()) == answer


def _until(happened: Callable[[], bool], patience_s: float = 30) -> bool:
    deadline = time.monotonic() + patience_s
    while not happened() and time.monotonic() < deadline:
        os.sched_yield()
    return happened()
