"""Several worker processes: each writes its file, and each answers for all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.core.alerts import AlertEvent
from pytest_perfbudget.monitor import Monitor
from pytest_perfbudget.monitor.components import MOST_COMPONENTS
from pytest_perfbudget.monitor.snapshot import Snapshot
from pytest_perfbudget.monitor.worker_files import WorkerFiles, WorkerState

Make = Callable[..., Monitor]
GATEWAY = {"components": {"gateway": {"p95_ms": 50}}}


@pytest.fixture
def as_worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function that makes this process look like the worker with another id; all such workers are alive."""
    monkeypatch.setattr("pytest_perfbudget.monitor.worker_files._is_alive", lambda pid: pid < 1000)
    return lambda pid: monkeypatch.setattr("pytest_perfbudget.monitor.service_check.os.getpid", lambda: pid)


def test_each_worker_answers_for_all(
    make_monitor: Make, tmp_path: Path, as_worker: Callable[[int], None], wall: Any
) -> None:
    one, other = make_monitor(multiprocess_dir=tmp_path), make_monitor(multiprocess_dir=tmp_path)
    as_worker(1)
    one.observe("gateway", 0.01)
    wall.advance(100)
    one.observe("gateway", 0.01)
    one.check()
    as_worker(2)
    other.observe("gateway", 0.03, "KeyError: 'x'")
    other.observe("storage", 0.02)
    summary = other.summary()
    assert summary["processes"] == 2
    assert summary["components"]["gateway"]["requests_total"] == 3
    assert summary["components"]["gateway"]["windows"]["1m"]["count"] == 2
    assert summary["components"]["gateway"]["windows"]["5m"]["count"] == 3
    as_worker(1)
    assert one.summary()["components"]["storage"]["requests_total"] == 1
    assert one.summary()["errors"][0]["kind"] == "KeyError"
    assert 'perfbudget_requests_total{component="gateway"} 3' in one.openmetrics()


def test_lines_that_did_not_change_are_read_and_written_again(tmp_path: Path, make_monitor: Make, wall: Any) -> None:
    files, monitor = WorkerFiles(tmp_path), make_monitor()
    for _ in range(3):
        monitor.observe("gateway", 0.01)
        wall.advance(700)
        state = WorkerState(7, 1, Snapshot(1, monitor._components.histories(wall.now_ns)))
        files.write(state)
        text = (tmp_path / "perfbudget-7.txt").read_text("utf-8")
        assert files._state(text, files._read).snapshot.histories == state.snapshot.histories


