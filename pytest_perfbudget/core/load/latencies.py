"""The latencies of a load: exact up to a million requests, a log-linear histogram beyond.

The histogram is that of HdrHistogram (Tene 2012): values below 2,048 ns are counted one by one, larger values in 1,024
equal buckets for each power of two. The middle of a bucket is within 0.05 % of each value in the bucket.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import groupby
from typing import Final

from pytest_perfbudget.core.load.log_buckets import bucket_of, middle_of
from pytest_perfbudget.core.units import NS_PER

MOST_EXACT: Final = 1_000_000
"""The number of latencies up to which every latency is kept, in 8 bytes."""

NEVER_ANSWERED_NS: Final = 1 << 62
"""The latency of a request without an answer where it is compared with a limit: longer than any limit."""

_BITS: Final = 11
"""Values of so many bits are counted one by one."""

_LONGEST: Final = 24 * 3600 * NS_PER["s"]


class Histogram:
    """Counts of values by size, in 350 kB whatever the number of values."""

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * (bucket_of(_LONGEST, _BITS) + 1)))
        self.count = 0
        self.total_ns = 0
        self.least_ns = _LONGEST
        self.most_ns = 0

    def record(self, value_ns: int, times: int = 1) -> None:
        """Count a value of 0 to 24 hours, some times; values beyond are taken for the nearest of these."""
        value_ns = min(max(value_ns, 0), _LONGEST)
        self._counts[bucket_of(value_ns, _BITS)] += times
        self.count += times
        self.total_ns += times * value_ns
        self.least_ns = min(self.least_ns, value_ns)
        self.most_ns = max(self.most_ns, value_ns)

    def quantile(self, share: float) -> float:
        """Return the value that a share of the values is at most, in ns; the extremes are exact.

        Raises:
            ValueError: there are no values.
        """
        if not self.count:
            message = "a quantile of no values"
            raise ValueError(message)
        rank = max(math.ceil(self.count * share - 1e-9), 1)
        if rank in (1, self.count):
            return float(self.least_ns if rank == 1 else self.most_ns)
        seen = 0
        for middle_ns, count in self.buckets():
            seen += count
            if seen >= rank:
                return middle_ns
        raise AssertionError

    def buckets(self) -> Iterator[tuple[float, int]]:
        """Yield the middle of each bucket that has values, ascending, in ns, with the number of values."""
        return ((middle_of(bucket, _BITS), count) for bucket, count in enumerate(self._counts) if count)


class Latencies:
    """The latencies of a load, in the order in which the requests ended.

    `sequence` holds the first million: the dependence of requests on each other shows in their order only. It holds
    the time that was waited for a request that was never answered. A request that failed is kept beside: its time says
    nothing about an answer, unless the time alone is longer than a limit; see `with_failed`.
    """

    def __init__(self, values_ns: Iterable[int] = ()) -> None:
        self.sequence = array("q")
        self.unanswered = 0
        self._never_answered = array("q")  # the positions in `sequence`
        self._histogram: Histogram | None = None
        self._failed = array("q")
        self._failed_at = array("I")  # the positions in `sequence` before which the requests failed
        self._failed_beyond: Histogram | None = None
        for value in values_ns:
            self.append(value)

    def __len__(self) -> int:
        """Return the number of latencies."""
        return self._histogram.count if self._histogram is not None else len(self.sequence)

    @property
    def is_exact(self) -> bool:
        """Whether every latency is kept."""
        return self._histogram is None

    def append(self, value_ns: int) -> None:
        """Add a latency, in ns."""
        if self._histogram is None:
            if len(self.sequence) < MOST_EXACT:
                self.sequence.append(value_ns)
                return
            self._histogram = _histogram(self.sequence)
        self._histogram.record(value_ns)

    def append_unanswered(self, waited_ns: int) -> None:
        """Add a request that was never answered, with the time that was waited for the answer, in ns."""
        self.unanswered += 1
        if self._histogram is None and len(self.sequence) < MOST_EXACT:
            self._never_answered.append(len(self.sequence))
        self.append(waited_ns)

    @property
    def failures(self) -> int:
        """The number of requests that failed."""
        return len(self._failed) + (self._failed_beyond.count if self._failed_beyond is not None else 0)

    def append_failed(self, took_ns: int) -> None:
        """Add a request that failed, with the time that it took, in ns."""
        if self._histogram is None and len(self._failed) < MOST_EXACT:
            self._failed.append(took_ns)
            self._failed_at.append(len(self.sequence))
            return
        if self._failed_beyond is None:
            self._failed_beyond = Histogram()
        self._failed_beyond.record(took_ns)

    def with_failed(self, limit_ns: float) -> Latencies:
        """Return the latencies with those of the failed requests that took longer than a limit, each in its place.

        Such a request was not answered within the limit. A request that failed earlier says nothing about the answers:
        with its time, a service would look the faster, the more requests it refuses.
        """
        slow = [one for one in zip(self._failed_at, self._failed, strict=True) if one[1] > limit_ns]
        more = self._failed_beyond.buckets() if self._failed_beyond is not None else ()
        beyond = [(round(value), count) for value, count in more if value > limit_ns]
        if not (slow or beyond):
            return self
        found = Latencies()
        begin = 0
        for at, took_ns in slow:
            found.sequence.extend(self.sequence[begin:at])
            found.sequence.append(took_ns)
            begin = at
        found.sequence.extend(self.sequence[begin:])
        places = [at for at, _ in slow]
        found.unanswered = self.unanswered
        found._never_answered = array("q", (at + bisect_right(places, at) for at in self._never_answered))
        if beyond or self._histogram is not None:
            found._histogram = deepcopy(self._histogram) or _histogram(self.sequence)
            for value, count in [*((took_ns, 1) for _, took_ns in slow), *beyond]:
                found._histogram.record(value, count)
        return found

    def extend(self, other: Latencies) -> None:
        """Add the latencies of another load whose latencies are all kept."""
        self._failed_at.extend(array("I", (len(self.sequence) + at for at in other._failed_at)))
        self._failed.extend(other._failed)
        never = set(other._never_answered)
        for at, value_ns in enumerate(other.sequence):
            (self.append_unanswered if at in never else self.append)(value_ns)

    @property
    def judged(self) -> array[int]:
        """The first million as they are compared with limits: a request without an answer is slower than any limit."""
        if not self._never_answered:
            return self.sequence
        found = self.sequence[:]
        for at in self._never_answered:
            found[at] = NEVER_ANSWERED_NS
        return found

    def ranked(self, rank: int) -> float:
        """Return the latency of a rank, from 1 on, in ns; requests without an answer have the last ranks."""
        count = len(self)
        return float(NEVER_ANSWERED_NS) if rank > count - self.unanswered else self.quantiles([rank / count])[0]

    def copy(self) -> Latencies:
        """Return the latencies so far, apart from those that are added later."""
        found = Latencies()
        found.sequence = self.sequence[:]
        found.unanswered, found._never_answered = self.unanswered, self._never_answered[:]
        found._histogram = deepcopy(self._histogram)
        found._failed, found._failed_at = self._failed[:], self._failed_at[:]
        found._failed_beyond = deepcopy(self._failed_beyond)
        return found

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Return the quantiles at the given shares, in ns, as `core.samples.quantile` defines them.

        Raises:
            ValueError: there are no latencies.
        """
        if not len(self):
            message = "quantiles of no latencies"
            raise ValueError(message)
        if self._histogram is not None:
            return [self._histogram.quantile(share) for share in shares]
        ordered = sorted(self.sequence)
        return [float(ordered[max(math.ceil(len(ordered) * share - 1e-9), 1) - 1]) for share in shares]

    def ascending(self) -> list[tuple[float, int]]:
        """Return the different values, ascending, in ns, each with the number of latencies of that value."""
        if self._histogram is not None:
            return list(self._histogram.buckets())
        return [(float(value), len(list(same))) for value, same in groupby(sorted(self.sequence))]

    @property
    def mean_ns(self) -> float:
        """The mean, which is exact."""
        if self._histogram is not None:
            return self._histogram.total_ns / self._histogram.count
        return sum(self.sequence) / len(self.sequence)

    @property
    def deviation_ns(self) -> float:
        """The standard deviation."""
        mean = self.mean_ns
        return math.sqrt(sum(count * (value - mean) ** 2 for value, count in self.ascending()) / len(self))


def _histogram(values_ns: Iterable[int]) -> Histogram:
    found = Histogram()
    for value_ns in values_ns:
        found.record(value_ns)
    return found
