"""The times of a measurement's rounds, packed so that a report can keep them."""

from __future__ import annotations

import base64
import binascii
import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_KEPT: Final = 500
"""The most rounds that are kept: a thousand measurements take less than 5 MB in a report."""

_WIDTH: Final = 8


@dataclass(frozen=True, slots=True)
class RoundTimes:
    """The times of rounds in the order in which the rounds ran, in whole ns of a round.

    The text is the base64 of a zlib stream: eight bytes for each round, little-endian, with the first bytes of all
    rounds before the second bytes. Times of one measurement have most high bytes in common, so they compress well.

    Attributes:
        packed: the text.
        iterations: the number of calls in a round.
        every: the distance from a kept round to the next; 1 if all rounds are kept.
    """

    packed: str
    iterations: int = 1
    every: int = 1

    @classmethod
    def of(cls, times_ns: Sequence[float], iterations: int = 1) -> RoundTimes | None:
        """Return the times of rounds, evenly thinned out to `MOST_KEPT`; None if there are no rounds.

        Args:
            times_ns: the time of one call, by round.
            iterations: the number of calls in a round.
        """
        if not times_ns:
            return None
        every = -(-len(times_ns) // MOST_KEPT)
        return cls(packed(max(round(one * iterations), 0) for one in times_ns[::every]), iterations, every)

    def times_ns(self) -> list[float]:
        """Return the time of one call in ns, by kept round.

        Raises:
            ValueError: the text is damaged.
        """
        return [one / self.iterations for one in self.rounds_ns()]

    def rounds_ns(self) -> list[int]:
        """Return the time of each kept round in ns, of all its calls together.

        Raises:
            ValueError: the text is damaged.
        """
        return unpacked(self.packed)

    def to_dict(self) -> dict[str, Any]:
        """Return the times as builtins."""
        return {"packed": self.packed, "iterations": self.iterations, "every": self.every}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RoundTimes:
        """Rebuild times from the result of `to_dict`."""
        return cls(**data)


def packed(numbers: Iterable[int]) -> str:
    """Return whole numbers from 0 as text; see `RoundTimes` for the encoding."""
    values = array("Q", numbers)
    if sys.byteorder == "big":
        values.byteswap()
    rows = values.tobytes()
    planes = b"".join(rows[place::_WIDTH] for place in range(_WIDTH))
    return base64.b64encode(zlib.compress(planes)).decode("ascii")


def unpacked(text: str) -> list[int]:
    """Return the numbers in the result of `packed`.

    Raises:
        ValueError: the text is damaged.
    """
    try:
        planes = zlib.decompress(base64.b64decode(text, validate=True))
        number = len(planes) // _WIDTH
        rows = bytearray(len(planes))
        for place in range(_WIDTH):
            rows[place::_WIDTH] = planes[place * number : (place + 1) * number]
        values = array("Q", bytes(rows))
    except (binascii.Error, zlib.error, ValueError) as error:
        message = f"the rounds cannot be unpacked: {error}"
        raise ValueError(message) from None
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()
