"""The times of a measurement's rounds, packed so that a report can keep them."""

from __future__ import annotations

import base64
import binascii
import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

MOST_KEPT: Final = 500
"""The most rounds that are kept: a thousand measurements take less than 5 MB in a report."""

STEPS: Final = 8192
"""The fewest units in a round: a time is kept to within 1/16384 of itself, far below the difference between rounds.
Shorter rounds are kept to the nanosecond. The last bits of longer rounds are noise, which does not compress."""

LEAST_WAIT: Final = 0.01
"""The share of a round from which its waiting is kept: less changes no picture, and zeros take no room."""

_MOSTLY: Final = 0.9
"""The share of a round above which its waiting leaves no time to speak of: the clock of the waits is coarse."""

_WIDTH: Final = 8
_DIFFERENCES: Final = "+"
"""The first character of a text that holds the first number and then the differences, which are smaller."""


@dataclass(frozen=True, slots=True)
class RoundTimes:
    """The times of rounds in the order in which the rounds ran, in whole units of a round.

    The text is the base64 of a zlib stream: eight bytes for each round, little-endian, with the first bytes of all
    rounds before the second bytes. Times of one measurement have most high bytes in common, so they compress well.
    Of times in ascending order, the stream has the first time and then the differences, and the text begins with `+`.

    Attributes:
        packed: the text.
        iterations: the number of calls in a round.
        every: the distance from a kept round to the next; 1 if all rounds are kept.
        unit_ns: the unit of the packed numbers, in ns: 1, 2 or 5 times a power of ten, so that a time such as 2 ms is
            kept exactly; 1 in older reports.
        waited: the part of each kept round in which other processes held the CPU, packed like the times; empty if no
            round waited, or that is not known.
    """

    packed: str
    iterations: int = 1
    every: int = 1
    unit_ns: int = 1
    waited: str = ""

    @classmethod
    def of(cls, times_ns: Sequence[float], iterations: int = 1, waited_ns: Sequence[float] = ()) -> RoundTimes | None:
        """Return the times of rounds, evenly thinned out to `MOST_KEPT`; None if there are no rounds.

        Args:
            times_ns: the time of one call, by round.
            iterations: the number of calls in a round.
            waited_ns: the part of each time in which other processes held the CPU; empty if that is not known.
        """
        if not times_ns:
            return None
        every = -(-len(times_ns) // MOST_KEPT)
        rounds_ns = [max(one * iterations, 0.0) for one in times_ns[::every]]
        unit_ns = _unit(int(min(rounds_ns)) // STEPS)
        is_known = len(waited_ns) == len(times_ns)
        waits_ns = [one * iterations for one in waited_ns[::every]] if is_known else [0.0] * len(rounds_ns)
        waits = [
            round(min(wait, whole) / unit_ns) if wait >= LEAST_WAIT * whole else 0
            for wait, whole in zip(waits_ns, rounds_ns, strict=True)
        ]
        waited = packed(waits) if any(waits) else ""
        return cls(packed(round(one / unit_ns) for one in rounds_ns), iterations, every, unit_ns, waited)

    def times_ns(self) -> list[float]:
        """Return the time of one call in ns, by kept round.

        Raises:
            ValueError: the text is damaged.
        """
        return [one / self.iterations for one in self.rounds_ns()]

    def waits_ns(self) -> list[float]:
        """Return the part of each kept time in which other processes held the CPU; zeros if that is not known.

        Raises:
            ValueError: the text is damaged, or there are not as many parts as times.
        """
        number = len(unpacked(self.packed))
        if not self.waited:
            return [0.0] * number
        waits = unpacked(self.waited)
        if len(waits) != number:
            message = f"{len(waits)} rounds have waits, and {number} have times"
            raise ValueError(message)
        return [one * self.unit_ns / self.iterations for one in waits]

    def own_times_ns(self) -> list[float]:
        """Return the times without waits, and without the rounds that did little else than wait.

        Raises:
            ValueError: the text is damaged.
        """
        times = zip(self.times_ns(), self.waits_ns(), strict=True)
        return [whole - wait for whole, wait in times if wait <= _MOSTLY * whole]

    def rounds_ns(self) -> list[int]:
        """Return the time of each kept round in ns, of all its calls together.

        Raises:
            ValueError: the text is damaged.
        """
        return [one * self.unit_ns for one in unpacked(self.packed)]

    def to_dict(self) -> dict[str, Any]:
        """Return the times as builtins, without waits if there are none."""
        return {name: value for name, value in asdict(self).items() if name != "waited" or value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RoundTimes:
        """Rebuild times from the result of `to_dict`."""
        return cls(**data)


def _unit(most: int) -> int:
    """Return the largest unit up to a whole number, at least 1."""
    power = 10 ** (len(str(most)) - 1)
    return max((power * one for one in (1, 2, 5) if power * one <= most), default=1)


def rounded(number: int) -> int:
    """Return a whole number from 0, to within 1/16384 of itself."""
    bits = max((number // STEPS).bit_length() - 1, 0)
    return (number + (1 << bits >> 1)) >> bits << bits


def packed(numbers: Iterable[int]) -> str:
    """Return whole numbers from 0 as text; see `RoundTimes` for the encoding."""
    values = array("Q", numbers)
    differences = [later - earlier for earlier, later in pairwise(values)]
    is_ascending = len(differences) > 0 and min(differences) >= 0
    if is_ascending:
        values = array("Q", [values[0], *differences])
    if sys.byteorder == "big":
        values.byteswap()
    rows = values.tobytes()
    text = base64.b64encode(_compressed([rows[place::_WIDTH] for place in range(_WIDTH)])).decode("ascii")
    return _DIFFERENCES + text if is_ascending else text


def _compressed(planes: Iterable[bytes]) -> bytes:
    """Return a zlib stream with a table of codes for each plane: the low bytes would spoil that of the high bytes."""
    stream = zlib.compressobj(9, strategy=zlib.Z_FILTERED)
    parts = []
    for plane in planes:
        parts.append(stream.compress(plane))
        if any(plane):
            parts.append(stream.flush(zlib.Z_BLOCK))
    return b"".join([*parts, stream.flush()])


def unpacked(text: str) -> list[int]:
    """Return the numbers in the result of `packed`.

    Raises:
        ValueError: the text is damaged.
    """
    try:
        planes = zlib.decompress(base64.b64decode(text.removeprefix(_DIFFERENCES), validate=True))
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
    numbers = values.tolist()
    return list(accumulate(numbers)) if text.startswith(_DIFFERENCES) else numbers
