"""Comparisons without pytest: a context whose fresh processes are scripted answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_perfbudget.compare.context import ComparisonContext, Invocation
from pytest_perfbudget.compare.launcher import ProcessLauncher
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.kinds import CALL, MeasurementKind
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.processes.protocol import Answer, Request

CALM_NS = (40_000.0, 20_000.0, 30_000.0)


def recording(time_ns: float = 1e6, *, blocks: int = 40, weather: float = 1.0, **counts: int) -> Recording:
    """Return the data of a run whose blocks all took the same time, in the same weather."""
    canaries = (CALM_NS[0] * weather, CALM_NS[1] * weather, CALM_NS[2] * weather)
    return Recording([BlockTime(time_ns, canaries, canaries)] * blocks, counts)


def measurement(
    data: Recording | None, nodeid: str = "a.py::t", name: str = "", kind: MeasurementKind = CALL
) -> Measurement:
    """Return a measurement as a session makes it before it is compared."""
    return Measurement(nodeid, name, kind, rounds=59, max_regression=0.05, recording=data)


class ScriptedLauncher(ProcessLauncher):
    """Starts no process: each measurement of a test takes the next of its answers.

    Args:
        answers: what becomes of the processes, one after the other; an exception is raised.
    """

    def __init__(self, answers: Iterable[Answer | Exception] = ()) -> None:
        super().__init__(Request([], "", [], ()), Path(os.sep, "nowhere"))
        self._answers = iter(answers)
        self.started: list[tuple[tuple[str, ...], bool]] = []
        self.on_one_cpu: list[Sequence[str] | None] = []

    def measure(
        self,
        nodeids: Sequence[str],
        *,
        start: int = 0,
        is_reversed: bool = False,
        own_file_only: bool = False,
        counting: Counting = Counting.ALL,
        one_cpu: Sequence[str] | None = None,
    ) -> Iterator[Answer]:
        """See `ProcessLauncher.measure`."""
        del start, is_reversed, counting
        self.on_one_cpu.append(one_cpu)
        self.started.append((tuple(nodeids), own_file_only))
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        yield answer


def answer(data: Recording | None = None, *, nodeid: str = "a.py::t", name: str = "", problem: str = "") -> Answer:
    """Return what a fresh process says of a test."""
    found = [] if data is None else [measurement(data, nodeid, name).to_dict()]
    return Answer(nodeid, problem, found)


@dataclass
class Notes:
    """Progress that is remembered."""

    shown: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.shown.append(text)

    def log(self, text: str) -> None:
        self.logged.append(text)

    def clear(self) -> None:
        pass


def context(
    settings: Settings | None = None,
    *,
    launcher: ProcessLauncher | None = None,
    root: Path = Path(os.sep, "nowhere"),
    note_base: Callable[[Collection[str]], None] = lambda _: None,
    **more: Any,
) -> ComparisonContext:
    """Return the context of a session that has nothing but what is given."""
    return ComparisonContext(
        settings=settings or Settings(),
        root=root,
        launcher=launcher or ScriptedLauncher(),
        progress=Notes(),
        invocation=more.pop("invocation", Invocation(root)),
        stop_timeout=lambda: None,
        note_base=note_base,
        note_lost=lambda _, __: None,
        cache_folder=lambda _: None,
        **more,
    )
