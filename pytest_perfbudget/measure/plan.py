"""The plan for a measurement: how long to measure, and for which decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from pytest_perfbudget.core.gate import BudgetGate
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.measure.clock import SYSTEM, Clock
from pytest_perfbudget.measure.turns import Turns

Silence = Callable[[], AbstractContextManager[None]]
"""A function that returns a context in which the output of the measured code is dropped."""

Progress = Callable[[int, int, int], None]
"""A function that is called after each block with the rounds so far, the ns spent and the ns allowed."""

MoreBlocks = Callable[[Sequence[BlockTime]], int]
"""A function that returns, for the blocks so far, how many more blocks are wanted."""


def nothing() -> None:
    """Do nothing, for a plan without spans."""


@dataclass(frozen=True)
class Plan:
    """The plan for a measurement: how long to measure, and for which decisions.

    With `more_blocks` the measurement is for a comparison: canaries are read around each block, and the measurement
    goes on for as many blocks as are wanted, within the time allowed. With `turns` the turns decide when a block is
    timed, and nothing else decides the number of blocks. `with_cpus` requests the number of CPUs that the measurement
    uses. With `one_cpu`, the blocks are timed on one CPU, after the rounds for the budgets; if it is None, they are if
    the threads take turns. `silence` returns a context for all executions but the first, in which the code's output is
    dropped. `fewest_rounds` is the number of rounds that spans or a suggestion need, within the time allowed. `keep` is
    called after each block whose rounds count. `most_rounds` is the most rounds for budgets and spans; blocks for a
    comparison come in addition. `is_brief` shortens a measurement without a timed budget, whose code other processes
    measure.
    """

    gate: BudgetGate
    max_time_ns: int
    clock: Clock = SYSTEM
    progress: Progress | None = None
    more_blocks: MoreBlocks | None = None
    turns: Turns | None = None
    name: str = ""
    with_cpus: bool = False
    one_cpu: bool | None = False
    silence: Silence = nullcontext
    fewest_rounds: int = 0
    most_rounds: int | None = None
    keep: Callable[[], None] = nothing
    is_brief: bool = False
