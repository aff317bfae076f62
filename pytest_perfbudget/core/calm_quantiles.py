"""The quantiles of a measurement's rounds in calm weather: so few numbers that a line of the baseline holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SHARES: Final = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99, 1.0)
"""The shares of the rounds at which a baseline has a quantile: denser towards the slow end, where limits lie."""

FEWEST_ROUNDS: Final = 20
"""The fewest rounds with quantiles: with fewer, several shares would have the same round."""


@dataclass(frozen=True, slots=True)
class CalmQuantiles:
    """The quantiles of the rounds of several runs, each run corrected to calm weather.

    Attributes:
        rounds: the number of rounds behind the quantiles.
        times_ns: the time of one call in ns, at each of `SHARES`.
    """

    rounds: int
    times_ns: tuple[float, ...]
