"""Bytecode instructions of one execution, by function and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

MOST_COUNTED: Final = 10_000_000
"""The number of instructions at which counting stops, because it takes 90 to 280 ns for each."""

MOST_COMPARED: Final = MOST_COUNTED // 2
"""The largest number with which a later number is compared: where counting stops, the later number is its double."""


class LineRuns(NamedTuple):
    """A line of a function: its number in the file, a digest of its text, its runs, and its instructions in all runs.

    A line that one statement has for several parts, such as a loop with its iterable, runs as often as the part that
    runs most often.
    """

    line: int
    digest: str
    runs: int
    instructions: int

    def plus(self, other: LineRuns | None) -> LineRuns:
        """Return the line with the runs that it has in another code object of the same function."""
        if other is None:
            return self
        return self._replace(runs=self.runs + other.runs, instructions=self.instructions + other.instructions)


@dataclass(frozen=True, slots=True)
class FunctionInstructions:
    """The instructions of a function's own code in one execution.

    Attributes:
        function: the name of the function, `package.module:name`.
        count: the number of instructions, without those of the functions that it calls.
        lines: its lines that ran, in the order of the file.
    """

    function: str
    count: int
    lines: Sequence[LineRuns] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the function as builtins."""
        return {"function": self.function, "count": self.count, "lines": [list(one) for one in self.lines]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FunctionInstructions:
        """Rebuild a function from the result of `to_dict`."""
        return cls(data["function"], data["count"], tuple(LineRuns(*one) for one in data["lines"]))


@dataclass(frozen=True, slots=True)
class InstructionRow:
    """A function that takes much of an execution's instructions, for reports.

    Attributes:
        function: the name of the function, `package.module:name`.
        count: the number of its instructions, without those of the functions that it calls.
        share: its share of all instructions.
        line: the line with the most instructions.
        runs: the number of times that this line runs.
    """

    function: str
    count: int
    share: float
    line: int
    runs: int


_LEAST_SHARE: Final = 0.05
_MOST_ROWS: Final = 5


def costliest(functions: Sequence[FunctionInstructions], total: int) -> list[InstructionRow]:
    """Return the functions with the most instructions of their own, the costliest first.

    Args:
        functions: the functions of one execution.
        total: the number of all instructions of the execution.
    """
    rows = []
    for one in sorted(functions, key=lambda one: -one.count)[:_MOST_ROWS]:
        if one.lines and one.count >= _LEAST_SHARE * total:
            busiest = max(one.lines, key=lambda line: line.instructions)
            rows.append(InstructionRow(one.function, one.count, one.count / total, busiest.line, busiest.runs))
    return rows


@dataclass(frozen=True, slots=True)
class ExecutedFunctions:
    """The instructions by function on the other side; `unknown` is the most that an unlisted function may have had."""

    functions: Sequence[FunctionInstructions]
    unknown: int = 0


class LineGrowth(NamedTuple):
    """A line that runs more often than before; `before` is None for a line that is new, or whose runs are not known."""

    line: int
    before: int | None
    after: int


@dataclass(frozen=True, slots=True)
class InstructionGrowth:
    """A function with more bytecode instructions of its own than before.

    Attributes:
        function: the name of the function, `package.module:name`.
        before: the number before; None if the number is not known.
        after: the number now.
        of: the additional instructions of the whole execution.
        lines: the lines that run more often, those with the most additional instructions first.
    """

    function: str
    before: int | None
    after: int
    of: int
    lines: Sequence[LineGrowth] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the growth as builtins."""
        return {**asdict(self), "lines": [list(one) for one in self.lines]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> InstructionGrowth:
        """Rebuild a growth from the result of `to_dict`."""
        return cls(**{**data, "lines": tuple(LineGrowth(*one) for one in data["lines"])})


def total_of(functions: Sequence[FunctionInstructions]) -> int:
    """Return the number of instructions of all functions together."""
    return sum(one.count for one in functions)
