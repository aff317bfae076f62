"""The formatting of numbers for people: the same rounding and units in every report."""

from __future__ import annotations

import math
from typing import Final

from pytest_perfbudget.core.units import BYTES_PER_MB, NS_PER


def three_digits(value: float) -> str:
    """Return a number with three significant digits, without an exponent."""
    if value >= 1000:
        return f"{value:,.0f}"
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits and value == int(value) else f"{value:.{digits}f}"


_FEW_BYTES: Final = 10
_ROUNDS_UP: Final = 0.9995
"""The share of a unit from which three digits round up to the whole unit: 999.6 us are 1 ms, not 1,000 us."""


def quantity(value: float, unit: str) -> str:
    """Return a value in base units: `1.84 ms`, `64.2 MB`, `201`, `0.48x`, `85.2 rps`."""
    if unit == "ns":
        for name in ("s", "ms", "us"):
            if value >= _ROUNDS_UP * NS_PER[name]:
                return f"{three_digits(value / NS_PER[name])} {name}"
        return f"{three_digits(value)} ns"
    if unit == "bytes":
        if value >= BYTES_PER_MB / 10:
            return f"{three_digits(value / BYTES_PER_MB)} MB"
        return f"{three_digits(value / 1000)} kB" if value >= _FEW_BYTES or not value else f"{value:.0f} B"
    if unit in ("calls", "spans"):
        return f"{value:,.0f}"
    return f"{three_digits(value)} {unit}" if unit else f"{three_digits(value)}x"


_FAR_BEYOND: Final = 1_000_000
"""Shares above this number differ in nothing that matters to a reader."""


def share_text(share: float) -> str:
    """Return a share of a limit: `38%`, `6.5x`, or `100.4%` if rounding would hide the side of the limit."""
    if share > _FAR_BEYOND:
        return f"over {_FAR_BEYOND:,}x"
    if share >= 2:
        return f"{three_digits(share)}x"
    return f"{share:.1%}" if 0.99 < share < 1.01 and share != 1 else f"{share:.0%}"


def percent(ratio: float) -> str:
    """Return a ratio as a change: `+12.4 %`, `-3 %`, `3.2x`, `1/400x`."""
    if math.isinf(ratio):
        return "from none"
    if ratio >= 2:
        return f"{ratio:.1f}x" if ratio < 100 else f"{ratio:,.0f}x"
    if ratio < 0.1:
        return f"1/{1 / ratio:.0f}x" if ratio > 0 else "to none"
    share = round(100 * (ratio - 1), 1) or 0.0  # no -0.0
    return f"{share:+.0f} %" if abs(share) >= 20 else f"{share:+.1f} %"


def tolerance_text(share: float) -> str:
    """Return an allowed change: `5 %`."""
    return f"{100 * share:g} %"


def times(ratio: float) -> str:
    """Return a ratio as a factor: `3.2 times`."""
    return f"{ratio:.1f} times" if ratio < 100 else f"{ratio:,.0f} times"


_RARE: Final = 1e-6


def odds(probability: float) -> str:
    """Return a small probability: `once in 450 times`."""
    if probability < _RARE:
        return "less than once in a million times"
    number = 1 / probability
    digits = 10 ** max(math.floor(math.log10(number)) - 1, 0)
    return f"once in {round(number / digits) * digits:,} times"


def counted(number: int, what: str, plural: str = "s") -> str:
    """Return a number of things: `1 call`, `2 calls`."""
    return f"{number} {what}{plural if number != 1 else ''}"
