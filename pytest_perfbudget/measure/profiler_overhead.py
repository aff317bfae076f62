"""The time that cProfile adds to a profiled call, which is several times that of a short function.

A part falls into the time of the called function, and a part into that of its caller. Without a correction, code that
makes many short calls seems to be far slower than it is. On a busy machine the overhead doubles from one second to the
next, and an overhead of another moment is wrong by more than the code itself takes: so it is measured beside each
profile.
"""

from __future__ import annotations

import cProfile
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from pytest_perfbudget.core.profiled_functions import ProfilerOverhead
from pytest_perfbudget.measure.one_thread import keep_to_this_thread

_CALLS: Final = 300
_REPEATS: Final = 3


def profiler_overhead(*, is_kept_to_thread: bool = False) -> ProfilerOverhead:
    """Return the overhead of cProfile now, from the calmest of some loops over an empty function; takes 0.3 ms.

    Args:
        is_kept_to_thread: whether cProfile is kept to one thread, by `keep_to_this_thread`.
    """
    return min((_measured(is_kept_to_thread=is_kept_to_thread) for _ in range(_REPEATS)), key=sum)


def _measured(*, is_kept_to_thread: bool) -> ProfilerOverhead:
    start = time.perf_counter_ns()
    _calls(_empty)
    real_ns = (time.perf_counter_ns() - start) / _CALLS
    profile = cProfile.Profile()
    profile.enable()
    if is_kept_to_thread:
        keep_to_this_thread()
    _calls(_empty)
    profile.disable()
    entries: Sequence[Any] = profile.getstats()
    own = {entry.code: 1e9 * entry.inlinetime / _CALLS for entry in entries}
    return ProfilerOverhead(own[_empty.__code__], max(own[_calls.__code__] - real_ns, 0.0))


def _calls(function: Callable[[], None]) -> None:
    for _ in range(_CALLS):
        function()


def _empty() -> None:
    pass
