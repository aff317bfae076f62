"""Logs from several places at once: by coroutines, and by threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from loglens.entries import Entry, parse
from loglens.summary import by_day

LOCK = threading.Lock()
DELAY_S = 0.002


async def fetched(lines: Sequence[str]) -> list[Entry]:
    await asyncio.sleep(DELAY_S)
    return prepared(lines)


def prepared(lines: Sequence[str]) -> list[Entry]:
    return parse(lines)


async def fetch_all(feeds: Sequence[Sequence[str]]) -> int:
    found = await asyncio.gather(*(fetched(lines) for lines in feeds))
    return sum(len(one) for one in found)


def download(entries: Sequence[Entry]) -> dict[tuple[int, int], int]:
    time.sleep(DELAY_S)
    found = counted(entries)
    with LOCK:
        return found


def counted(entries: Sequence[Entry]) -> dict[tuple[int, int], int]:
    return by_day(entries)


def download_all(feeds: Sequence[Sequence[Entry]]) -> int:
    with ThreadPoolExecutor(4) as pool:
        return sum(len(one) for one in pool.map(download, feeds))
