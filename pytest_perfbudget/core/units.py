"""The units in which limits are written, and the base units in which everything is computed.

Everywhere between the configuration and the report, times are in nanoseconds and memory is in bytes.
"""

from __future__ import annotations

import re
from typing import Final

NS_PER: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
"""The number of nanoseconds in each unit of time."""

BYTES_PER_MB: Final = 1_000_000
"""The number of bytes in a megabyte, which is the SI megabyte: `peak_mb = 1` allows 1,000,000 bytes."""

_PERCENT = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*%\s*")
_LONGEST = 15
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s)\s*")


def time_text(value_ns: float) -> str:
    """Return a time with three significant digits, without an exponent: `2.87 s`, `6 ms`."""
    for name in ("s", "ms", "us"):
        value = value_ns / NS_PER[name]
        if value >= 1:
            return f"{value:,.0f} {name}" if value >= 100 else f"{value:.3g} {name}"
    return f"{value_ns:.0f} ns"


def parse_duration_ns(text: object) -> int:
    """Return the duration in a text such as `1s`, `250ms` or `1.5 s`, in nanoseconds.

    Raises:
        ValueError: the text is not a positive number with one of the units ns, us, ms, s.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    duration_ns = round(float(found[1][:20]) * NS_PER[found[2]]) if found else 0
    if duration_ns <= 0 or (found and len(found[1]) > _LONGEST):
        message = f"expected a duration above zero in s, ms, us or ns, such as '1s' or '250ms', found {text!r}"
        raise ValueError(message)
    return duration_ns


def parse_share(text: object) -> float:
    """Return the share in a text such as `5%`.

    Raises:
        ValueError: the text is not a percentage above zero.
    """
    found = _PERCENT.fullmatch(text) if isinstance(text, str) else None
    share = float(found[1]) / 100 if found else 0.0
    if share <= 0:
        message = f"expected a percentage above zero, such as '5%', found {text!r}"
        raise ValueError(message)
    return share
