"""The memory and CPU time of a real process, with its children."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from pytest_perfbudget.core.units import BYTES_PER_MB
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.load.process_watch import ProcessWatch

psutil = pytest.importorskip("psutil")

HOLDS = "held = bytearray(60_000_000); print('ready', flush=True); input()"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {HOLDS!r}], stdin=subprocess.PIPE)
input()
child.communicate(b"end")
"""
WORKS = "print('ready', flush=True)\nfor line in sys.stdin:\n    sum(range(20_000_000)); print('done', flush=True)"


@pytest.fixture(params=[HOLDS, PARENT], ids=["itself", "its child"])
def holder(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    with process(request.param) as found:
        yield found
        found.communicate("end\n")


def process(program: str) -> subprocess.Popen[str]:
    """Start a program that says when it is ready."""
    started = subprocess.Popen(
        [sys.executable, "-c", f"import sys\n{program}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline().strip() == "ready"
    return started


def test_the_memory_of_a_process_and_its_children_is_seen(holder: subprocess.Popen[str]) -> None:
    watch = ProcessWatch(holder)
    watch.start()
    found = watch.stop(SYSTEM.wall_ns())
    assert found.peak_bytes > 60 * BYTES_PER_MB
    assert found.ended_ns is None
    assert not [one for one in threading.enumerate() if one.name == "perfbudget-load-process"]


def test_the_cpu_time_of_a_process_is_seen() -> None:
    with process(WORKS) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        watch = ProcessWatch(worker.pid)
        watch.start()
        worker.stdin.write("go\n")
        worker.stdin.flush()
        worker.stdout.readline()
        assert 1 < watch.stop(SYSTEM.wall_ns()).cpu_percent < 150
        worker.communicate()


@pytest.mark.parametrize("begins", [True, False], ids=["in the load", "before the load"])
def test_a_process_that_ends_meanwhile_is_no_error_and_noted(begins: bool) -> None:
    with process(HOLDS) as ends:
        watch = ProcessWatch(ends)
        watch.start()
        if begins:
            watch.begin(SYSTEM.wall_ns())
        ends.communicate("end\n")
    if not begins:
        watch.begin(SYSTEM.wall_ns() + 3_600 * 10**9)
    found = watch.stop(SYSTEM.wall_ns())
    assert found.peak_bytes > 0
    assert found.ended_ns is not None
    assert (found.ended_ns > 0) is begins


def test_a_process_that_nobody_has_waited_for_has_ended_all_the_same() -> None:
    ended = process("print('ready')")
    watch = ProcessWatch(ended)
    watch.start()
    assert ended.stdout is not None
    ended.stdout.read()  # to the end of the process's output
    while psutil.Process(ended.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert watch.stop(SYSTEM.wall_ns()).ended_ns is not None
    ended.communicate()


def test_a_process_that_is_gone_is_said() -> None:
    with process("print('ready')") as ended:
        ended.communicate()
    with pytest.raises(MisuseError, match="there is no such process"):
        ProcessWatch(ended)


@pytest.mark.parametrize("value", ["42", True, object()], ids=["text", "flag", "object"])
def test_what_is_no_process_is_said(value: object) -> None:
    with pytest.raises(MisuseError, match=r"pid= must be the id of a process, a subprocess.Popen or a psutil.Process"):
        ProcessWatch(value)


def test_without_psutil_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(MisuseError, match=r"pid= needs psutil: pip install 'pytest-perfbudget\[load\]'"):
        ProcessWatch(1)
