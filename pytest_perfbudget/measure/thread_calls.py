"""The profile of the threads that begin within a profiled call.

A profile function in Python is slower than cProfile, but it sees one thread, and it ends in a thread that outlives the
call.
"""

from __future__ import annotations

import sys
import threading
import time
from types import CodeType, FrameType, ModuleType
from typing import Any

Called = CodeType | str
"""A function as cProfile has it: its code, or a text for a built-in function."""


Calls = dict[tuple[Called | None, Called], tuple[int, float, float]]
"""By caller and callee, the number of calls that have ended, and their time in ns without and with the functions below.

At the top of a thread the caller is None.
"""


class ThreadCalls:
    """The calls of functions by each other in the threads that begin between `start` and `stop`."""

    def __init__(self) -> None:
        self.is_over = False
        self._is_on = False
        self._threads: list[Calls] = []

    @property
    def have_begun(self) -> bool:
        """Whether threads have begun."""
        return bool(self._threads)

    def start(self) -> None:
        """Begin to watch, unless another tool watches the threads."""
        self._is_on = threading.getprofile() is None
        if self._is_on:
            self.is_over = False
            threading.setprofile(self._begin)

    def stop(self) -> None:
        """Stop watching; before Python 3.12, a thread that goes on notices that itself."""
        if self._is_on:
            self.is_over = True
            # From 3.12 on, the profile function of a thread that waits would slow all other threads down.
            stop = getattr(threading, "setprofile_all_threads", None) if self._threads else None
            (stop or threading.setprofile)(None)

    @property
    def calls(self) -> Calls:
        """The calls of all these threads so far."""
        found: Calls = {}
        for thread in self._threads:
            for key, (calls, own_ns, total_ns) in list(thread.items()):  # the thread may go on
                known = found.get(key, (0, 0.0, 0.0))
                found[key] = (known[0] + calls, known[1] + own_ns, known[2] + total_ns)
        return found

    def _begin(self, frame: FrameType, event: str, argument: object) -> None:
        calls: Calls = {}  # of one thread: additions of two threads to one number could lose one
        self._threads.append(calls)
        follow = _OpenCalls(self, calls).follow
        sys.setprofile(follow)
        follow(frame, event, argument)


class _OpenCalls:
    """The open calls of one thread, each with its start and with the time of the calls below that have ended."""

    def __init__(self, threads: ThreadCalls, calls: Calls) -> None:
        self._threads = threads
        self._calls = calls
        self._open: list[tuple[Called, int]] = []
        self._below_ns = [0.0]

    def follow(self, frame: FrameType, event: str, argument: object) -> None:
        """Note an event; see `sys.setprofile`."""
        if self._threads.is_over:
            sys.setprofile(None)
            return
        now = time.perf_counter_ns()
        if event in ("call", "c_call"):
            self._open.append((frame.f_code if event == "call" else _text(argument), now))
            self._below_ns.append(0.0)
        elif self._open:
            callee, start = self._open.pop()
            below_ns, total_ns = self._below_ns.pop(), float(now - start)
            self._below_ns[-1] += total_ns
            key = (self._open[-1][0] if self._open else None, callee)
            calls, own_ns, known_ns = self._calls.get(key, (0, 0.0, 0.0))
            self._calls[key] = (calls + 1, own_ns + max(total_ns - below_ns, 0.0), known_ns + total_ns)


def _text(function: Any) -> str:  # noqa: ANN401 - a built-in function or method
    """Return the text by which cProfile names a built-in function."""
    owner = getattr(function, "__self__", None)
    if owner is None or isinstance(owner, ModuleType):
        return f"<built-in method {function.__module__}.{function.__name__}>"
    kind = type(owner)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"<method '{function.__name__}' of '{module}{kind.__qualname__}' objects>"
