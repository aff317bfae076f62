"""Alerts: rules about one number of a running service, and the states in which an alert is.

An alert fires once, when its number has been beyond the limit for the time `for`. It clears once, when the number has
been better than the limit by a tenth (and of a number that cannot be so good, halfway to the best) for the same time.
In between the state stays, so that a number that wavers around its limit makes no noise.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pytest_perfbudget.core.metrics import KEYWORDS, RPS, WALL, Direction

WINDOWS: Final = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "24h": 86400}
"""The windows of the monitor, each with its length in s."""

HYSTERESIS: Final = 0.1
"""The share of the limit by which a number has to be better than the limit before its alert clears."""


class AlertMetric(NamedTuple):
    """A number that an alert can watch.

    Attributes:
        statistic: the name of the number: a statistic of the durations, `error_rate`, `rps`, `health_score`, ...
        direction: the direction in which the number is better.
        factor: the number of base units in the unit of the limit; 1 but for times.
        best: the best value that the number can have.
        worst: the worst value that the number can have.
        is_of_service: whether the number exists for the whole service, without a component.
    """

    statistic: str
    direction: Direction
    factor: float = 1.0
    best: float = 0.0
    worst: float = math.inf
    is_of_service: bool = False

    def range_of_limits(self) -> str:
        """Return the range of the limits beyond which the number can be, in words."""
        if self.direction is Direction.LOWER:
            return "from 0 up" if self.worst == math.inf else f"from 0 to below {self.worst:g}"
        return "above 0" if self.best == math.inf else f"above 0, at most {self.best:g}"

    def can_cross(self, limit: float) -> bool:
        """Return whether the number can be beyond a limit, and better than the limit or equal to it."""
        if self.direction is Direction.LOWER:
            return self.best <= limit < self.worst
        return self.worst < limit <= self.best

    def clears_at(self, limit: float) -> float:
        """Return the value from which an alert clears."""
        distance = min(HYSTERESIS * limit, abs(self.best - limit) / 2)
        return limit - distance if self.direction is Direction.LOWER else limit + distance


OTHER_METRICS: Final[Mapping[str, AlertMetric]] = {
    "error_rate": AlertMetric("error_rate", Direction.LOWER, worst=1.0),
    "errors": AlertMetric("errors", Direction.LOWER),
    "rps": AlertMetric("rps", Direction.HIGHER, best=math.inf, worst=0.0),
    "health_score": AlertMetric("health_score", Direction.HIGHER, best=100.0, worst=0.0, is_of_service=True),
    "apdex": AlertMetric("apdex", Direction.HIGHER, best=1.0, worst=0.0, is_of_service=True),
}
"""The numbers that are no statistic of durations."""


def alert_metrics() -> dict[str, AlertMetric]:
    """Return all numbers that an alert can watch, by the word that users write."""
    times = {
        keyword: AlertMetric(metric.statistic, Direction.LOWER, factor)
        for keyword, (metric, factor) in KEYWORDS.items()
        if metric.series == WALL and metric.statistic != "min"
    }
    rates = dict.fromkeys(RPS.keywords, OTHER_METRICS["rps"])
    return {**OTHER_METRICS, **times, **rates}


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert as it is configured.

    Attributes:
        name: the name of the alert.
        metric: the word for the number, such as `p95_ms`.
        limit: the limit, in the unit of the metric's word.
        component: the component that the number belongs to; empty for the whole service.
        window: the window of the number, a key of `WINDOWS`.
        for_ns: the time for which the number has to be beyond its limit, in ns.
        source: the place where the alert was written.
    """

    name: str
    metric: str
    limit: float
    component: str = ""
    window: str = "5m"
    for_ns: int = 0
    source: str = ""

    @property
    def watched(self) -> AlertMetric:
        """The number that the alert watches."""
        return alert_metrics()[self.metric]


class AlertState(enum.Enum):
    """The state of an alert."""

    CLEAR = "clear"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """An alert that has begun to fire, or has cleared.

    Attributes:
        rule: the alert.
        state: `FIRING` or `CLEAR`.
        value: the number, in the unit of the limit; None if there were no requests.
        at_ns: the time of the event, in ns since 1970.
        since_ns: the time since when the number was beyond its limit, or was better than the limit.
    """

    rule: AlertRule
    state: AlertState
    value: float | None
    at_ns: int
    since_ns: int

    def to_dict(self) -> dict[str, Any]:
        """Return the event as builtins."""
        return {
            "alert": self.rule.name,
            "state": self.state.value,
            "metric": self.rule.metric,
            "component": self.rule.component,
            "window": self.rule.window,
            "limit": self.rule.limit,
            "value": self.value,
            "at_ns": self.at_ns,
            "since_ns": self.since_ns,
        }


class Alert:
    """The state of an alert over time."""

    def __init__(self, rule: AlertRule) -> None:
        self.rule = rule
        self.state = AlertState.CLEAR
        self.value: float | None = None
        self.since_ns = 0
        is_lower_better = rule.watched.direction is Direction.LOWER
        self._sign = 1 if is_lower_better else -1
        self._clears_at = rule.watched.clears_at(rule.limit)
        self._better_since_ns: int | None = None

    def update(self, value: float | None, now_ns: int) -> AlertEvent | None:
        """Take the present number, and return an event if the alert has begun to fire or has cleared.

        Args:
            value: the number in the unit of the limit; None without requests, which is as good as a good number.
            now_ns: the present time.
        """
        self.value = value
        if self.state is AlertState.FIRING:
            return self._clear(value, now_ns)
        if value is None or not self._is_worse(value, self.rule.limit):
            self.state = AlertState.CLEAR
            return None
        if self.state is AlertState.CLEAR:
            self.state, self.since_ns = AlertState.PENDING, now_ns
        if now_ns - self.since_ns < self.rule.for_ns:
            return None
        self.state, self._better_since_ns = AlertState.FIRING, None
        return AlertEvent(self.rule, self.state, value, now_ns, self.since_ns)

    def adopt(self, data: Mapping[str, Any]) -> None:
        """Take over the state that another process knows, from the result of `to_dict`."""
        self.state, self.since_ns, self.value = AlertState(data["state"]), data["since_ns"], data["value"]
        self._better_since_ns = None

    def to_dict(self) -> dict[str, Any]:
        """Return the present state as builtins."""
        return AlertEvent(self.rule, self.state, self.value, 0, self.since_ns).to_dict()

    def _clear(self, value: float | None, now_ns: int) -> AlertEvent | None:
        if value is not None and self._is_worse(value, self._clears_at):
            self._better_since_ns = None
            return None
        if self._better_since_ns is None:
            self._better_since_ns = now_ns
        since_ns = self._better_since_ns
        if now_ns - since_ns < self.rule.for_ns:
            return None
        self.state = AlertState.CLEAR
        return AlertEvent(self.rule, self.state, value, now_ns, since_ns)

    def _is_worse(self, value: float, limit: float) -> bool:
        return (value - limit) * self._sign > 0
