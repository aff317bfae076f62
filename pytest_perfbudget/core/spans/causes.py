"""Causes: what the time of spans went to, by who used a CPU meanwhile.

| seen during a span                                                             | cause             |
|--------------------------------------------------------------------------------|-------------------|
| its thread, or its task in an event loop, used a CPU                           | `cpu_ns`          |
| its thread could run, and other programs had the CPUs                          | `queue_ns`        |
| it waited, and other threads or tasks of its process used a CPU                | `threads_ns`      |
| it waited, and processes that the measured process had started used a CPU      | `processes_ns`    |
| it waited, and none of these used a CPU                                        | `idle_ns`         |
| it waited, and nobody looked; or its own CPU time is not known                 | `unknown_ns`      |

Work meanwhile need not be what the span waited for, so `threads_ns` and `processes_ns` are the most that a lock, the
GIL, a result or another process can have cost. If both together exceed the waiting, they are reduced in proportion. The
CPU time of a process that was started after the last look counts when its parent waits for its end: a span that read
its output before that shows `idle_ns` instead.
The clocks of waiting are read for some spans only. The waiting of the others is divided like theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any, Final

from pytest_perfbudget.tracing.wait_sampling import Waits

_LEAST_SEEN: Final = 0.01
"""The share of the waiting below which the waiting that was looked into does not stand for all."""


@dataclass(frozen=True, slots=True)
class Causes:
    """The time of spans by its causes, see the table above; the parts add up to the time."""

    cpu_ns: float = 0.0
    threads_ns: float = 0.0
    processes_ns: float = 0.0
    queue_ns: float = 0.0
    idle_ns: float = 0.0
    unknown_ns: float = 0.0

    def __iter__(self) -> Iterator[float]:
        """Yield the parts in their order."""
        return iter(astuple(self))

    def to_dict(self) -> dict[str, float]:
        """Return the causes as builtins, without those that took no time."""
        return {name: time_ns for name, time_ns in asdict(self).items() if time_ns}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Causes:
        """Rebuild causes from the result of `to_dict`."""
        return cls(**data)


def causes_of(duration_ns: float, cpu_ns: float | None, waits: Waits | None) -> Causes:
    """Return the causes of the time of a span.

    Args:
        duration_ns: the wall-clock time.
        cpu_ns: the CPU time of the span's thread or task; None if it is not known.
        waits: what happened meanwhile; None if nobody looked.
    """
    if cpu_ns is None:
        return Causes(unknown_ns=duration_ns)
    cpu = min(max(cpu_ns, 0.0), duration_ns)
    waiting = duration_ns - cpu
    if waits is None:
        return Causes(cpu_ns=cpu, unknown_ns=waiting)
    others, children, queued = (max(one, 0) for one in waits)
    queue = min(queued, waiting)
    waiting -= queue
    scale = min(waiting / (others + children), 1.0) if others + children else 0.0
    threads, processes = scale * others, scale * children
    return Causes(cpu, threads, processes, queue, max(waiting - threads - processes, 0.0))


@dataclass(slots=True)
class TimeSums:
    """The time of several spans, their CPU time, and the causes of the waiting that was looked into.

    Attributes:
        total_ns: the time of the spans.
        cpu_ns: the CPU time of the spans; None if the time of a span is not known.
    """

    total_ns: int = 0
    cpu_ns: int | None = 0
    _seen: Causes | None = None

    def add(self, duration_ns: int, cpu_ns: int | None, waits: Waits | None) -> None:
        """Add a span; for the arguments see `causes_of`."""
        self.total_ns += duration_ns
        self.cpu_ns = None if self.cpu_ns is None or cpu_ns is None else self.cpu_ns + cpu_ns
        if waits is not None:
            self._see(causes_of(duration_ns, cpu_ns, waits))

    def add_all(self, others: TimeSums) -> None:
        """Add the spans of another sum."""
        self.total_ns += others.total_ns
        self.cpu_ns = None if self.cpu_ns is None or others.cpu_ns is None else self.cpu_ns + others.cpu_ns
        self._see(others._seen)

    def _see(self, seen: Causes | None) -> None:
        if seen is not None:
            self._seen = seen if self._seen is None else Causes(*map(sum, zip(self._seen, seen, strict=True)))

    @property
    def causes(self) -> Causes:
        """The causes of the whole time: the waiting that nobody looked into is divided like the rest."""
        found = causes_of(self.total_ns, self.cpu_ns, None)
        if self._seen is None or self.cpu_ns is None:
            return found
        _, threads, processes, queue, idle, _ = self._seen
        seen = threads + processes + queue + idle
        if not seen or seen < _LEAST_SEEN * found.unknown_ns:
            return found
        scale = found.unknown_ns / seen
        return Causes(found.cpu_ns, scale * threads, scale * processes, scale * queue, scale * idle)
