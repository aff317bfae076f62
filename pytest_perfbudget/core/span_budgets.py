"""Budgets on spans: the keywords that users write for a name of spans, and the metrics that they limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.budgets import Budget, checked_limit
from pytest_perfbudget.core.metrics import KEYWORDS, SPAN_COUNT, SPAN_SHARE, WALL, Metric
from pytest_perfbudget.errors import ConfigError, nearest, shown

SPAN_KEYWORDS: Final[Mapping[str, tuple[Metric, float]]] = {
    **{keyword: (metric, factor) for keyword, (metric, factor) in KEYWORDS.items() if metric.series == WALL},
    "max_count": (SPAN_COUNT, 1.0),
    "max_share": (SPAN_SHARE, 100.0),
}
"""The keywords of a budget on spans, each with its metric and the number of base units in its unit."""

_EXAMPLE: Final = 'spans={"db.query": {"p95_ms": 5, "max_count": 3}}'


@dataclass(frozen=True, slots=True)
class SpanBudget:
    """A limit on the spans of one name."""

    span: str
    budget: Budget


def parse_span_budgets(
    value: object, place: str, named: Callable[[str], str] | None = None, *, general: bool = False
) -> tuple[SpanBudget, ...]:
    """Turn `{"db.query": {"p95_ms": 5}}` into budgets whose source is `place`.

    Args:
        value: the limits as written, by name of the span and keyword.
        place: the file and the key, or the marker; every error message begins with the place.
        named: a function that returns the place of the limits of one name; by default the name follows the place.
        general: whether the place covers many tests.

    Raises:
        ConfigError: the value is no such table, a keyword is unknown, a limit is impossible, or two keywords limit the
            same metric.
    """
    if not isinstance(value, Mapping):
        message = f"{place}: spans must be a table by name of the span, such as {_EXAMPLE}, found {shown(value)}"
        raise ConfigError(message)
    found: list[SpanBudget] = []
    for name, limits in value.items():
        if not isinstance(name, str) or not name:
            message = f"{place}: spans: the name of a span must be a text, such as {_EXAMPLE}, found {shown(name)}"
            raise ConfigError(message)
        if not isinstance(limits, Mapping) or not limits:
            message = f"{place}: spans {name!r} must be a table of limits, such as {_EXAMPLE}, found {shown(limits)}"
            raise ConfigError(message)
        source = named(name) if named is not None else f'{place} spans "{name}"'
        found += [SpanBudget(name, one) for one in _budgets(limits, source, general=general)]
    return tuple(found)


def _budgets(limits: Mapping[str, object], place: str, *, general: bool) -> Iterable[Budget]:
    budgets: dict[Metric, Budget] = {}
    for keyword, value in limits.items():
        if keyword not in SPAN_KEYWORDS:
            raise ConfigError(f"{place}: {_unknown(keyword)}")
        metric, factor = SPAN_KEYWORDS[keyword]
        limit = checked_limit(keyword, value, place, may_be_zero=metric is SPAN_COUNT) * factor
        if metric is SPAN_COUNT and not limit.is_integer():
            raise ConfigError(f"{place}: {keyword} must be a whole number, found {value!r}")
        if limit > metric.most:
            raise ConfigError(f"{place}: {keyword} must be at most {metric.most / factor:g}, found {value!r}")
        if metric in budgets:
            message = f"{place}: {budgets[metric].keyword} and {keyword} limit the same number: keep one"
            raise ConfigError(message)
        budgets[metric] = Budget(metric, limit, keyword, place, general)
    return budgets.values()


def _unknown(keyword: object) -> str:
    hint = nearest(str(keyword), SPAN_KEYWORDS)
    return f"unknown keyword {keyword!r} of a span{hint}: use max_count, max_share or a time such as p95_ms"


def merge_span_budgets(*layers: Iterable[SpanBudget]) -> tuple[SpanBudget, ...]:
    """Return one budget for each name and metric; a budget in an earlier layer wins over one in a later layer."""
    merged: dict[tuple[str, Metric], SpanBudget] = {}
    for layer in layers:
        for one in layer:
            merged.setdefault((one.span, one.budget.metric), one)
    return tuple(merged.values())
