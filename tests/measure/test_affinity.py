from __future__ import annotations

import os
import sys
from threading import Event, Thread

import pytest

from pytest_perfbudget.measure.affinity import cpus, pin


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not pin")
def test_all_threads_are_on_one_cpu_until_they_are_released() -> None:
    end, ready = Event(), Event()
    seen: list[set[int]] = []

    def other() -> None:
        ready.set()
        end.wait()
        seen.append(os.sched_getaffinity(0))

    before = os.sched_getaffinity(0)
    for wait_for_release in (False, True):
        end.clear()
        ready.clear()
        thread = Thread(target=other)
        thread.start()
        ready.wait()
        release = pin(min(before))
        assert os.sched_getaffinity(0) == {min(before)}
        if wait_for_release:
            release()
        end.set()
        thread.join()
        release()
    assert seen == [{min(before)}, before]
    assert os.sched_getaffinity(0) == before


def test_a_cpu_that_is_not_there_changes_nothing() -> None:
    usable = cpus()
    pin(10_000)()
    assert cpus() == usable
