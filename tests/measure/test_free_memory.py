"""The memory that the machine, or the container, has left."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_perfbudget.measure.free_memory import available_bytes, resident_bytes

MEMINFO = "MemTotal:       16000000 kB\nMemFree:  100 kB\nMemAvailable:    8000000 kB\n"
GB = 10**9


def files(root: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def test_without_a_container_the_machine_counts(tmp_path: Path) -> None:
    assert available_bytes(files(tmp_path, proc__meminfo=MEMINFO)) == 8_000_000 * 1024


@pytest.mark.parametrize(
    ("folder", "limit", "use", "inactive"),
    [
        ("sys__fs__cgroup__", "memoryDOTmax", "memoryDOTcurrent", "inactive_file"),
        ("sys__fs__cgroup__memory__", "memoryDOTlimit_in_bytes", "memoryDOTusage_in_bytes", "total_inactive_file"),
    ],
    ids=["v2", "v1"],
)
def test_the_limit_of_a_container_counts_without_the_files_that_can_be_read_again(
    tmp_path: Path, folder: str, limit: str, use: str, inactive: str
) -> None:
    stat = f"anon 5\n{inactive} {GB}\n"
    root = files(
        tmp_path,
        proc__meminfo=MEMINFO,
        **{f"{folder}{limit}": f"{4 * GB}\n", f"{folder}{use}": f"{3 * GB}\n", f"{folder}memoryDOTstat": stat},
    )
    assert available_bytes(root) == 2 * GB
    files(root, **{f"{folder}{limit}": "max\n"})
    assert available_bytes(root) == 8_000_000 * 1024


def test_a_container_that_is_full_has_nothing_left(tmp_path: Path) -> None:
    root = files(
        tmp_path,
        sys__fs__cgroup__memoryDOTmax=f"{GB}",
        sys__fs__cgroup__memoryDOTcurrent=f"{2 * GB}",
        sys__fs__cgroup__memoryDOTstat="",
    )
    assert available_bytes(root) == 0


def test_nothing_is_known_where_there_are_no_such_files(tmp_path: Path) -> None:
    assert available_bytes(tmp_path) == 0
    assert resident_bytes(os.getpid(), tmp_path) == 0
    assert resident_bytes(1, files(tmp_path, proc__1__statm="what")) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_this_process_has_some_memory_of_this_machine() -> None:
    assert 10**6 < resident_bytes(os.getpid()) < available_bytes() + resident_bytes(os.getpid())
