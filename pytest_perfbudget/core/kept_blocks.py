"""The blocks of a measurement with the canaries around them, packed so that a report can keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.round_times import packed, rounded, unpacked
from pytest_perfbudget.core.weather import BlockTime

MOST_KEPT: Final = 40
"""The most blocks that are kept: further blocks gain little."""

_PER_NS: Final = 1_000
_PER_WAITED: Final = 10_000


@dataclass(frozen=True, slots=True)
class KeptBlocks:
    """Blocks of rounds with their weather.

    The numbers are packed and rounded like `RoundTimes`, without a unit: first the times of a call in ps of all blocks,
    then the ten thousandths of their time in which they waited, then the readings in ns of each canary before all
    blocks, then those after.

    Attributes:
        packed: the text.
        canaries: the number of canaries.
        one_cpu: whether the blocks were timed on one CPU, because the threads of the code take turns.
    """

    packed: str
    canaries: int
    one_cpu: bool = False

    @classmethod
    def of(cls, blocks: Sequence[BlockTime], *, one_cpu: bool = False) -> KeptBlocks | None:
        """Return blocks, evenly thinned out to `MOST_KEPT`; None if there are none, or none with canaries."""
        if not blocks or not blocks[0].before:
            return None
        kept = blocks[:: -(-len(blocks) // MOST_KEPT)]
        columns: list[Sequence[float]] = [
            [one.time_ns * _PER_NS for one in kept],
            [one.waited * _PER_WAITED for one in kept],
            *zip(*(one.before for one in kept), strict=True),
            *zip(*(one.after for one in kept), strict=True),
        ]
        numbers = packed(rounded(max(round(one), 0)) for column in columns for one in column)
        return cls(numbers, len(kept[0].before), one_cpu)

    def blocks(self) -> list[BlockTime]:
        """Return the kept blocks.

        Raises:
            ValueError: the text is damaged.
        """
        numbers = unpacked(self.packed)
        width = 2 + 2 * self.canaries
        number, rest = divmod(len(numbers), width)
        if rest or not number or self.canaries < 1:
            message = f"{len(numbers)} numbers are no blocks with {self.canaries} canaries"
            raise ValueError(message)
        columns = [numbers[at : at + number] for at in range(0, len(numbers), number)]
        return [
            BlockTime(
                max(row[0], 1) / _PER_NS,
                tuple(float(max(one, 1)) for one in row[2 : 2 + self.canaries]),
                tuple(float(max(one, 1)) for one in row[2 + self.canaries :]),
                waited=row[1] / _PER_WAITED,
            )
            for row in zip(*columns, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the blocks as builtins."""
        return {"packed": self.packed, "canaries": self.canaries, "one_cpu": self.one_cpu}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> KeptBlocks:
        """Rebuild blocks from the result of `to_dict`."""
        return cls(**data)


def wanted(blocks: Sequence[BlockTime]) -> int:
    """Return how many blocks a measurement still needs, so that a later session can be compared with it."""
    return max(MOST_KEPT - len(blocks), 0)
