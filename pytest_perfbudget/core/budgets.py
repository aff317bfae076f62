"""Budgets: the keywords that users write, the metrics that they limit, and the precedence between several budgets."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_perfbudget.core.metrics import ALIASES, KEYWORDS, STATISTICS, Metric
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit on one metric, in base units, with the keyword and the place that the limit came from.

    `general` marks the limit of a component or of the whole table. If a measurement does not have the metric, a general
    limit is left out with a note, whereas a limit that names its test is reported as unmeasured. A limit of the whole
    table, with `everywhere`, is left out without a note: it holds for all measurements that have the metric.
    """

    metric: Metric
    limit: float
    keyword: str
    source: str
    general: bool = False
    everywhere: bool = False


_TIMED = re.compile(rf"(?:cpu_)?(?:{'|'.join((*STATISTICS, *ALIASES))})_(\w+)")

_PERCENTILE = re.compile(rf"(?:cpu_)?(p\d+)_(?:{'|'.join(NS_PER)})")


def checked_limit(keyword: str, value: object, place: str, *, may_be_zero: bool = False) -> float:
    """Return the limit as a float.

    Raises:
        ConfigError: the value is not a positive, finite number, or zero where that is allowed. True is not taken for 1.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        quoted = " without quotes" if isinstance(value, str) else ""
        message = f"{place}: {keyword} must be a number{quoted}, found {value!r}"
        raise ConfigError(message)
    largest = sys.float_info.max / NS_PER["s"]
    if not 0 <= value < largest or (not value and not may_be_zero):  # the comparison is also false for NaN
        least = "of zero or more" if may_be_zero else "above zero"
        message = f"{place}: {keyword} must be a number {least}, found {value!r}"
        raise ConfigError(message)
    return float(value)


def parse_budgets(
    limits: Mapping[str, object],
    place: str,
    others: Iterable[str] = (),
    *,
    general: bool = False,
    everywhere: bool = False,
) -> list[Budget]:
    """Turn `{"p95_ms": 50}` into budgets whose source is `place`.

    Args:
        limits: the limits as written, by keyword.
        place: the file and the key, or the marker; every error message begins with the place.
        general: whether the place covers many tests, as a component and the whole table do.
        everywhere: whether the place covers all tests, as the whole table does.
        others: the keywords that are allowed in the same place besides budgets, for the hint on a typo.

    Raises:
        ConfigError: a keyword or a unit is unknown, a limit is not a positive number (or not a whole number where the
            metric needs one), or two keywords limit the same metric.
    """
    budgets: dict[Metric, Budget] = {}
    for keyword, value in limits.items():
        if keyword not in KEYWORDS:
            raise ConfigError(f"{place}: {_unknown(keyword, others)}")
        metric, factor = KEYWORDS[keyword]
        if metric.is_whole and isinstance(value, float) and not value.is_integer():
            raise ConfigError(f"{place}: {keyword} must be a whole number, found {value!r}")
        if metric in budgets:
            message = f"{place}: {budgets[metric].keyword} and {keyword} limit the same number: keep one"
            raise ConfigError(message)
        limit = checked_limit(keyword, value, place, may_be_zero=metric.may_be_zero) * factor
        if limit > metric.most:
            message = f"{place}: {keyword} must be at most {metric.most / factor:g}, found {value!r}"
            raise ConfigError(message)
        budgets[metric] = Budget(metric, limit, keyword, place, general, everywhere)
    return list(budgets.values())


def _unknown(keyword: str, others: Iterable[str]) -> str:
    if keyword.removeprefix("cpu_") in {*STATISTICS, *ALIASES}:
        return f"{keyword!r} lacks its unit: write {keyword}_ms, or with another of {', '.join(NS_PER)}"
    if keyword == "max_ratio":
        return "'max_ratio' limits a comparison only: give it to perf.ratio(...)"
    odd = _PERCENTILE.fullmatch(keyword)
    if odd and odd[1] not in {*STATISTICS, *ALIASES}:
        return f"{keyword!r} has no such statistic {odd[1]!r}: use one of {', '.join(STATISTICS)}"
    for written, known in (("max_", "min_"), ("min_", "max_")):
        other = keyword.replace(written, known, 1)
        if keyword.startswith(written) and other in KEYWORDS:
            return f"{keyword!r} limits the wrong side of this number: write {other}"
    timed = _TIMED.fullmatch(keyword)
    # Typos such as `max_tme` and `max_cals` have the form of a maximum with an unknown unit.
    untimed = [known for known, (metric, _) in KEYWORDS.items() if not metric.is_timed]
    if timed and not nearest(keyword, [*others, *untimed], cutoff=0.8):
        units = ", ".join(NS_PER)
        return f"{keyword!r} has no such unit {timed[1]!r}: use one of {units}"
    return f"unknown keyword {keyword!r}{nearest(keyword, [*KEYWORDS, *others])}"


def merge_budgets(*layers: Iterable[Budget]) -> list[Budget]:
    """Return one budget per metric; a budget in an earlier layer wins over a budget in a later layer.

    The metric decides, not the keyword: `p95_us` in a marker replaces `p95_ms` in a table.
    """
    merged: dict[Metric, Budget] = {}
    for layer in layers:
        for budget in layer:
            merged.setdefault(budget.metric, budget)
    return list(merged.values())
