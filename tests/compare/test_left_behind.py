"""A comparison leaves nothing behind: no server of a fixture, no compiled module, no line in the project's log."""

from __future__ import annotations

import subprocess
import sys

import pytest
from programs import shop
from repositories import Repository
from scripting import TWO_WORKERS, times

pytestmark = pytest.mark.usefixtures("brief")

TESTS = "import shop\ndef test_it(perf): perf(shop.work)\n"

SERVED = """
import os, shop, signal, subprocess, sys
FRESH = os.environ.get("PERFBUDGET_FRESH") == "1"
if not FRESH:  # a shell's background job ignores the signal, and Python with it
    signal.signal(signal.SIGINT, signal.default_int_handler)

@pytest.fixture(scope="session")
def server():
    server = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
    with open({pids!r}, "a") as file: file.write(f"{{server.pid}} ")
    yield
    server.terminate()
    server.wait()

def test_it(server, perf):
    if FRESH and {interrupts}:
        os.kill(os.getppid(), signal.SIGINT)
        signal.pause()
    perf(shop.work)
"""


def is_alive(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(shown.strip()) and not shown.startswith("Z")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("interrupts", [True, False], ids=["interrupted", "complete"])
def test_the_servers_of_fixtures_end_with_their_processes(repository: Repository, *, interrupts: bool) -> None:
    """A server in a session of its own gets no signal from anybody but its fixture."""
    pids = repository.pytester.path.parent / "pids"
    repository.commit(tests=SERVED.format(pids=str(pids), interrupts=interrupts))
    result = repository.against_base(subprocess=True)
    assert result.ret == (pytest.ExitCode.INTERRUPTED if interrupts else pytest.ExitCode.OK)
    served = [int(one) for one in pids.read_text("utf-8").split()]
    assert len(served) >= 2
    assert [one for one in served if is_alive(one)] == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_forked_child_of_measured_code_is_terminated_by_the_signal_itself(repository: Repository) -> None:
    tests = """
import os, shop, signal
def test_it(perf):
    perf(shop.work)
    child = os.fork()
    if not child:
        signal.pause()
        os._exit(0)
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
"""
    repository.commit(tests=tests)
    repository.against_base(subprocess=True).assert_outcomes(passed=1)
    assert times(repository) == {"test_it work": "unchanged"}


def test_compiled_modules_of_the_base_do_not_stay_in_the_users_folder(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    compiled = tmp_path_factory.mktemp("compiled")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(compiled))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    repository.commit(tests=TESTS)
    repository.file("shop.py", shop(3))
    repository.against_base(subprocess=True).assert_outcomes(failed=1)
    kept = [str(one) for one in compiled.rglob("shop.*.pyc")]
    assert [one for one in kept if "perfbudget-base" not in one]
    assert [one for one in compiled.rglob("*") if "perfbudget-" in one.name] == []


@pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_the_projects_log_has_no_line_about_the_checkout(repository: Repository, workers: tuple[str, ...]) -> None:
    tests = (
        "import logging, shop\ndef test_it(perf):\n    perf(shop.work)\n    logging.getLogger('shop').debug('sold')\n"
    )
    repository.commit(tests=tests)
    log = ("-o", "log_cli=true", "-o", "log_level=DEBUG", "--log-file=log")
    result = repository.against_base(*workers, *log, subprocess=True)
    result.assert_outcomes(passed=1)
    text = result.stdout.str() + (repository.pytester.path / "log").read_text("utf-8")
    assert "sold" in text
    assert "filelock" not in text


LEFT_THREAD = """
import shop, threading

def spin():
    while True: pass

def test_leaves(): threading.Thread(target=spin, name="spins", daemon=True).start()

def test_later(perf): perf(shop.work)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell the CPU time of a thread")
def test_a_thread_that_a_test_leaves_behind_is_named_with_the_test(repository: Repository) -> None:
    """The test need not be a perf test: the thread takes the CPU from those that are."""
    repository.commit(tests=LEFT_THREAD)
    repository.file("shop.py", shop(3))
    result = repository.against_base(subprocess=True)
    note = "the thread spins, seen first in test_it.py::test_leaves, runs while other processes measure"
    assert note in result.stdout.str()
    assert note not in repository.against_base("-k", "later", subprocess=True).stdout.str()
