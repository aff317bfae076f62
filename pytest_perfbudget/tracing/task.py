"""The tasks of event loops, as far as their steps are known."""

from __future__ import annotations

import itertools
from typing import Final

_numbers = itertools.count(1)


class Task:
    """A task of an event loop, whose steps `steps.driven` runs.

    Attributes:
        away_ns: the CPU time that the thread has used between the steps, such as for other tasks.
        number: the number of the task, from 1 on; that of `UNKNOWN_TASK` is 1.
    """

    __slots__ = ("away_ns", "number")

    def __init__(self) -> None:
        self.away_ns = 0
        self.number = next(_numbers)


UNKNOWN_TASK: Final = Task()
"""The task of code that an event loop may suspend without notice: its CPU time is not known."""

running_tasks: dict[int, Task] = {}
"""The task whose step each thread runs, by the id of the thread."""
