"""Dates of sessions, with the time of day where several of them are of one day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timezone


class Dates:
    """The dates of some moments, in UTC.

    Args:
        moments_s: the moments, in s since 1970; a moment may occur several times.
    """

    def __init__(self, moments_s: Iterable[float]) -> None:
        self._moments = sorted(map(_utc, {*moments_s}))
        self._on_day = Counter(one.date() for one in self._moments)

    def of(self, moment_s: float) -> str:
        """Return the date of a moment: `2026-11-28`, or `2026-11-28 14:05 UTC` if others are of the same day."""
        moment = _utc(moment_s)
        return f"{moment:%Y-%m-%d %H:%M} UTC" if self._on_day[moment.date()] > 1 else f"{moment:%Y-%m-%d}"

    def span(self, between: str) -> str:
        """Return the first and the last moment: `2026-11-28 to 2026-11-30`, `2026-11-28 14:05 to 15:10 UTC`.

        Moments of a single minute are `2026-11-28 14:05 UTC`.

        Args:
            between: the word between the two, with its blanks.
        """
        first, last = self._moments[0], self._moments[-1]
        if first.date() != last.date():
            return f"{first:%Y-%m-%d}{between}{last:%Y-%m-%d}"
        begin, end = (f"{one:%H:%M}" for one in (first, last))
        return f"{first:%Y-%m-%d} {begin}{'' if begin == end else between + end} UTC"


def _utc(moment_s: float) -> datetime:
    return datetime.fromtimestamp(moment_s, timezone.utc)
