from __future__ import annotations

import pytest

from pytest_perfbudget.doctor import workloads
from pytest_perfbudget.doctor.workloads import UNITS, WORKLOADS, workload


def test_there_are_two_dozen_workloads() -> None:
    assert len(WORKLOADS) == 24


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_workload_can_be_repeated(name: str) -> None:
    work = workload(name)
    work()
    work()


@pytest.mark.parametrize("slowdown", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_slowdown_is_more_of_the_same_work(slowdown: float, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setitem(workloads.WORKLOADS, "zlib", lambda: lambda: done.append(1))
    workload("zlib", slowdown)()
    assert abs(len(done) - UNITS * (1 + slowdown)) <= 0.5
