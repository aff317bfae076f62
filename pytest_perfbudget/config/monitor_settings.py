"""The definitions of the settings of the monitor and its alerts, as in `settings`."""

from __future__ import annotations

from typing import Final

from pytest_perfbudget.config.checks import alert_limit, alert_metric, choice, component, flag, period_ns
from pytest_perfbudget.config.setting import Setting
from pytest_perfbudget.core.alerts import WINDOWS

MONITOR: Final = (
    Setting(
        key="history",
        check=flag,
        default=False,
        meaning="The monitor appends its minutes to the `history` of `[tool.perfbudget]`, but not within a session of "
        "pytest.",
        example=True,
    ),
)
"""The keys of `[tool.perfbudget.monitor]`."""

ALERT: Final = (
    Setting(
        key="metric",
        check=alert_metric,
        meaning="Number to watch: a time such as `p95_ms`, `error_rate`, `errors`, `rps`, `health_score` or `apdex`.",
        example="p95_ms",
    ),
    Setting(
        key="limit",
        check=alert_limit,
        meaning="The alert fires above this value, and for `rps`, `health_score` and `apdex` below it.",
        example=100,
    ),
    Setting(
        key="component",
        check=component,
        meaning="The component whose number it is; `health_score` and `apdex` may do without, for the whole service.",
        example="gateway",
    ),
    Setting(
        key="window",
        check=choice(*WINDOWS),
        default="5m",
        meaning="The time over which the number is taken: `1m`, `5m`, `15m`, `1h` or `24h`.",
        example="1m",
    ),
    Setting(
        key="for",
        check=period_ns,
        default="0s",
        meaning="The time for which the number has to be beyond its limit before the alert fires.",
        example="2m",
        field="for_ns",
    ),
)
"""The keys of `[tool.perfbudget.alerts.NAME]`."""
