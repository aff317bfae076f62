"""Work of a dozen modules of the standard library, on little data."""

from __future__ import annotations

import asyncio
import copy
import csv
import datetime as dt
import decimal
import difflib
import hashlib
import heapq
import io
import random
import re
import sqlite3
import weakref
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from functools import partial
from typing import Final

_Work = Callable[[], object]


def _draw() -> random.Random:
    return random.Random(11)  # noqa: S311 - a fixed seed makes the work the same everywhere


def _matches() -> _Work:
    text = " ".join(f'"name": "user{number}", "id": {number}' for number in range(15))
    return partial(re.compile(r'"name": "(user\d+)"').findall, text)


def _groups_rows() -> _Work:
    draw = _draw()
    database = sqlite3.connect(":memory:")
    database.execute("create table sales(shop integer, amount real)")
    database.executemany("insert into sales values(?, ?)", [(draw.randrange(20), draw.random()) for _ in range(100)])

    def work() -> object:
        return database.execute("select shop, sum(amount), count(*) from sales group by shop order by 2").fetchall()

    weakref.finalize(work, database.close)
    return work


def _compresses() -> _Work:
    return partial(zlib.compress, _draw().randbytes(750) * 2, 6)


def _reads_rows() -> _Work:
    text = "\n".join(",".join(str(number * 7919 % 1000) for number in range(at, at + 8)) for at in range(15))
    return lambda: list(csv.reader(io.StringIO(text)))


def _parses_markup() -> _Work:
    items = "".join(f'<item id="{number}"><name>n{number}</name></item>' for number in range(12))
    return partial(ET.fromstring, f"<items>{items}</items>")


def _copies() -> _Work:
    return partial(copy.deepcopy, [{"id": number, "tags": [str(number)], "at": (1, number)} for number in range(2)])


def _hops() -> _Work:
    loop = asyncio.new_event_loop()

    async def hop() -> None:
        for _ in range(4):
            await asyncio.sleep(0)

    def run() -> None:
        loop.run_until_complete(hop())

    weakref.finalize(run, loop.close)
    return run


def _hashes() -> _Work:
    blob = _draw().randbytes(10_000)
    return lambda: hashlib.sha256(blob).digest()


def _queues() -> _Work:
    draw = _draw()
    numbers = [draw.random() for _ in range(60)]

    def drain() -> None:
        heap = numbers.copy()
        heapq.heapify(heap)
        while heap:
            heapq.heappop(heap)

    return drain


def _adds_decimals() -> _Work:
    numbers = [decimal.Decimal(number) / 7 for number in range(1, 60)]
    return lambda: sum(number * number for number in numbers)


def _reads_dates() -> _Work:
    texts = [f"2026-{1 + number % 12:02}-{1 + number % 28:02} 12:30" for number in range(2)]
    return lambda: [dt.datetime.strptime(text, "%Y-%m-%d %H:%M") for text in texts]  # noqa: DTZ007 - the texts have no zone


def _compares_texts() -> _Work:
    first = "weather on shared machines"
    return lambda: difflib.SequenceMatcher(None, first, "a shared machine's weather").ratio()


LIBRARY_WORK: Final[dict[str, Callable[[], _Work]]] = {
    "regular expression": _matches,
    "sqlite": _groups_rows,
    "zlib": _compresses,
    "csv": _reads_rows,
    "xml": _parses_markup,
    "deepcopy": _copies,
    "asyncio": _hops,
    "sha256": _hashes,
    "heapq": _queues,
    "decimal": _adds_decimals,
    "strptime": _reads_dates,
    "difflib": _compares_texts,
}
"""The factories of the workloads, by name; each returns a function that does one unit of work."""
