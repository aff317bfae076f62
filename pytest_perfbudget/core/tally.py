"""Mergeable counts of durations: a log-linear histogram with the sums beside it, as an immutable value.

Durations below 64 ns are counted one by one, longer ones in 32 equal buckets for each power of two, as in HdrHistogram
(Tene 2012). The middle of a bucket is within 1.6 % of each duration in the bucket. Durations from 73 minutes on share
the last bucket.
"""

from __future__ import annotations

import math
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

BITS: Final = 6
"""Durations of so many bits are counted one by one."""
HALF: Final = 1 << (BITS - 1)
"""The number of buckets for each power of two."""
LONGEST_NS: Final = (1 << 42) - 1
BUCKETS: Final = (42 - BITS) * HALF + 2 * HALF

_LANE_BYTES: Final = 8
_COUNTS_BYTES: Final = _LANE_BYTES * BUCKETS


def bucket_of(duration_ns: int) -> int:
    """Return the bucket of a duration from 0 to `LONGEST_NS`."""
    shift = duration_ns.bit_length() - BITS
    return (shift << (BITS - 1)) + (duration_ns >> shift) if shift > 0 else duration_ns


def middle_ns(bucket: int) -> float:
    """Return the middle of a bucket, in ns."""
    shift = max((bucket >> (BITS - 1)) - 1, 0)
    low = (bucket - (shift << (BITS - 1))) << shift
    return low + ((1 << shift) - 1) / 2


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of durations and errors; the sum of two tallies is the tally of both together.

    Attributes:
        count: the number of durations.
        errors: the number of these that ended with an error.
        total_ns: the sum of the durations, in ns.
        most_ns: the longest duration, in ns.
        packed: the counts of all buckets in one integer, 64 bits for each bucket, the first bucket lowest. The sum of
            two such integers is the sum of all buckets at once, a thousand times as fast as a loop.
        packed_errors: the same for the durations that ended with an error.
    """

    count: int = 0
    errors: int = 0
    total_ns: int = 0
    most_ns: int = 0
    packed: int = field(default=0, repr=False)
    packed_errors: int = field(default=0, repr=False)

    @classmethod
    def of(cls, durations_ns: Iterable[int], errors: int = 0) -> Tally:
        """Return the tally of durations."""
        found = list(durations_ns)
        counts = empty_counts()
        for one in found:
            counts[bucket_of(min(one, LONGEST_NS))] += 1
        return cls(len(found), errors, sum(found), max(found, default=0), packed(counts))

    def __add__(self, other: Tally) -> Tally:
        """Return the tally of both together."""
        return Tally(
            self.count + other.count,
            self.errors + other.errors,
            self.total_ns + other.total_ns,
            max(self.most_ns, other.most_ns),
            self.packed + other.packed,
            self.packed_errors + other.packed_errors,
        )

    def histogram(self) -> bytes:
        """Return the counts of all buckets, compressed; a window of a minute takes about a hundred bytes."""
        both = (one.to_bytes(_COUNTS_BYTES, "little") for one in (self.packed, self.packed_errors))
        return zlib.compress(b"".join(both), 1)

    @classmethod
    def of_histogram(cls, count: int, errors: int, total_ns: int, most_ns: int, histogram: bytes) -> Tally:
        """Rebuild a tally from its sums and the result of `histogram`.

        Raises:
            ValueError: the histogram is damaged.
        """
        try:
            both = zlib.decompress(histogram)
        except (zlib.error, TypeError) as error:
            message = f"damaged histogram: {error}"
            raise ValueError(message) from None
        if len(both) != 2 * _COUNTS_BYTES:
            message = f"damaged histogram: {len(both)} bytes"
            raise ValueError(message)
        packed_counts, packed_errors = (
            int.from_bytes(one, "little") for one in (both[:_COUNTS_BYTES], both[_COUNTS_BYTES:])
        )
        return cls(count, errors, total_ns, most_ns, packed_counts, packed_errors)

    @property
    def mean_ns(self) -> float:
        """The mean of the durations; 0 without durations."""
        return self.total_ns / self.count if self.count else 0.0

    @property
    def error_rate(self) -> float:
        """The share of errors; 0 without durations."""
        return self.errors / self.count if self.count else 0.0

    def without_fast_errors(self, limit_ns: float) -> Tally:
        """Return the tally without the errors within a limit, whose time says nothing about an answer."""
        fast = {one: number for one, number in sparse(self.packed_errors).items() if middle_ns(one) <= limit_ns}
        if not fast:
            return self
        number, packed_fast = sum(fast.values()), packed_sparse(fast)
        left = self.packed - packed_fast
        longest = max((left.bit_length() - 1) // (8 * _LANE_BYTES), 0)
        total_ns = self.total_ns - round(math.fsum(count * middle_ns(one) for one, count in fast.items()))
        return Tally(
            self.count - number,
            self.errors - number,
            max(total_ns, 0),
            self.most_ns if longest == bucket_of(min(self.most_ns, LONGEST_NS)) else round(middle_ns(longest)),
            left,
            self.packed_errors - packed_fast,
        )

    def cumulated(self) -> Cumulated:
        """Return the counts in a form that answers questions about quantiles."""
        return Cumulated(self, list(accumulate(unpacked(self.packed))))

    def failed(self) -> Cumulated:
        """Return the counts of the durations that ended with an error, in the form of `cumulated`."""
        return Tally(self.errors, self.errors, 0, self.most_ns, self.packed_errors).cumulated()


@dataclass(frozen=True, slots=True)
class Cumulated:
    """A tally with the number of durations up to each bucket."""

    tally: Tally
    up_to: list[int]

    def quantile_ns(self, share: float) -> float:
        """Return the duration that a share of the durations is at most, in ns; 0 without durations."""
        if not self.tally.count:
            return 0.0
        rank = max(math.ceil(self.tally.count * share - 1e-9), 1)
        if rank == self.tally.count:
            return float(self.tally.most_ns)
        return min(middle_ns(bisect_left(self.up_to, rank)), float(self.tally.most_ns))

    def at_most(self, limit_ns: float) -> int:
        """Return the number of durations up to a limit, as exact as the buckets are."""
        if self.tally.most_ns <= limit_ns:
            return self.tally.count
        # A quantile is shown as the middle of its bucket, so the bucket is above a limit if its middle is.
        bucket = bucket_of(min(int(limit_ns), LONGEST_NS))
        last = bucket if middle_ns(bucket) <= limit_ns else bucket - 1
        return self.up_to[last] if last >= 0 else 0


def empty_counts() -> array[int]:
    """Return counts of zero for all buckets."""
    return array("Q", bytes(_COUNTS_BYTES))


def packed(counts: array[int]) -> int:
    """Return the counts of all buckets in one integer."""
    return int.from_bytes(_little(counts).tobytes(), "little")


def packed_sparse(buckets: Mapping[int, int]) -> int:
    """Return the counts of the buckets that have any in one integer."""
    return sum(number << (8 * _LANE_BYTES * bucket) for bucket, number in buckets.items())


def sparse(packed_counts: int) -> dict[int, int]:
    """Return the counts of the buckets that have any."""
    return {bucket: count for bucket, count in enumerate(unpacked(packed_counts)) if count} if packed_counts else {}


def unpacked(packed_counts: int) -> array[int]:
    """Return the counts of all buckets."""
    counts = array("Q")
    counts.frombytes(packed_counts.to_bytes(_COUNTS_BYTES, "little"))
    return _little(counts)


def _little(counts: array[int]) -> array[int]:
    """Return the counts in the order of bytes that `packed` needs, or back from it."""
    if sys.byteorder == "big":
        counts = array("Q", counts)
        counts.byteswap()
    return counts
