"""Work that depends on caches, on memory bandwidth or on the scheduling of threads, which canaries feel less."""

from __future__ import annotations

import itertools
import operator
import pickle
import queue
import random
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

_Work = Callable[[], object]

_MEMORY: Final = 16 * 1024 * 1024
"""The bytes of the walks through memory: more than the second-level cache of a core, in most machines."""


@dataclass
class _Entry:
    """An object with an attribute to read."""

    weight: int


def _draw() -> random.Random:
    return random.Random(13)  # noqa: S311 - a fixed seed makes the work the same everywhere


def _walks_memory() -> _Work:
    memory = bytearray(_MEMORY)
    starts = itertools.cycle(range(0, 8_192, 64))
    return lambda: memory[next(starts) :: 8_192].count(1)


def _copies_blocks() -> _Work:
    memory = bytearray(_draw().randbytes(_MEMORY))
    starts = itertools.cycle(range(0, _MEMORY, 128 * 1024))

    def copy() -> bytes:
        start = next(starts)
        return bytes(memory[start : start + 128 * 1024])

    return copy


def _slices() -> _Work:
    memory = bytearray(_draw().randbytes(_MEMORY))
    starts = itertools.cycle(range(0, _MEMORY, 64 * 128))

    def count() -> int:
        start = next(starts)
        return sum(memory[at : at + 64].count(1) for at in range(start, start + 64 * 128, 64))

    return count


def _hands_over() -> _Work:
    there: queue.Queue[int | None] = queue.Queue()
    back: queue.Queue[int] = queue.Queue()

    def answer() -> None:
        while (number := there.get()) is not None:
            back.put(number + 1)

    threading.Thread(target=answer, daemon=True).start()

    def ask() -> int:
        there.put(1)
        return back.get()

    weakref.finalize(ask, there.put, None)
    return ask


def _submits() -> _Work:
    pool = ThreadPoolExecutor(2)

    def submit() -> list[int]:
        return list(pool.map(abs, range(2)))

    weakref.finalize(submit, pool.shutdown, wait=False)
    return submit


def _looks_up() -> _Work:
    draw = _draw()
    entries = {f"key {number}": number for number in range(100_000)}
    keys = draw.sample(list(entries), 20_000)
    starts = itertools.cycle(range(0, len(keys), 100))

    def look_up() -> int:
        start = next(starts)
        return sum(entries[key] for key in keys[start : start + 100])

    return look_up


def _reads_objects() -> _Work:
    entries = [_Entry(number) for number in range(50_000)]
    _draw().shuffle(entries)  # neighbours of the list lie apart in memory
    starts = itertools.cycle(range(0, len(entries), 250))

    def add() -> int:
        start = next(starts)
        return sum(entry.weight for entry in entries[start : start + 250])

    return add


def _sorts() -> _Work:
    draw = _draw()
    rows = [(draw.random(), draw.randrange(1_000), f"name {draw.randrange(50)}") for _ in range(80)]
    return partial(sorted, rows, key=operator.itemgetter(2, 1))


def _generates() -> _Work:
    def numbers() -> Iterator[int]:
        yield from range(150)

    def odd(values: Iterator[int]) -> Iterator[int]:
        for value in values:
            if value % 2:
                yield value

    return lambda: sum(value * value for value in odd(numbers()))


def _pickles() -> _Work:
    rows = [{"id": number, "name": f"name {number}", "tags": ("a", "b", number)} for number in range(15)]
    return lambda: pickle.loads(pickle.dumps(rows))  # noqa: S301 - our own bytes


def _intersects() -> _Work:
    draw = _draw()
    first, second = (set(draw.sample(range(20_000), 600)) for _ in range(2))
    return lambda: len(first & second) + len(first | second)


def _multiplies() -> _Work:
    import numpy as np  # noqa: PLC0415 - takes a tenth of a second

    numbers = np.random.default_rng(13).random(400_000)
    starts = itertools.cycle(range(0, len(numbers), 20_000))

    def add() -> float:
        part = numbers[(start := next(starts)) : start + 20_000]
        return float((part * part + 1.0).sum())

    return add


DATA_WORK: Final[dict[str, Callable[[], _Work]]] = {
    "memory walk": _walks_memory,
    "copied blocks": _copies_blocks,
    "slices of a bytearray": _slices,
    "threads and queues": _hands_over,
    "thread pool": _submits,
    "large dictionary": _looks_up,
    "scattered objects": _reads_objects,
    "sort with a key": _sorts,
    "generators": _generates,
    "pickle": _pickles,
    "sets": _intersects,
    "numpy": _multiplies,
}
"""The factories of the workloads, by name; each returns a function that does one unit of work."""
