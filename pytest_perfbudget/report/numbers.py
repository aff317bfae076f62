"""The formatting of numbers for people: the same rounding and units in every report."""

from __future__ import annotations

import math
from typing import Final

from pytest_perfbudget.core.units import BYTES_PER_MB, NS_PER


def three_digits(value: float, more: int = 0) -> str:
    """Return a number with three significant digits, or with some digits more, without an exponent."""
    digits = more + (2 if value < 10 else 1 if value < 100 else 0)
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits and (more or value == int(value)) else text


_FEW_BYTES: Final = 10
_ROUNDS_UP: Final = 0.9995
"""The share of a unit from which three digits round up to the whole unit: 999.6 us are 1 ms, not 1,000 us."""


_MOST_MORE: Final = 9
"""The most further digits: numbers that agree in twelve digits are the same to a reader."""


def quantity(value: float, unit: str, *, beside: float | None = None) -> str:
    """Return a value in base units: `1.84 ms`, `64.2 MB`, `201`, `0.48x`, `85.2 rps`.

    Args:
        value: the value.
        unit: the base unit.
        beside: a value that the reader compares with this value, such as a limit: both have so many digits that they
            differ, because rounding must not hide on which side of the limit a value lies.
    """
    if beside is None or beside == value:
        return _quantity(value, unit, 0)
    more = next((one for one in range(_MOST_MORE) if _shown(value, unit, one) != _shown(beside, unit, one)), _MOST_MORE)
    return _quantity(value, unit, more)


def _shown(value: float, unit: str, more: int) -> str:
    """Return a value without zeros at its end: `50 ms` and `50.0 ms` are the same to a reader."""
    number, _, name = _quantity(value, unit, more).removesuffix("x").partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {name}"


def _quantity(value: float, unit: str, more: int) -> str:
    if unit == "ns":
        for name in ("s", "ms", "us"):
            if value >= _ROUNDS_UP * NS_PER[name]:
                return f"{three_digits(value / NS_PER[name], more)} {name}"
        return f"{three_digits(value, more)} ns"
    if unit == "bytes":
        return _bytes(value, more)
    if unit in ("calls", "instructions", "spans"):
        return f"{value:,.{more}f}"
    number = three_digits(value, more)
    return f"{number} {unit}" if unit else f"{number}x"


def _bytes(value: float, more: int) -> str:
    if value >= BYTES_PER_MB / 10:
        return f"{three_digits(value / BYTES_PER_MB, more)} MB"
    if value >= _FEW_BYTES or not value:
        return f"{three_digits(value / 1000, more)} kB"
    return f"{value:.{more}f} B"


_FAR_BEYOND: Final = 1_000_000
"""Shares above this number differ in nothing that matters to a reader."""


def share_text(share: float) -> str:
    """Return a share of a limit: `38%`, `6.5x`, or `100.4%` if rounding would hide the side of the limit."""
    if share > _FAR_BEYOND:
        return f"over {_FAR_BEYOND:,}x"
    if share >= 2:
        return f"{three_digits(share)}x"
    if not 0.99 < share < 1.01 or share == 1:
        return f"{share:.0%}"
    return next((text for more in range(1, _MOST_MORE) if float((text := f"{share:.{more}%}")[:-1]) != 100), "100%")


_LEAST_SHARE: Final = 0.1
_LEAST_FACTOR: Final = 2
"""The ratios between which a change is a share; beyond them it is a factor."""


def percent(ratio: float) -> str:
    """Return a ratio as a change: `+12.4 %`, `-3 %`, `3.2x`, `1/400x`."""
    return _share(ratio) if _LEAST_SHARE <= ratio < _LEAST_FACTOR else _factor(ratio)


def change_interval(lower: float, upper: float, ratio: float) -> str:
    """Return the interval of a change: `-59 % .. +110 %`, `1/12x .. 1/8.2x`; for the arguments see `change_bounds`."""
    return " .. ".join(change_bounds(lower, upper, ratio))


def change_bounds(lower: float, upper: float, ratio: float) -> tuple[str, str]:
    """Return the bounds of a change, both in the notation of the change.

    Args:
        lower: the lower bound, as a ratio.
        upper: the upper bound.
        ratio: the change, whose notation `percent` chooses.
    """
    write = _share if _LEAST_SHARE <= ratio < _LEAST_FACTOR else _factor
    return write(lower), write(upper)


def _share(ratio: float) -> str:
    share = round(100 * (ratio - 1), 1) or 0.0  # no -0.0
    return f"{share:+,.0f} %" if abs(share) >= 20 and ratio >= _LEAST_SHARE else f"{share:+.1f} %"


def _factor(ratio: float) -> str:
    if math.isinf(ratio):
        return "from none"
    if ratio <= 0:
        return "to none"
    least = 10 if ratio < 1 else 100  # from which on a factor has no decimal
    factor = max(ratio, 1 / ratio)
    text = f"{factor:.2f}x" if factor < 1.1 else f"{factor:.1f}x" if factor < least else f"{factor:,.0f}x"
    return text if ratio >= 1 else f"1/{text}"


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


def age(seconds: float) -> str:
    """Return a time that has passed, in the unit in which people count it: `40 s`, `5 min`, `30 h`, `4 d`."""
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"


def maximum_of(rounds: int, sample: str) -> str:
    """Return what a percentile of too few rounds is: `max of 40 rounds`."""
    return f"max of {counted(rounds, sample)}"


def counted(number: int, what: str, plural: str = "s") -> str:
    """Return a number of things: `1 call`, `2,000 calls`."""
    return f"{number:,} {what}{plural if number != 1 else ''}"
