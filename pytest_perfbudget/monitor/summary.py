"""The summary of a service: a snapshot judged by the settings, as builtins, for people and for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.alerts import WINDOWS, AlertRule
from pytest_perfbudget.core.budgets import Budget, merge_budgets
from pytest_perfbudget.core.health import TOLERATED, Apdex, Evidence, Health, apdex_target, health
from pytest_perfbudget.core.metrics import WALL
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.core.service_gate import is_monitored, judge_window
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.tally import Cumulated, Tally
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.monitor.history import HALF_MINUTES, HOURS, History, Window
from pytest_perfbudget.monitor.snapshot import Snapshot

SCHEMA: Final = "perfbudget-monitor/1"
_MS: Final = NS_PER["ms"]
_FADES_NS: Final = WINDOWS["24h"] * NS_PER["s"]
"""The time for which a silent component without a table of its own keeps its score, if it has budgets."""
_SHARES: Final = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "median": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
_POINTS_OVER: Final = {HALF_MINUTES: "15 min", HOURS: "24 h"}
_SHOWN: Final = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class JudgedComponent:
    """A component with its verdicts.

    Attributes:
        history: the component's history.
        budgets: the component's budgets.
        results: the results of the budgets that a service shows.
        evidence: the numbers that its health rests on.
        silent_ns: the time since its last request, in ns, if the window has none; else 0.
    """

    history: History
    budgets: Sequence[Budget]
    results: Sequence[BudgetResult]
    evidence: Evidence
    silent_ns: int

    @property
    def unmonitored(self) -> list[str]:
        """The keywords of the budgets that only tests can judge."""
        return [one.keyword for one in self.budgets if not is_monitored(one)]


class JudgedService:
    """A snapshot, judged over a window that ends now; the points of its trends are the slots of a level."""

    def __init__(
        self, snapshot: Snapshot, settings: Settings, window: str, now_ns: int, points: int = HALF_MINUTES
    ) -> None:
        self.snapshot = snapshot
        self.window = window
        self.now_ns = now_ns
        self.points = points
        self.settings = settings
        self.components = {name: self._judged(name, one, window) for name, one in snapshot.histories.items()}
        self.health = self._health(self.components)

    def alert_value(self, rule: AlertRule) -> float | None:
        """Return the number that an alert watches, in the unit of the alert's limit; None without requests."""
        statistic = rule.watched.statistic
        if statistic in ("health_score", "apdex"):
            return self._health_value(rule, statistic)
        history = self.snapshot.histories.get(rule.component)
        if history is None:
            is_over = self.now_ns - self.snapshot.start_ns >= WINDOWS[rule.window] * NS_PER["s"]
            return 0.0 if statistic == "rps" and is_over else None  # no request since a start that is long ago
        window = history.window(rule.window, self.now_ns)
        if statistic == "rps":
            return window.per_second
        if not window.tally.count:
            return None
        factor = rule.watched.factor
        return _number(window.tally, statistic, rule.limit * factor) / factor

    def to_dict(self, alerts: Sequence[Mapping[str, Any]], notes: Sequence[str]) -> dict[str, Any]:
        """Return the summary as builtins."""
        found = self.health
        return {
            "schema": SCHEMA,
            "at_ns": self.now_ns,
            "start_ns": self.snapshot.start_ns,
            "ended_s": None,
            "processes": self.snapshot.processes,
            "judged_over": self.window,
            "points_over": _POINTS_OVER[self.points],
            "health_score": None if found is None else found.score,
            "apdex": None if found is None else found.apdex,
            "components": {name: self._component(name, one) for name, one in self.components.items()},
            "alerts": [dict(one) for one in alerts],
            "errors": [one.to_dict() for one in self.snapshot.errors],
            "notes": list(notes),
        }

    def scores(self) -> dict[str, int]:
        """Return the health score of each component that is judged."""
        return {one.component: one.score for one in self.health.components} if self.health else {}

    def _judged(self, name: str, history: History, window: str) -> JudgedComponent:
        """Return a component, judged over the window that ends with its last request.

        A component that dies keeps its score: without its numbers the score of the service would rise.
        """
        budgets = budgets_of(name, self.settings)
        last_ns = history.last_ns(self.now_ns)
        silent_ns = 0 if history.window(window, self.now_ns).tally.count else self.now_ns - last_ns
        if not self._is_missed(name, budgets, silent_ns):
            return JudgedComponent(history, budgets, [], Evidence(name), silent_ns)
        requests = history.window(window, last_ns).tally.cumulated()
        results = judge_window(requests, budgets, self.settings.errors)
        tally = requests.tally
        evidence = Evidence(name, results, requests=tally.count, errors=tally.errors, apdex=_apdex(requests, budgets))
        return JudgedComponent(history, budgets, results, evidence, silent_ns)

    def _is_missed(self, name: str, budgets: Sequence[Budget], silent_ns: int) -> bool:
        """Return whether a component counts that has been silent so long: a name that is not configured fades away."""
        if any(rule.limits.component == name for rule in self.settings.components):
            return True
        return silent_ns < (_FADES_NS if any(map(is_monitored, budgets)) else 1)

    @staticmethod
    def _health(components: Mapping[str, JudgedComponent]) -> Health | None:
        return health(one.evidence for one in components.values())

    def _health_value(self, rule: AlertRule, statistic: str) -> float | None:
        wanted = [rule.component] if rule.component else list(self.snapshot.histories)
        judged = {
            name: self._judged(name, self.snapshot.histories[name], rule.window)
            for name in wanted
            if name in self.snapshot.histories
        }
        found = self._health(judged)
        if found is None:
            return None
        return found.score if statistic == "health_score" else found.apdex

    def _component(self, name: str, judged: JudgedComponent) -> dict[str, Any]:
        points = judged.history.points(self.now_ns, self.points)
        return {
            "health_score": self.scores().get(name),
            "apdex": judged.evidence.apdex.score,
            "silent_s": judged.silent_ns / NS_PER["s"] if judged.silent_ns else None,
            "requests_total": judged.history.total.count,
            "errors_total": judged.history.total.errors,
            "windows": {window: _window(judged.history.window(window, self.now_ns)) for window in WINDOWS},
            "budgets": [{**one.to_dict(), "spent": one.used} for one in judged.results],
            "unmonitored": judged.unmonitored,
            "points": {
                "per_second": [round(one.per_second, 2) for one in points],
                "p95_ms": [round(one.p95_ns / _MS, 3) for one in points],
            },
        }


