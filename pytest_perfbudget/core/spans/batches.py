"""Batches: executions in a row, with the self time, the number and the CPU time of each name in their mean.

A comparison takes batches instead of spans, because batches are small enough to cross a process boundary.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import attrgetter
from typing import Any, Final, NamedTuple

from pytest_perfbudget.core.spans import Execution
from pytest_perfbudget.core.spans.attribution import parents_of, self_times
from pytest_perfbudget.core.spans.causes import Causes, TimeSums
from pytest_perfbudget.core.spans.own_time import own_times
from pytest_perfbudget.core.spans.series import SpanStore

MOST_EXECUTIONS: Final = 50_000
"""The most executions that batches are made of; later executions are left out."""


class SpanPart(NamedTuple):
    """The spans of one name in an execution, in the mean.

    Attributes:
        self_ns: the time in which no span within them was open; see `attribution`.
        number: the number of spans.
        cpu_ns: the CPU time in that self time; None if it is not known.
        causes: the causes of that self time; None if they are not known.
    """

    self_ns: float
    number: float
    cpu_ns: float | None
    causes: Causes | None = None


class ThreadUse(NamedTuple):
    """The time of the measuring thread in an execution, in the mean: it adds up to the time of the execution.

    Attributes:
        cpu_ns: the CPU time.
        queue_ns: the time in which the thread could run and another process had the CPU; 0 if the system does not tell.
        others_ns: the time, at most, in which the thread waited while other threads of its process used a CPU: for the
            GIL, for a lock, or for their result.
        rest_ns: the rest: waiting for I/O, for a timer, for a lock that an idle thread holds, or for another process.
    """

    cpu_ns: float
    queue_ns: float
    others_ns: float
    rest_ns: float


NO_PART: Final = SpanPart(0.0, 0.0, 0.0, Causes())


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """Executions in a row.

    Attributes:
        executions: the number of executions.
        total_ns: the time of an execution, in the mean.
        parts: the parts by the name of the spans.
        turn: the turn in which the executions ran; 0 without turns.
        thread: the use of the measuring thread; None if it is not known.
        typical: the faster half of the executions, in which other programs seldom had the machine; None in this half.
        has_remote: whether other processes, such as servers, have sent spans.
    """

    executions: int
    total_ns: float
    parts: Mapping[str, SpanPart]
    turn: int = 0
    thread: ThreadUse | None = None
    typical: SpanBatch | None = None
    has_remote: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the batch as builtins."""
        return {
            "executions": self.executions,
            "total_ns": self.total_ns,
            "parts": {name: [*one[:3], one.causes and list(one.causes)] for name, one in self.parts.items()},
            "turn": self.turn,
            "thread": self.thread and list(self.thread),
            "typical": self.typical and self.typical.to_dict(),
            "has_remote": self.has_remote,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SpanBatch:
        """Rebuild a batch from the result of `to_dict`."""
        parts = {name: _part(*part) for name, part in data["parts"].items()}
        typical = None if data["typical"] is None else cls.from_dict(data["typical"])
        thread = None if data["thread"] is None else ThreadUse(*data["thread"])
        return cls(**{**data, "parts": parts, "typical": typical, "thread": thread})


def _part(self_ns: float, number: float, cpu_ns: float | None, causes: Sequence[float] | None) -> SpanPart:
    return SpanPart(self_ns, number, cpu_ns, None if causes is None else Causes(*causes))


@dataclass(slots=True)
class _Part:
    """The spans of a name in one execution."""

    self_ns: float = 0.0
    number: int = 0
    own: TimeSums = field(default_factory=TimeSums)


@dataclass(slots=True)
class _Parts:
    total_ns: int
    of: Mapping[str, _Part]


class BatchStore(SpanStore):
    """The executions of one measurement, to be divided into batches."""

    def __init__(self) -> None:
        super().__init__()
        self._executions: list[_Parts] = []

    def add(self, execution: Execution) -> None:
        """Add an execution that has ended, with all its spans."""
        if len(self._executions) >= MOST_EXECUTIONS:
            return
        parents = parents_of(execution.spans)
        times = zip(
            execution.spans, self_times(execution, parents).spans, own_times(execution.spans, parents), strict=True
        )
        found: dict[str, _Part] = {}
        for span, self_ns, own in times:
            part = found.setdefault(self._kept(span.name, ()), _Part())
            part.self_ns += self_ns
            part.number += 1
            part.own.add(*own)
        self._executions.append(_Parts(execution.total_ns, found))

    def batches(self, sizes: Sequence[int]) -> list[SpanBatch]:
        """Return the batches in the order of the executions; the batches of executions that are left out are empty.

        Args:
            sizes: the number of executions of each batch.
        """
        left = iter(self._executions)
        return [replace(_with_typical(list(islice(left, size))), has_remote=self.has_remote) for size in sizes]


class ComparedStore(SpanStore):
    """The executions of a measurement that cannot be repeated, for the budgets and for a comparison.

    A fresh process receives no spans of other processes, so the comparison has those of this process only.

    Args:
        watched: see `SpanStore`.
        limited: see `SpanStore`.
    """

    def __init__(self, watched: Collection[str] = (), limited: Collection[str] = ()) -> None:
        super().__init__(watched, limited)
        self._compared = BatchStore()

    def add(self, execution: Execution) -> None:
        """Add an execution that has ended, with all its spans."""
        super().add(execution)
        own = [span for span in execution.spans if span.thread >= 0]
        self._compared.add(replace(execution, spans=own))

    def whole(self) -> list[SpanBatch]:
        """Return all executions as a batch; no batch without spans."""
        return self._compared.batches([self.executions]) if self._compared.names else []


def in_turns(
    batches: Sequence[SpanBatch], turns: Sequence[int], uses: Sequence[ThreadUse | None] = ()
) -> list[SpanBatch]:
    """Return the batches of turns, which are the last batches, with the numbers of their turns.

    Args:
        batches: the batches of all blocks.
        turns: the turns.
        uses: the use of the measuring thread in each block, if it was read.
    """
    first = len(batches) - len(turns)
    threads = uses or [None] * len(batches)
    last = zip(batches[first:], threads[first:], turns, strict=True)
    return [replace(one, turn=turn, thread=thread) for one, thread, turn in last]


def in_order(store: BatchStore, sizes: Iterable[tuple[int | None, int]]) -> list[SpanBatch]:
    """Return the batches of turns that do not follow each other closely.

    Args:
        store: the executions.
        sizes: the turn of each batch, in the order of the executions, and the number of its executions; None stands for
            executions outside all turns, which are left out.
    """
    listed = list(sizes)
    batches = store.batches([size for _, size in listed])
    return [replace(one, turn=turn) for one, (turn, _) in zip(batches, listed, strict=True) if turn is not None]


def _with_typical(executions: Sequence[_Parts]) -> SpanBatch:
    faster = sorted(executions, key=attrgetter("total_ns"))[: (len(executions) + 1) // 2]
    return replace(_batch(executions), typical=_batch(faster))


def _batch(executions: Sequence[_Parts]) -> SpanBatch:
    number = max(len(executions), 1)
    names = dict.fromkeys(name for one in executions for name in one.of)
    parts = {}
    for name in names:
        found = [one.of[name] for one in executions if name in one.of]
        own = TimeSums()
        for one in found:
            own.add_all(one.own)
        parts[name] = SpanPart(
            math.fsum(one.self_ns for one in found) / number,
            sum(one.number for one in found) / number,
            None if own.cpu_ns is None else own.cpu_ns / number,
            Causes(*(cause / number for cause in own.causes)),
        )
    return SpanBatch(len(executions), math.fsum(one.total_ns for one in executions) / number, parts)
