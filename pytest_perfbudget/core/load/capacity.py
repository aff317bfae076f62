"""The search for the capacity of a service: the highest arrival rate under which it keeps its limits.

The rate doubles from probe to probe until a limit is broken. The interval between the highest rate that was kept and
the lowest that was not is then halved, on a logarithmic scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_perfbudget.core.load.error_groups import ErrorGroup

_FACTOR: Final = 2.0
_NARROW: Final = 1.05
"""The ratio of the interval's ends at which the search ends."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One load of the search.

    Attributes:
        rate: requests per second.
        is_kept: whether the limits were kept.
        reason: the limit that was broken; empty if none was.
        errors: of the requests of a probe that was broken, the largest group first.
    """

    rate: float
    is_kept: bool
    reason: str = ""
    errors: Sequence[ErrorGroup] = ()


@dataclass
class CapacitySearch:
    """The search, which tells the rate of the next probe.

    Attributes:
        first_rate: the rate of the first probe, in requests per second.
        probes: the rates so far that are known to be kept or broken.
        elapsed_ns: the time that the search has taken.
        ended_early: the reason why the search could not go on; empty if it has come to its end.
    """

    first_rate: float
    probes: list[Probe] = field(default_factory=list)
    elapsed_ns: int = 0
    ended_early: str = ""

    @property
    def lower(self) -> float:
        """The highest rate that was kept; 0 if none was."""
        kept = [one.rate for one in self.probes if one.is_kept]
        upper = self.upper
        return max((rate for rate in kept if upper is None or rate < upper), default=0.0)

    @property
    def upper(self) -> float | None:
        """The lowest rate that was not kept; None if every rate was kept."""
        return min((one.rate for one in self.probes if not one.is_kept), default=None)

    @property
    def broken(self) -> Probe | None:
        """The last probe that broke a limit; None if none did."""
        return next((one for one in reversed(self.probes) if not one.is_kept), None)

    @property
    def estimate(self) -> float:
        """The geometric mean of the ends of the interval; the lower end if the interval is open."""
        return math.sqrt(self.lower * self.upper) if self.upper is not None else self.lower

    def next_rate(self) -> float | None:
        """Return the rate of the next probe; None if the interval is narrow enough."""
        lower, upper = self.lower, self.upper
        if not self.probes:
            return self.first_rate
        if upper is None:
            return lower * _FACTOR
        if not lower:
            return upper / _FACTOR
        return None if upper / lower <= _NARROW else math.sqrt(lower * upper)

    def note(self, probe: Probe) -> None:
        """Note the outcome of a probe."""
        self.probes.append(probe)
