"""Numbers about entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from loglens.entries import Entry


def seconds(one: Entry) -> float:
    return one.duration_us / 1e6


def hosts(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(one.host for one in entries))


def top_paths(entries: Sequence[Entry], number: int) -> list[tuple[str, int]]:
    return Counter(one.path for one in entries).most_common(number)


def time_spent(entries: Sequence[Entry]) -> float:
    return sum(seconds(one) for one in entries)


def errors(entries: Sequence[Entry]) -> list[Entry]:
    return [one for one in entries if is_error(one)]


def is_error(one: Entry) -> bool:
    return one.status >= 500


def heaviest(entries: Sequence[Entry]) -> Entry:
    best = entries[0]
    for one in entries:
        if one.weight > best.weight:
            best = one
    return best


def by_day(entries: Sequence[Entry]) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for one in entries:
        found[one.day] = found.get(one.day, 0) + 1
    return found


def overview(entries: Sequence[Entry]) -> dict[str, object]:
    days = by_day(entries)
    return {"hosts": hosts(entries), "errors": len(errors(entries)), "days": len(days), "seconds": time_spent(entries)}


def snapshot(entries: Sequence[Entry]) -> list[Entry]:
    return list(entries)
