"""Budgets: the keywords that users write, the metrics they limit, and which of several wins."""

from __future__ import annotations

import enum
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.units import BYTES_PER_MB, NS_PER
from pytest_perfbudget.errors import ConfigError, nearest


class Resource(enum.Enum):
    """What is consumed; the value is the base unit it is counted in."""

    WALL = "wall"
    CPU = "cpu"
    PEAK = "peak"
    CALLS = "calls"
    RATIO = "ratio"

    @property
    def unit(self) -> str:
        """The base unit."""
        return {"wall": "ns", "cpu": "ns", "peak": "bytes", "calls": "calls"}.get(self.value, "")


QUANTILES: Final = {
    "median": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p999": 0.999,
}
STATISTICS: Final = ("min", "mean", *QUANTILES, "max")
_ALIASES: Final = {"p50": "median"}


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that can be limited: a statistic of a time, or a resource as a whole."""

    resource: Resource
    statistic: str = ""

    def __str__(self) -> str:
        """Return the name under which the number stands in reports: `p95`, `cpu_p95`, `peak`."""
        if self.resource is Resource.WALL:
            return self.statistic
        return f"{self.resource.value}_{self.statistic}".rstrip("_")


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit on one metric, in base units, with the keyword and the place it came from.

    `general` marks the limit of a component or of the whole table: where a measurement has no such
    metric, it is left out with a note. A limit that names its test is said to be unmeasured there.
    """

    metric: Metric
    limit: float
    keyword: str
    source: str
    general: bool = False


def _keywords() -> dict[str, tuple[Metric, int]]:
    known: dict[str, tuple[Metric, int]] = {
        "peak_mb": (Metric(Resource.PEAK), BYTES_PER_MB),
        "max_calls": (Metric(Resource.CALLS), 1),
    }
    for resource, prefix in ((Resource.WALL, ""), (Resource.CPU, "cpu_")):
        for written in (*STATISTICS, *_ALIASES):
            metric = Metric(resource, _ALIASES.get(written, written))
            for unit, factor in NS_PER.items():
                known[f"{prefix}{written}_{unit}"] = (metric, factor)
    return known


KEYWORDS: Final = _keywords()
"""Every budget keyword, with its metric and the base units in one of its unit."""

_TIMED = re.compile(rf"(?:cpu_)?(?:{'|'.join((*STATISTICS, *_ALIASES))})_(\w+)")

_PERCENTILE = re.compile(rf"(?:cpu_)?(p\d+)_(?:{'|'.join(NS_PER)})")


def checked_limit(keyword: str, value: object, place: str) -> float:
    """Return the limit as a float.

    Raises:
        ConfigError: it is no positive, finite number. True is not taken for 1.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        quoted = " without quotes" if isinstance(value, str) else ""
        message = f"{place}: {keyword} must be a number{quoted}, found {value!r}"
        raise ConfigError(message)
    largest = sys.float_info.max / NS_PER["s"]
    if not 0 < value < largest:  # also false for NaN
        message = f"{place}: {keyword} must be a number above zero, found {value!r}"
        raise ConfigError(message)
    return float(value)


def parse_budgets(
    limits: Mapping[str, object], place: str, others: Iterable[str] = (), *, general: bool = False
) -> list[Budget]:
    """Turn `{"p95_ms": 50}` into budgets whose source is `place`.

    Args:
        limits: keyword to limit, as written.
        place: file and key, or the marker; it opens every error message.
        general: whether it is a place for many tests: a component, the whole table.
        others: the keywords that are allowed there besides budgets, for the hint on a typo.

    Raises:
        ConfigError: unknown keyword or unit, a limit that is no positive number, or two
            keywords for the same metric.
    """
    budgets: dict[Metric, Budget] = {}
    for keyword, value in limits.items():
        if keyword not in KEYWORDS:
            raise ConfigError(f"{place}: {_unknown(keyword, others)}")
        metric, factor = KEYWORDS[keyword]
        if metric.resource is Resource.CALLS and isinstance(value, float) and not value.is_integer():
            raise ConfigError(f"{place}: {keyword} must be a whole number, found {value!r}")
        if metric in budgets:
            message = f"{place}: {budgets[metric].keyword} and {keyword} limit the same number: keep one"
            raise ConfigError(message)
        limit = checked_limit(keyword, value, place) * factor
        budgets[metric] = Budget(metric, limit, keyword, place, general)
    return list(budgets.values())


def _unknown(keyword: str, others: Iterable[str]) -> str:
    if keyword.removeprefix("cpu_") in {*STATISTICS, *_ALIASES}:
        return f"{keyword!r} lacks its unit: write {keyword}_ms, or with another of {', '.join(NS_PER)}"
    if keyword == "max_ratio":
        return "'max_ratio' limits a comparison only: give it to perf.ratio(...)"
    odd = _PERCENTILE.fullmatch(keyword)
    if odd and odd[1] not in {*STATISTICS, *_ALIASES}:
        return f"{keyword!r} has no such statistic {odd[1]!r}: use one of {', '.join(STATISTICS)}"
    timed = _TIMED.fullmatch(keyword)
    # `max_tme` and `max_cals` look like a maximum in a unit of their own.
    if timed and not nearest(keyword, [*others, "max_calls"], cutoff=0.8):
        units = ", ".join(NS_PER)
        return f"{keyword!r} has no such unit {timed[1]!r}: use one of {units}"
    return f"unknown keyword {keyword!r}{nearest(keyword, [*KEYWORDS, *others])}"


def merge_budgets(*layers: Iterable[Budget]) -> list[Budget]:
    """Return one budget per metric; an earlier layer wins over a later one.

    The metric decides, not the keyword: `p95_us` in a marker replaces `p95_ms` of a table.
    """
    merged: dict[Metric, Budget] = {}
    for layer in layers:
        for budget in layer:
            merged.setdefault(budget.metric, budget)
    return list(merged.values())
