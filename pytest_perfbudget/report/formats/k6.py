"""The loads of a session in the shape of k6's end-of-test summary, as `handleSummary` gets it.

k6 knows two outcomes of a threshold. Only a limit that holds is `ok`: a limit that is undecided or unmeasured is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import CPU_PERCENT, ERROR_RATE, METRICS, RPS, RSS, SUCCESS_RATE, WALL
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.units import NS_PER

_NAMES: Final = {"mean": "avg", "median": "med"}
"""The names that k6 has for statistics; a percentile is `p(95)` there."""

_SHOWN: Final = ("avg", "min", "med", "max", "p(90)", "p(95)", "p(99)")
"""The statistics of every load; a load also has those that its limits name."""

_OF_PROCESS: Final = {RSS.name: ("process_rss", "data"), CPU_PERCENT.name: ("process_cpu_percent", "default")}
"""The gauges of the process of `pid=`, which k6 does not have, with the kind of their values: bytes, or per cent."""

_ROOT: Final = {"name": "", "path": "", "id": "d41d8cd98f00b204e9800998ecf8427e", "groups": [], "checks": []}
"""The group of all requests, which readers of a summary expect; its id is the MD5 hash of its empty path."""


def render(result: RunResult) -> str:
    """Return the loads as JSON; if there are several, each is a submetric with the tag `load`."""
    loads = [one for one in result.measurements if one.load is not None]
    metrics: dict[str, Any] = {}
    for one in loads:
        tag = f"{{load:{one.id}}}" if len(loads) > 1 else ""
        metrics |= {f"{name}{tag}": metric for name, metric in _metrics(one).items()}
    elapsed_ms = sum(one.load.elapsed_ns for one in loads if one.load is not None) / NS_PER["ms"]
    data = {
        "root_group": _ROOT,
        "options": {"summaryTrendStats": _SHOWN, "summaryTimeUnit": "", "noColor": False},
        "state": {"isStdOutTTY": False, "isStdErrTTY": False, "testRunDurationMs": elapsed_ms},
        "metrics": metrics,
    }
    return json.dumps(data, indent=2) + "\n"


def _metrics(measurement: Measurement) -> dict[str, Any]:
    load, statistics = measurement.load, measurement.statistics
    assert load is not None  # noqa: S101 - for mypy
    timed = {metric.name: metric for metric in METRICS.values() if metric.series == WALL}
    values = {_name(name): statistics[name] / NS_PER["ms"] for name in timed if name in statistics}
    succeeded = load.requests - load.failures
    seconds = load.elapsed_ns / NS_PER["s"]
    users = {"value": load.users, "min": load.users, "max": load.users}
    latencies = [one for one in measurement.budgets if one.metric in timed and not one.span]
    shown = dict.fromkeys([*_SHOWN, *(_name(one.metric) for one in latencies)])
    return {
        "http_req_duration": {
            "type": "trend",
            "contains": "time",
            "values": {name: values[name] for name in shown if name in values},
            **_thresholds(latencies),
        },
        "http_reqs": {
            "type": "counter",
            "contains": "default",
            "values": {"count": load.requests, "rate": load.requests / seconds if seconds else 0.0},
            **_thresholds(one for one in measurement.budgets if one.metric == RPS.name),
        },
        "http_req_failed": {
            "type": "rate",
            "contains": "default",
            "values": {
                "rate": load.failures / load.requests if load.requests else 0.0,
                "passes": load.failures,  # k6 counts an error as a pass of this metric
                "fails": succeeded,
            },
            **_thresholds(one for one in measurement.budgets if one.metric in (ERROR_RATE.name, SUCCESS_RATE.name)),
        },
        **({"vus_max": {"type": "gauge", "contains": "default", "values": users}} if load.users else {}),
        **dict(_gauges(measurement)),
    }


def _gauges(measurement: Measurement) -> Iterator[tuple[str, Any]]:
    """Yield the gauges of the process that served the load, if its id was given; unmeasured limits have no value."""
    for metric, (name, contains) in _OF_PROCESS.items():
        limits = [one for one in measurement.budgets if one.metric == metric]
        seen = measurement.statistics.get(metric)
        if seen is not None or limits:
            values = {} if seen is None else {"value": seen, "min": seen, "max": seen}
            yield name, {"type": "gauge", "contains": contains, "values": values, **_thresholds(limits)}


def _name(statistic: str) -> str:
    if statistic.startswith("p") and statistic[1:].isdigit():
        share = statistic[1:]
        return f"p({share[:2]}.{share[2:]})" if len(share) > 2 else f"p({share})"
    return _NAMES.get(statistic, statistic)


def _thresholds(budgets: Iterable[BudgetResult]) -> Mapping[str, Any]:
    found: dict[str, bool] = {}
    for one in budgets:  # a limit on the rate of errors and a limit on that of successes can be the same threshold
        text = _threshold(one)
        found[text] = found.get(text, True) and one.verdict is BudgetVerdict.WITHIN
    return {"thresholds": {text: {"ok": ok} for text, ok in found.items()}} if found else {}


def _threshold(budget: BudgetResult) -> str:
    metric = METRICS[budget.metric]
    if metric is RPS:
        return f"rate>={budget.limit:g}"
    if metric is ERROR_RATE:
        return f"rate<={budget.limit / 100:g}"
    if metric is SUCCESS_RATE:
        return f"rate<={1 - budget.limit / 100:g}"
    if budget.metric in _OF_PROCESS:
        return f"value<={budget.limit:.12g}"
    return f"{_name(budget.metric)}<={budget.limit / NS_PER['ms']:g}"
