"""A load over time: requests, errors, latencies and users in each of at most 60 windows of the same length.

The windows begin short. Whenever there are more than 60, neighbours are joined, so memory does not grow with the load.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import Any, Final

from pytest_perfbudget.core.load.log_buckets import bucket_of, middle_of
from pytest_perfbudget.core.units import NS_PER

MOST_WINDOWS: Final = 60
_SHORTEST_NS: Final = NS_PER["s"] // 20
_BITS: Final = 7
"""Latencies of a window are counted in buckets whose middle is within 0.8 % of each value."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The requests that ended in one window of a load.

    Attributes:
        offset_ns: the beginning of the window, from the beginning of the load, after its warm-up.
        length_ns: the length of the window, which is the same for all windows but the last.
        requests: the number of requests that ended: that were answered, raised or were given up.
        errors: the number of these requests that are errors.
        rps: the successful requests per second.
        median_ns: the median latency, to within 0.8 %; None if no request was answered.
        p95_ns: the 95th percentile of the latencies, to within 0.8 %; None if no request was answered.
        users: the most users at a time: of a closed load, users that have not ended; of an open load, users that wait
            for an answer. None if the number is not known.
    """

    offset_ns: int
    length_ns: int
    requests: int
    errors: int
    rps: float
    median_ns: float | None
    p95_ns: float | None
    users: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the window as builtins."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TimeWindow:
        """Rebuild a window from the result of `to_dict`."""
        return cls(**data)


@dataclass(slots=True)
class _Counts:
    """What has ended in a window so far; `buckets` has the number of latencies in each bucket, up to the last."""

    requests: int = 0
    errors: int = 0
    users: int | None = None
    buckets: array[int] = field(default_factory=lambda: array("I"))

    def described(self, offset_ns: int, length_ns: int, users: int | None) -> TimeWindow:
        """Return the window with its rate and its quantiles."""
        answered = self.requests - self.errors
        return TimeWindow(
            offset_ns,
            length_ns,
            self.requests,
            self.errors,
            answered * NS_PER["s"] / length_ns if length_ns else 0.0,
            self._quantile(0.5),
            self._quantile(0.95),
            users,
        )

    def _quantile(self, share: float) -> float | None:
        rank, seen = max(math.ceil(sum(self.buckets) * share - 1e-9), 1), 0
        for bucket, count in enumerate(self.buckets):
            seen += count
            if seen >= rank:
                return middle_of(bucket, _BITS)
        return None


class OverTime:
    """The windows of a running load. Times are in ns from the beginning of the load."""

    def __init__(self) -> None:
        self._length_ns = _SHORTEST_NS
        self._windows: list[_Counts] = []
        self._current = _Counts()
        self._from_ns = self._to_ns = 0  # of the current window

    def add(self, at_ns: int, latency_ns: int | None, *, is_error: bool = False) -> None:
        """Add a request that has ended.

        Args:
            at_ns: the time of the end.
            latency_ns: the latency; None for a request that raised.
            is_error: whether the request is an error.
        """
        if not self._from_ns <= at_ns < self._to_ns:
            self._turn_to(at_ns)
        current = self._current
        current.requests += 1
        if is_error:
            current.errors += 1
        if latency_ns is not None:
            bucket = bucket_of(latency_ns, _BITS)
            try:
                current.buckets[bucket] += 1
            except IndexError:
                current.buckets.extend([0] * (bucket + 1 - len(current.buckets)))
                current.buckets[bucket] = 1

    def note_users(self, at_ns: int, users: int) -> None:
        """Note how many users there were."""
        if at_ns >= 0:
            self._turn_to(at_ns)
            self._current.users = max(self._current.users or 0, users)

    def windows(self, elapsed_ns: int) -> list[TimeWindow]:
        """Return the windows so far, also those in which no request ended.

        Args:
            elapsed_ns: the length of the load.
        """
        length_ns, windows = self._length_ns, self._windows
        while elapsed_ns > MOST_WINDOWS * length_ns:
            length_ns, windows = 2 * length_ns, _in_pairs(windows)
        missing = math.ceil(elapsed_ns / length_ns) - len(windows)
        windows = [*windows, *(_Counts() for _ in range(missing))]
        last_ns = elapsed_ns - (len(windows) - 1) * length_ns
        if len(windows) > 1 and last_ns < length_ns / 2:  # too short a window for a rate
            windows[-2:] = _in_pairs(windows[-2:])
            last_ns += length_ns
        # The users of a window without a look are those of the look before, or of the first look.
        users = next((one.users for one in windows if one.users is not None), None)
        found = []
        for number, counts in enumerate(windows):
            users = counts.users if counts.users is not None else users
            own_ns = length_ns if number < len(windows) - 1 else last_ns
            found.append(counts.described(number * length_ns, own_ns, users))
        return found

    def _turn_to(self, at_ns: int) -> None:
        """Make the window of a time the current window."""
        at_ns = max(at_ns, 0)
        while at_ns >= MOST_WINDOWS * self._length_ns:
            self._length_ns, self._windows = 2 * self._length_ns, _in_pairs(self._windows)
        number = at_ns // self._length_ns
        self._windows += [_Counts() for _ in range(number + 1 - len(self._windows))]
        self._current = self._windows[number]
        self._from_ns = number * self._length_ns
        self._to_ns = self._from_ns + self._length_ns


def _in_pairs(windows: Sequence[_Counts]) -> list[_Counts]:
    """Return windows of twice the length."""
    return [_joined(windows[at : at + 2]) for at in range(0, len(windows), 2)]


def _joined(windows: Sequence[_Counts]) -> _Counts:
    return _Counts(
        sum(one.requests for one in windows),
        sum(one.errors for one in windows),
        max((one.users for one in windows if one.users is not None), default=None),
        array("I", map(sum, zip_longest(*(one.buckets for one in windows), fillvalue=0))),
    )
