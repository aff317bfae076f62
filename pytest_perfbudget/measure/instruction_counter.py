"""The counting of bytecode instructions: by `sys.monitoring`, and by opcode tracing before Python 3.12.

A counter notes how often each instruction of each code object runs, in the thread that starts the counter and in the
threads that start later, and stops at a given number. Code of this package is not counted.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, Protocol

_OURS: Final = str(Path(__file__).parents[1]) + os.sep
_NAME: Final = "perfbudget instructions"
_TOOLS: Final = (4, 3, 5, 2, 1, 0)
"""The tools of `sys.monitoring`, those without a purpose of their own (debugger, coverage, ...) first."""


class CounterBusyError(Exception):
    """The error for instructions that another tool, or the measured code itself, keeps from being counted."""


class InstructionCounter(Protocol):
    """A counter of the instructions between its start and its stop.

    Attributes:
        is_full: whether the counter has stopped before the end, at its largest number.
    """

    is_full: bool

    def start(self) -> None:
        """Begin to count.

        Raises:
            CounterBusyError: another tool is in the way.
        """

    def stop(self) -> None:
        """Stop counting, and give the tools that were in use before their state back.

        Raises:
            CounterBusyError: the measured code has ended the counting.
        """

    def runs(self) -> list[tuple[CodeType, list[int]]]:
        """Return the number of runs at each offset of each code object."""


class _Runs:
    """The runs of each instruction of each code object, by identity.

    Equal code objects of two functions are kept apart, and their hash, which reads all of the code, is not needed.
    """

    def __init__(self) -> None:
        self._found: dict[int, tuple[CodeType, list[int]]] = {}

    def of(self, code: CodeType) -> list[int]:
        """Return the number of runs by offset, which the caller increments."""
        found = self._found.get(id(code))
        if found is None:  # several threads may get here at a time
            found = self._found.setdefault(id(code), (code, [0] * len(code.co_code)))
        return found[1]

    def foreign(self) -> list[tuple[CodeType, list[int]]]:
        """Return all runs except those of this package."""
        return [(code, runs) for code, runs in list(self._found.values()) if not _is_ours(code)]


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(_OURS)


class MonitoringCounter:
    """A counter by events of `sys.monitoring`, beside other tools, whose own code causes no events."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._runs = _Runs()
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore] # since Python 3.12
        self._tool = -1
        self.is_full = False

    def start(self) -> None:
        """See `InstructionCounter.start`."""
        monitoring = self._monitoring
        free = next((tool for tool in _TOOLS if monitoring.get_tool(tool) is None), None)
        if free is None:
            message = "all tools of sys.monitoring are in use: run without profilers and debuggers to count them"
            raise CounterBusyError(message)
        others = sys._current_frames().keys() - {threading.get_ident()}  # noqa: SLF001 - threading knows Python's only
        count = self._callback()
        monitoring.use_tool_id(free, _NAME)
        self._tool = free
        event = monitoring.events.INSTRUCTION
        monitoring.register_callback(free, event, _except_in(others, count) if others else count)
        monitoring.set_events(free, event)

    def stop(self) -> None:
        """See `InstructionCounter.stop`."""
        if self._tool < 0:
            return
        tool, self._tool = self._tool, -1
        monitoring = self._monitoring
        if monitoring.get_tool(tool) != _NAME:
            message = "the measured code released the tool of sys.monitoring that counts them"
            raise CounterBusyError(message)
        monitoring.set_events(tool, monitoring.events.NO_EVENTS)
        monitoring.register_callback(tool, monitoring.events.INSTRUCTION, None)
        monitoring.free_tool_id(tool)

    def runs(self) -> list[tuple[CodeType, list[int]]]:
        """See `InstructionCounter.runs`."""
        return self._runs.foreign()

    def _callback(self) -> Callable[[CodeType, int], None]:
        """Return the callback, which is as short as possible: it runs for every instruction.

        Threads cannot disturb each other: the interpreter changes threads only at a call, and the runs of a code object
        are looked up before anything is written.
        """
        runs_of, most, stop = self._runs.of, self._most, self._end
        done = 0
        last: CodeType | None = None
        runs: list[int] = []

        def count(code: CodeType, offset: int) -> None:
            nonlocal done, last, runs
            if code is last:
                own = runs
            else:
                own = runs_of(code)
                last, runs = code, own
            own[offset] += 1
            done += 1
            if done > most:
                stop()

        return count

    def _end(self) -> None:
        """End the events before the end of the execution."""
        self.is_full = True
        self._monitoring.set_events(self._tool, self._monitoring.events.NO_EVENTS)


def _except_in(threads: set[int], count: Callable[[CodeType, int], None]) -> Callable[[CodeType, int], None]:
    """Return a callback for all threads but those given."""
    current = threading.get_ident

    def filtered(code: CodeType, offset: int) -> None:
        if current() not in threads:
            count(code, offset)

    return filtered


_Tracer = Callable[[FrameType, str, Any], Any]


class TraceCounter:
    """A counter by a trace function, in place of another tool's, which is put back."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._done = 0
        self.is_full = False
        self._runs = _Runs()
        self._tracer: _Tracer | None = None
        self._before: tuple[Any, Any] = (None, None)
        self._tracers: dict[int, _Tracer] = {}

    def start(self) -> None:
        """See `InstructionCounter.start`."""
        self._before = threading.gettrace(), sys.gettrace()
        self._tracer = self._enter
        threading.settrace(self._tracer)
        sys.settrace(self._tracer)

    def stop(self) -> None:
        """See `InstructionCounter.stop`."""
        tracer, self._tracer = self._tracer, None
        if tracer is None:
            return
        self.is_full = self._done > self._most
        is_disturbed = sys.gettrace() is not tracer and not self.is_full
        self._done = self._most + 1  # ends the counting in threads that go on
        of_threads, own = self._before
        sys.settrace(own)
        threading.settrace(of_threads)
        if is_disturbed:
            message = "the measured code set a trace function itself"
            raise CounterBusyError(message)

    def runs(self) -> list[tuple[CodeType, list[int]]]:
        """See `InstructionCounter.runs`."""
        return self._runs.foreign()

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> _Tracer | None:
        """Return the trace function for a frame; None if the frame is not traced."""
        code = frame.f_code
        if self._done > self._most or _is_ours(code):
            return None
        found = self._tracers.get(id(code))
        if found is None:
            found = self._tracers.setdefault(id(code), self._tracer_of(code))
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return found

    def _tracer_of(self, code: CodeType) -> _Tracer:
        """Return the trace function for the frames of a code object, which is as short as possible."""
        runs, most = self._runs.of(code), self._most

        def count(frame: FrameType, event: str, _argument: object) -> _Tracer | None:
            if event == "opcode":
                runs[frame.f_lasti] += 1
                self._done += 1
                if self._done > most:
                    sys.settrace(None)
                    return None
            return count

        return count


def instruction_counter(most: int) -> InstructionCounter:
    """Return a counter that stops after a number of instructions.

    Raises:
        CounterBusyError: this implementation of Python has no instructions that could be counted.
    """
    if sys.implementation.name != "cpython":
        message = f"{sys.implementation.name} does not tell them: only CPython does"
        raise CounterBusyError(message)
    return MonitoringCounter(most) if hasattr(sys, "monitoring") else TraceCounter(most)