def budgets_of(component: str, settings: Settings) -> list[Budget]:
    """Return the budgets of a component: its own before those of the whole table, metric by metric."""
    own = (rule.limits.budgets for rule in settings.components if rule.limits.component == component)
    return merge_budgets(*own, settings.limits.budgets)


def _window(window: Window) -> dict[str, Any]:
    tally, requests = window.tally, window.tally.cumulated()
    return {
        "count": tally.count,
        "errors": tally.errors,
        "error_rate": tally.error_rate,
        "per_second": window.per_second,
        "per_minute": 60 * window.per_second,
        **{f"{name}_ms": requests.quantile_ns(_SHARES[name]) / _MS if tally.count else None for name in _SHOWN},
        "mean_ms": tally.mean_ns / _MS if tally.count else None,
        "max_ms": tally.most_ns / _MS if tally.count else None,
    }


def _number(tally: Tally, statistic: str, limit: float) -> float:
    """Return a number in base units; a time is that without the errors within the limit, as for a budget."""
    of_errors = {"error_rate": tally.error_rate, "errors": float(tally.errors)}
    if statistic in of_errors:
        return of_errors[statistic]
    answered = tally.without_fast_errors(limit)
    timed = answered if answered.count else tally
    of_times = {"mean": timed.mean_ns, "max": float(timed.most_ns)}
    return of_times[statistic] if statistic in of_times else timed.cumulated().quantile_ns(_SHARES[statistic])


def _apdex(requests: Cumulated, budgets: Sequence[Budget]) -> Apdex:
    target_ns = apdex_target({one.metric.name: one.limit for one in budgets if one.metric.series == WALL})
    if target_ns is None or not requests.tally.count:
        return Apdex()
    failed = requests.tally.failed()
    satisfied, tolerated = (
        requests.at_most(limit_ns) - failed.at_most(limit_ns) for limit_ns in (target_ns, TOLERATED * target_ns)
    )
    return Apdex(satisfied, tolerated - satisfied, requests.tally.count)
