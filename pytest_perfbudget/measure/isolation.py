"""The isolation of timed rounds: sources of disturbance are paused, and restored afterwards whatever happens."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from pytest_perfbudget.measure.garbage import GARBAGE

_TOOLS = range(6)
_EVENTS = [1 << bit for bit in range(19)]

_PAGE = 4096
_SMALL = range(48, 513, 16)
"""The sizes in bytes of small blocks, of which Python's allocator keeps free lists. The places of smaller blocks,
such as those of integers, change from draw to draw by what the draw itself does."""
_LENGTHS = [size - sys.getsizeof(b"") for size in _SMALL]
"""The lengths of `bytes` that take blocks of these sizes."""


@contextmanager
def quiet() -> Iterator[None]:
    """Pause garbage collection, tracing, profiling and `sys.monitoring` callbacks.

    The objects that the process already holds are frozen, so that the collection between two blocks examines the
    objects made by the rounds and not the whole application.
    """
    with ExitStack() as undo:
        _pause_collection(undo)
        _pause_tracing(undo)
        yield


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause garbage collection only, for a block of code that is timed in place."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def untraced() -> Iterator[None]:
    """Pause garbage collection, tracing and profiling, for canaries between blocks of code that are timed in place."""
    with ExitStack() as undo:
        undo.enter_context(uncollected())
        _pause_tracing(undo)
        yield


def is_traced() -> bool:
    """Return whether a tracer or profiler is active, whose cost would be timed as well."""
    return sys.gettrace() is not None or sys.getprofile() is not None


def _pause_collection(undo: ExitStack) -> None:
    GARBAGE.collect()  # or it would be frozen
    undo.enter_context(uncollected())
    undo.enter_context(GARBAGE.frozen())


def _pause_tracing(undo: ExitStack) -> None:
    trace, profile = sys.gettrace(), sys.getprofile()
    if trace is not None:
        undo.callback(sys.settrace, trace)
        sys.settrace(None)
    # Before 3.12 sys.getprofile() returns cProfile as an object that cannot be set again, so cProfile stays on.
    if callable(profile):
        undo.callback(sys.setprofile, profile)
        sys.setprofile(None)
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        _pause_monitoring(monitoring, undo)


def _pause_monitoring(monitoring: Any, undo: ExitStack) -> None:  # noqa: ANN401 - sys.monitoring is absent before 3.12
    # The events themselves stay on, because switching them off would make the interpreter instrument all code anew.
    # Events without a callback cost a few nanoseconds.
    for tool in _TOOLS:
        if monitoring.get_tool(tool) is None:
            continue
        for event in _EVENTS:
            try:
                callback = monitoring.register_callback(tool, event, None)
            except ValueError:
                continue  # this version of Python has no such event
            if callback is not None:
                undo.callback(monitoring.register_callback, tool, event, callback)


_layouts = random.Random()  # noqa: S311 - no secrets
"""The source of the draws. The tested code may seed the global generator, so this is a separate generator."""


def seed_layouts(seed: int) -> None:
    """Let the next draws be those of a seed. The processes of a pair share it: equal code has equal layouts."""
    _layouts.seed(seed)


class Heap:
    """The layout of the heap, which is redrawn before each block.

    The place of a function's buffers in memory changes its speed by up to a factor of two. Over many layouts this
    effect averages out, whereas a process with a single layout measures its luck. Small blocks need a draw of their
    own: Python takes each size from a free list, so a loop that makes and drops an object gets the same place each
    time. A walk over slices of 96 bytes was 3 % slower at one place than at another
    (`tests/benchmarks/heap_layout.py`).
    """

    def __init__(self) -> None:
        self._random = _layouts
        self._held: list[bytearray | bytes] = []
        self._counts: list[int] = []

    def redraw(self) -> None:
        """Release the buffers held, hold others, and collect garbage."""
        self._held = self._large()
        self._counts = self._draw_counts()  # kept until the next draw, because the list takes a small block as well
        self._hold_small(self._counts)
        gc.collect()

    def _large(self) -> list[bytearray | bytes]:
        draw = self._random.randrange
        return [bytearray(draw(1, 1 << draw(5, 17))) for _ in range(draw(1, 60))]

    def _draw_counts(self) -> list[int]:
        """Draw the numbers of small blocks: so many that the next block lies anywhere in a page."""
        return [self._random.randrange(_PAGE // size + 1) for size in _SMALL]

    def _hold_small(self, counts: list[int]) -> None:
        """Hold small blocks. A temporary object, such as an iterator, would leave its own place free for the next.

        Integers up to 256 are no new objects.
        """
        index = len(_LENGTHS)
        while index:
            index -= 1
            left = counts[index]
            while left:
                self._held.append(bytes(_LENGTHS[index]))
                left -= 1
