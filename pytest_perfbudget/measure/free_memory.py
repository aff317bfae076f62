"""The memory that this machine, or the container of this process, still has for further processes; Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")
_CGROUPS: Final = (
    ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""For both versions of control groups: the folder as a container sees it, the files of the limit and of the use, and
the line of `memory.stat` with the part of the use that the kernel takes back before it ends a process."""

# Bound at import, before any test can replace it.
_open = open


def available_bytes(root: Path = _ROOT) -> int:
    """Return the memory in bytes that further processes can have; 0 if that is not known.

    Args:
        root: the folder with `proc` and `sys`.
    """
    known = [*_of_machine(root), *_of_container(root)]
    return max(min(known), 0) if known else 0


def resident_bytes(pid: int, root: Path = _ROOT) -> int:
    """Return the memory in bytes that a process has now; 0 if that is not known, or if there is no such process.

    Args:
        pid: the id of the process.
        root: see `available_bytes`.
    """
    with suppress(OSError, ValueError, IndexError):
        return int(_text(root / "proc" / str(pid) / "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _of_machine(root: Path) -> Iterator[int]:
    with suppress(OSError, ValueError):
        for line in _text(root / "proc" / "meminfo").splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024


def _of_container(root: Path) -> Iterator[int]:
    for folder, limit, use, inactive in _CGROUPS:
        with suppress(OSError, ValueError):
            limit_bytes = int(_text(root / folder / limit))  # `max` if there is none
            stat = dict(line.split() for line in _text(root / folder / "memory.stat").splitlines())
            yield limit_bytes - int(_text(root / folder / use)) + int(stat.get(inactive, 0))


def _text(path: Path) -> str:
    with _open(path, encoding="utf-8") as file:
        return file.read()
