"""How many CPUs code uses."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from pytest_perfbudget.cpu_times import leave_out
from pytest_perfbudget.measure import cpu_usage as parallel
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.cpu_usage import Used, cpus_within, used


def test_they_are_those_of_this_process_and_of_its_children() -> None:
    before = Used(wall_ns=1_000, own_ns=100, children_ns=50)
    after = Used(wall_ns=2_000, own_ns=900, children_ns=1_250)
    assert cpus_within([(before, after)]) == pytest.approx(0.8 + 1.2)
    later = Used(wall_ns=9_000, own_ns=9_000, children_ns=1_250)
    assert cpus_within([(before, after), (later, later._replace(wall_ns=10_000))]) == pytest.approx(1.0)


def test_work_of_this_process_is_its_own() -> None:
    before = used(SYSTEM)
    sum(number * number for number in range(300_000))
    after = used(SYSTEM)
    assert after.own_ns - before.own_ns > 1_000_000
    assert after.children_ns == before.children_ns


def test_a_child_that_has_ended_is_counted() -> None:
    before = used(SYSTEM)
    subprocess.run([sys.executable, "-c", "sum(range(2_000_000))"], check=True)
    assert used(SYSTEM).children_ns - before.children_ns > 5_000_000


BUSY = "import sys\nprint('ready', flush=True)\nwhile True: pass"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of running children")
@pytest.mark.parametrize("is_ours", [False, True])
def test_one_that_runs_is_counted_unless_it_is_our_own(is_ours: bool) -> None:
    before = used(SYSTEM)
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            if is_ours:
                leave_out(child.pid)
            tick_s = 1 / os.sysconf("SC_CLK_TCK")
            ended_s = time.process_time() + 30
            while (found := parallel._cpu_s(child.pid)) < 5 * tick_s and time.process_time() < ended_s:
                pass
            assert found >= 5 * tick_s
            assert (used(SYSTEM).children_ns - before.children_ns > 0) is not is_ours
        finally:
            child.kill()
