"""The limitation of cProfile to the thread that has enabled it.

From Python 3.12 on, cProfile sees the calls of all threads, and takes them for those of a single one: a function seems
to call whatever another thread calls meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import get_ident
from typing import Any, Final

SEES_ALL_THREADS: Final = sys.version_info >= (3, 12)
"""Whether cProfile sees the calls of all threads."""

_EVENTS: Final = (
    "PY_START", "PY_RESUME", "PY_THROW", "PY_RETURN", "PY_YIELD", "PY_UNWIND", "CALL", "C_RETURN", "C_RAISE",
)  # fmt: skip
"""The events of `sys.monitoring` to which cProfile listens."""


def keep_to_this_thread() -> None:
    """Let the enabled cProfile see the calls of this thread only, from Python 3.12 on.

    A profiled call takes four to eight times as long then.
    """
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore] # since Python 3.12
    here = get_ident()
    for name in _EVENTS:
        event = getattr(monitoring.events, name)
        callback = monitoring.register_callback(monitoring.PROFILER_ID, event, None)
        if callback is not None:
            monitoring.register_callback(monitoring.PROFILER_ID, event, _only_in(here, callback))


def _only_in(here: int, callback: Callable[..., object]) -> Callable[..., None]:
    """Return a callback that passes the events of one thread on."""

    def called(*event: object) -> None:
        if get_ident() == here:
            callback(*event)

    return called