def test_a_dead_worker_leaves_its_numbers(make_monitor: Make, tmp_path: Path, wall: Any) -> None:
    """No counter falls; the file of a worker that is alive stays."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    worker, living = make_monitor(GATEWAY), make_monitor(GATEWAY)
    for _ in range(3):
        worker.observe("gateway", 0.2, "KeyError: 'x'")
    living.observe("gateway", 0.01)
    files = WorkerFiles(tmp_path)
    files.write(WorkerState(ended.pid, 1, worker._own(wall.now_ns)))
    files.write(WorkerState(os.getppid(), 1, living._own(wall.now_ns)))
    monitor = make_monitor(GATEWAY, multiprocess_dir=tmp_path)
    for _ in range(2):
        summary = monitor.summary()
        assert summary["processes"] == 2
        assert (requests(monitor), summary["components"]["gateway"]["windows"]["1m"]["count"]) == (4, 4)
        assert summary["errors"][0]["count"] == 3
    assert names_in(tmp_path) == {f"perfbudget-{pid}.txt" for pid in (os.getppid(), os.getpid(), "ended")}


def requests(monitor: Monitor, name: str = "gateway") -> int:
    found: int = monitor.summary()["components"][name]["requests_total"]
    return found


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()} - {"perfbudget.lock"}


def test_a_worker_that_ends_hands_its_numbers_over_once(
    make_monitor: Make, tmp_path: Path, as_worker: Callable[[int], None]
) -> None:
    workers = {pid: make_monitor(multiprocess_dir=tmp_path) for pid in (1, 2, 3)}
    for pid, monitor in workers.items():
        as_worker(pid)
        monitor.observe("gateway", 0.01)
        monitor.check()
    as_worker(1)
    workers[1].observe("gateway", 0.01)  # after the last write
    workers[1].close()
    workers[1].close()
    for pid in (2, 3, 2):
        as_worker(pid)
        assert requests(workers[pid]) == 4
        assert workers[pid].summary()["processes"] == 2
    assert names_in(tmp_path) == {"perfbudget-2.txt", "perfbudget-3.txt", "perfbudget-ended.txt"}


def test_a_worker_with_the_id_of_an_earlier_worker_adds_to_its_numbers(
    make_monitor: Make, tmp_path: Path, as_worker: Callable[[int], None]
) -> None:
    as_worker(1)
    earlier, later = (make_monitor(multiprocess_dir=tmp_path) for _ in range(2))
    earlier.observe("gateway", 0.01)
    earlier.check()
    later.observe("gateway", 0.01)
    assert [requests(later) for _ in range(3)] == [2, 2, 2]


def test_without_the_lock_nothing_is_written_and_nothing_is_lost(
    make_monitor: Make, tmp_path: Path, as_worker: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, monitor = (make_monitor(multiprocess_dir=tmp_path) for _ in range(2))
    as_worker(1001)  # no worker of this id is alive
    gone.observe("gateway", 0.01)
    gone.check()
    as_worker(2)

    def refuse(*_: object, **__: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr("pytest_perfbudget.monitor.worker_files.file_lock", refuse)
        assert [requests(monitor) for _ in range(2)] == [1, 1]
    assert "perfbudget-1001.txt" in names_in(tmp_path)
    assert requests(monitor) == 1
    assert "perfbudget-1001.txt" not in names_in(tmp_path)


def test_the_numbers_of_dead_workers_are_bounded(make_monitor: Make, tmp_path: Path, wall: Any) -> None:
    monitor, files = make_monitor(GATEWAY, multiprocess_dir=tmp_path), WorkerFiles(tmp_path)
    for generation in range(3):
        worker = make_monitor(GATEWAY)
        for number in range(80):
            worker.observe(f"name{generation}-{number}", 0.01)
        worker.observe("gateway", 0.01)
        files.end(WorkerState(generation + 1, 1, worker._own(wall.now_ns)), ["gateway", "other"])
        wall.advance(90_000)
    found = monitor.summary()["components"]
    assert len(found) == MOST_COMPONENTS + 2
    assert (found["gateway"]["requests_total"], found["other"]["requests_total"]) == (3, 140)
    text = (tmp_path / "perfbudget-ended.txt").read_text("utf-8")
    assert len([line for line in text.splitlines() if line.startswith('["gateway", 0')]) == 1  # of the last minute


def test_an_alert_fires_in_one_worker_only(
    make_monitor: Make, tmp_path: Path, as_worker: Callable[[int], None], wall: Any
) -> None:
    table = {"alerts": {"any": {"metric": "errors", "component": "gateway", "limit": 0}}}
    events: list[int] = []

    def note(pid: int, _: AlertEvent) -> None:
        events.append(pid)

    workers = {pid: make_monitor(table, multiprocess_dir=tmp_path) for pid in (1, 2)}
    for pid, monitor in workers.items():
        monitor.on_alert(partial(note, pid))
    for _ in range(2):
        for pid, monitor in workers.items():
            as_worker(pid)
            if pid == 2:
                monitor.observe("gateway", 0.01, "KeyError: 'x'")
            monitor.check()
    assert events == [1]
    assert workers[2].summary()["alerts"][0]["state"] == "firing"
    as_worker(1)
    workers[1].close()  # the next worker takes over, and the alert is on already
    as_worker(2)
    workers[2].check()
    assert events == [1]
    assert workers[2].summary()["alerts"][0]["state"] == "firing"
    wall.advance(3600)
    workers[2].check()
    assert events == [1, 2]  # cleared, once


def test_a_worker_that_hangs_does_not_keep_alerts_from_firing(
    make_monitor: Make, tmp_path: Path, as_worker: Callable[[int], None], wall: Any
) -> None:
    table = {"alerts": {"any": {"metric": "errors", "component": "gateway", "limit": 0}}}
    first, second = (make_monitor(table, multiprocess_dir=tmp_path) for _ in range(2))
    events: list[AlertEvent] = []
    second.on_alert(events.append)
    as_worker(1)
    first.check()
    as_worker(2)
    second.observe("gateway", 0.01, "KeyError: 'x'")
    second.check()
    assert events == []
    wall.advance(31)
    second.check()
    assert len(events) == 1


@pytest.mark.parametrize("content", ["", "no json", '{"schema": "other/9"}', "[]", '{"schema": "perfbudget-worker/1"}'])
def test_a_file_that_cannot_be_read_is_left_out(
    make_monitor: Make, tmp_path: Path, as_worker: Callable[[int], None], content: str
) -> None:
    (tmp_path / "perfbudget-5.txt").write_text(content, "utf-8")
    as_worker(2)
    assert make_monitor(multiprocess_dir=tmp_path).summary()["processes"] == 1


def test_a_folder_that_cannot_be_written_is_logged(
    make_monitor: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monitor = make_monitor(multiprocess_dir=tmp_path / "file")
    monitor.observe("gateway", 0.01)
    assert monitor.summary()["components"]["gateway"]["requests_total"] == 1
    assert "the worker's file cannot be written" in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_workers_that_a_server_forks_share_their_numbers(tmp_path: Path) -> None:
    program = f"""
import json, os, sys
from pytest_perfbudget.monitor import Monitor
monitor = Monitor(multiprocess_dir={str(tmp_path)!r}, in_background=False)
ready, go = os.pipe(), os.pipe()
pids = []
for number in range(2):
    pid = os.fork()
    if pid == 0:
        monitor.observe("gateway", 0.01 * (number + 1))
        monitor.check()
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    pids.append(pid)
for _ in pids:
    os.read(ready[0], 1)
before = monitor.summary()["components"]["gateway"]["requests_total"]
os.write(go[1], b"xx")
for pid in pids:
    os.waitpid(pid, 0)
print(json.dumps([before, monitor.summary()["components"]["gateway"]["requests_total"]]))
"""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert json.loads(output) == [2, 2]
