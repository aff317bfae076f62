"""The entries of a log, and the parser of its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PATTERN = re.compile(r'(\S+) \[([^\]]+)\] "(\S+) (\S+)" (\d+) (\d+|-) (\d+)')
MONTHS = {
    name: at + 1
    for at, name in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"])
}


@dataclass
class Entry:
    """A request: the host that made it, its day and time, its path, status, size in bytes and duration in us."""

    host: str
    day: tuple[int, int]
    path: str
    status: int
    size: int
    duration_us: int

    @property
    def weight(self) -> int:
        return self.size + self.duration_us


def parse_day(text: str) -> tuple[int, int]:
    day, month, _ = text.split("/", 2)
    return MONTHS[month], int(day)


def parse_size(text: str) -> int:
    if text == "-":
        return 0
    return int(text)


def parse_line(line: str) -> Entry:
    found = PATTERN.match(line)
    assert found is not None
    host, when, _, path, status, size, duration = found.groups()
    return Entry(host, parse_day(when), path, int(status), parse_size(size), int(duration))


def parse(lines: Iterable[str]) -> list[Entry]:
    return [parse_line(line) for line in lines]


def sample(number: int) -> list[str]:
    """Return lines of a log, each `-` for the size of every second one."""
    return [
        f'10.0.{at % 7}.{at % 40} [{1 + at % 28}/{["Jan", "Feb", "Mar"][at % 3]}/2026] "GET /page/{at % 90}" '
        f"{500 if at % 19 == 0 else 200} {'-' if at % 2 else at * 37 % 9000} {at * 71 % 5000}"
        for at in range(number)
    ]
