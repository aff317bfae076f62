"""Processes that write a history and are killed, run out of disk, or begin together."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from histories import SERVICE_S, START_S

from pytest_perfbudget.core.history.service_window import HOUR_S, MINUTE_S
from pytest_perfbudget.history.store import sessions

WRITER = """
import os
import random
import resource
import signal
import sys
from pathlib import Path
from histories import START_S, point, process, session, window
from pytest_perfbudget.history.store import append
from pytest_perfbudget.history.windows import append_windows

POINTS = [point(metric=f"m{at}") for at in range(50)]

def append_session(file, at):
    append(file, [session(at, POINTS)], START_S)

def append_minute(file, at):
    minutes = [window(at, component) for component in ("gateway", "storage")]
    append_windows(file, minutes, process("a", minutes[0].end_s), START_S)

def write(file, first, number, append_to=append_session):
    for at in range(first, first + number):
        try:
            append_to(Path(file), at)
        except Exception as error:
            os.write(1, f"{error}\\n".encode())
            return
        os.write(1, f"{at}\\n".encode())

def kill_writers(file, kills, append_to=append_session):
    chosen = random.Random(25)
    for first in range(0, 1000 * kills, 1000):
        reads, writes = os.pipe()
        if not (child := os.fork()):
            os.dup2(writes, 1)
            write(file, first, 1000, append_to)
            os._exit(0)
        os.close(writes)
        with open(reads) as lines:
            for _ in range(chosen.randrange(1, 12)):
                print(lines.readline(), end="")
            for _ in range(chosen.randrange(100_000)):  # up to the time of some appends, so that the kill is within one
                pass
            os.kill(child, signal.SIGKILL)
            print(lines.read(), end="")
        os.waitpid(child, 0)

def begin_together(file, writers):
    reads, writes = os.pipe()
    children = []
    for first in range(0, 1000 * writers, 1000):
        if not (child := os.fork()):
            os.close(writes)
            os.read(reads, 1)  # until the last process closes the other end
            write(file, first, 20)
            os._exit(0)
        children.append(child)
    os.close(writes)
    for child in children:
        os.waitpid(child, 0)
"""


def started(file: Path, what: str) -> subprocess.Popen[str]:
    """Start a process that writes a history, and prints the number of each session that was appended."""
    program = f"{WRITER}\n{what}"
    environment = {"PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen([sys.executable, "-c", program, file], stdout=subprocess.PIPE, text=True, env=environment)


def assert_whole(file: Path, written: set[int]) -> None:
    """Check that a history has all sessions that were written, each whole."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found = sessions(file, START_S)
    assert written <= {int(one.circumstances.id, 16) for one in found}
    assert {len(one.points) for one in found} <= {50}


def assert_minutes_whole(file: Path, written: set[int]) -> None:
    """Check that a history has all minutes that were written, each with both components, be they minutes or hours."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        query = "SELECT name, start_s / 3600, sum(count) FROM service_window JOIN component ON number = component"
        found = {(name, hour): count for name, hour, count in connection.execute(f"{query} GROUP BY 1, 2")}
    least = Counter((SERVICE_S + at * MINUTE_S) // HOUR_S for at in written)
    for hour, minutes in least.items():
        assert found["gateway", hour] == found["storage", hour] >= 3 * minutes
        assert found["gateway", hour] % 3 == 0
