"""The guide's page on configuration, which is written from the definitions of the settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pytest_perfbudget.config.monitor_settings import ALERT, MONITOR
from pytest_perfbudget.config.setting import Setting
from pytest_perfbudget.config.settings import DUET, LIMITS, MATCH, SESSION

OPTIONS: Final[Mapping[str, str]] = {
    "--perf-update-baseline": "Measure the selected perf tests that pass in fresh processes, and write the baseline. "
    "Other tests do not run.",
    "--perf-reason=TEXT": "With `--perf-update-baseline`: accept numbers that got worse, and store the reason.",
    "--perf-prune": "With `--perf-update-baseline`: remove this machine's lines of tests that are gone. It takes files "
    "and folders, not single tests.",
    "--perf-against=REF": "Compare with another commit instead of the baseline.",
    "--perf-policy=base\\|head": "With `--perf-against`: list the limits that the working tree [loosens](ci.md), and "
    "judge by those of the other commit (`base`) or accept them (`head`).",
    "--perf-accept-label=LABEL": "With `--perf-policy=base`: the label that messages name for a reviewer who accepts "
    "the limits of a pull request. `perfbudget gate --accept-label` gives it to its session.",
    "--perf-affected-first": "With `--perf-against`: begin with the test files that run changed code.",
    "--perf-only": "Run perf tests only.",
    "--perf-skip": "Run all other tests.",
    "--perf-gate=fail\\|warn\\|off": "`fail` (default): fail tests. `warn`: print the same texts and fail nothing. "
    "`off`: run each body once, untimed, those of pytest-benchmark's tests as well.",
    "--perf-strict": "Fail tests whose budgets or comparisons could not be judged. A pattern in `pyproject.toml` that "
    "matches nothing is an error, not a warning. It needs `--perf-gate=fail`.",
    "--perf-require=ready\\|conditional": "Fail a session that is less [ready](readiness.md). It needs "
    "`--perf-gate=fail`.",
    "--perf-max-time=TIME": "Longest measuring time of one measurement, such as `2s`; overrides `pyproject.toml`, "
    "markers and calls.",
    "--perf-comparable": "Time every test in 40 blocks between readings of the [weather](glossary.md), 0.3 s longer, "
    "so that [`perfbudget compare`](json.md) sees smaller changes between JSON reports.",
    "--perf-history=PATH": "Append the result of the session to this [history](history.md); overrides "
    "`pyproject.toml`, and an empty PATH switches the history off.",
    "--perf-histogram": "Show the distribution of the rounds of failed tests.",
    "--perf-spans": "Record the [spans](spans.md) of every perf test, and show where the time goes.",
    "--perf-output=[FORMAT:]PATH": "Write the results to a file; repeatable. FORMAT or the suffix picks the format: "
    "`json`, `md`, `csv`, `rounds` (CSV of single rounds), `html`, `prom` (OpenMetrics), `codequality` and `metrics` "
    "(reports of GitLab), `hgrm` (latencies of loads, for plotters of HdrHistogram), `k6` (loads in the shape of k6's "
    "summary).",
}
"""The options of the command line with their meanings."""

_BEGINNING: Final = """
# Configuration

After reading this page, you can use every setting and every command-line option.

The settings stand in `pyproject.toml` in pytest's root folder. The plugin reports each mistake in one line that names
the place and the remedy; pytest then ends with exit code 4.

## Settings of the session

These keys stand in `[tool.perfbudget]`. A key with the scope `any place` is also allowed in a marker, in a call, in a
`budgets` entry and in a component; [budgets](budgets.md#the-limit-that-holds) says which place wins.
"""
_SESSION_END: Final = """
Budget keywords are allowed in `[tool.perfbudget]` as well, such as `peak_mb = 500`. There they hold for every perf
test.

## Budgets of tests

`[tool.perfbudget.budgets]` maps patterns of node ids to tables. An entry makes a perf test of each test that it
matches. Its table holds budget keywords, keys with the scope `any place`, and this key:
"""
_COMPONENT: Final = """
```toml
[tool.perfbudget.budgets]
"tests/test_api.py::test_login*" = { p95_ms = 50, peak_mb = 64, max_regression = "10%" }
```

## Components

`[tool.perfbudget.components."NAME"]` holds budget keywords and keys with the scope `any place`, which hold for the
perf tests of a component. One more key says which tests these are:
"""
_DUET: Final = """
```toml
[tool.perfbudget.components."security.jwt"]
match = ["tests/security/test_jwt.py"]
p95_ms = 50
```

## Settings of the duet

These keys stand in `[tool.perfbudget.duet]`. They hold for `--perf-against`; see [against](against.md#settings).
"""
_MONITOR: Final = """
## Settings of the monitor

This key stands in `[tool.perfbudget.monitor]`; see [monitor](monitor.md#history). Tests do not use it.
"""
_ALERTS: Final = """
## Alerts

`[tool.perfbudget.alerts.NAME]` is an alert of the [monitor](monitor.md#alerts); tests do not use it. `metric` and
`limit` are required:
"""
_ALERTS_END: Final = """
```toml
[tool.perfbudget.alerts.slow-logins]
metric = "p95_ms"
component = "security.jwt"
window = "5m"
limit = 50
for = "2m"
```
"""
_OPTIONS_BEGINNING: Final = """
## Command-line options
"""


def configuration_page() -> str:
    """Return the page as Markdown."""
    parts = [
        _BEGINNING,
        _table(SESSION, with_scope=True),
        _SESSION_END,
        _table(setting for setting in LIMITS if setting not in SESSION),
        _COMPONENT,
        _table([MATCH]),
        _DUET,
        _table(DUET),
        _MONITOR,
        _table(MONITOR),
        _ALERTS,
        _table(ALERT),
        _ALERTS_END,
        _OPTIONS_BEGINNING,
        "\n".join(["| option | meaning |", "|---|---|", *(f"| `{key}` | {text} |" for key, text in OPTIONS.items())]),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _table(settings: Iterable[Setting], *, with_scope: bool = False) -> str:
    names = ["key", "default", *(["scope"] if with_scope else []), "meaning", "example"]
    rows = [names, ["---"] * len(names), *(list(_cells(one, with_scope=with_scope)) for one in settings)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(setting: Setting, *, with_scope: bool) -> Iterator[str]:
    yield f"`{setting.key}`"
    yield "" if setting.default is None else f"`{_toml(setting.default)}`"
    if with_scope:
        yield "any place" if setting.is_local else "session"
    yield setting.meaning
    yield f"`{setting.key} = {_toml(setting.example)}`"


def _toml(value: object) -> str:
    """Return a value as TOML; JSON writes texts, numbers, booleans and lists the same way."""
    return json.dumps(value)
