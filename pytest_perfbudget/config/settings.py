"""The definitions of the settings of a session: key, check, default, meaning and an example, each in one row.

`parser` reads pyproject.toml by these definitions, and `page` writes the guide's page on configuration from them.
"""

from __future__ import annotations

from typing import Final

from pytest_perfbudget.config.checks import (
    anchor,
    choice,
    command,
    component,
    day_count,
    duration_ns,
    flag,
    history_path,
    json_path,
    patterns,
    requirement,
    run_count,
    share,
    tolerance,
)
from pytest_perfbudget.config.setting import Setting

SESSION: Final = (
    Setting(
        key="max_time",
        check=duration_ns,
        default="1s",
        meaning="Longest measuring time of one measurement; `--perf-max-time` overrides it.",
        example="250ms",
        field="max_time_ns",
        is_local=True,
    ),
    Setting(
        key="pin",
        check=flag,
        default=True,
        meaning="Compare on one CPU: both commits of `--perf-against`, and threads that take turns with the baseline; "
        "`false` allows all CPUs.",
        example=False,
        is_local=True,
    ),
    Setting(
        key="unmeasured",
        check=choice("fail", "warn"),
        default="fail",
        meaning="The effect of a limit whose number the test never takes; with `--perf-against`, also of a test that "
        "the other commit has and that could not be compared.",
        example="warn",
        is_local=True,
    ),
    Setting(
        key="count_instructions",
        check=flag,
        default=False,
        meaning="Compare the [bytecode instructions](budgets.md#instructions) of an execution, too; they are compared "
        "without it where `max_instructions` limits them.",
        example=True,
        is_local=True,
    ),
    Setting(
        key="warn_at",
        check=share,
        default=0.8,
        meaning="Share of a budget from which the report shows `near limit`.",
        example=0.9,
    ),
    Setting(
        key="strict",
        check=flag,
        default=False,
        meaning="Fail whatever could not be judged, as `--perf-strict` does.",
        example=True,
    ),
    Setting(
        key="require",
        check=requirement,
        default="",
        meaning="The least [readiness](readiness.md): a session of perf tests that is less ready fails; "
        "`--perf-require` overrides it; empty for none.",
        example="conditional",
    ),
    Setting(
        key="alpha",
        check=share,
        default=0.01,
        meaning="Highest probability of an error: of a false `exceeded` for each budget, and of a false `regressed` "
        "time in a whole session.",
        example=0.001,
    ),
    Setting(
        key="confidence",
        check=share,
        default=0.95,
        meaning="A false `within` has at most the probability `1 - confidence`.",
        example=0.99,
    ),
    Setting(
        key="max_regression",
        check=tolerance,
        default="5%",
        meaning="Tolerance: measured growth up to this fails no test, be it of time, function calls or peak memory.",
        example="10%",
        is_local=True,
    ),
    Setting(
        key="baseline",
        check=json_path,
        default="perf-baseline.json",
        meaning="Path of the baseline from the folder of `pyproject.toml`; if it is set and the file is missing, "
        "every test is `new`.",
        example="perf/baseline.json",
    ),
    Setting(
        key="baseline_runs",
        check=run_count,
        default=10,
        meaning="Number of fresh processes with which `--perf-update-baseline` measures.",
        example=20,
    ),
    Setting(
        key="codspeed",
        check=flag,
        default=False,
        meaning="Make perf tests of tests with CodSpeed's markers, `benchmark` or `codspeed_benchmark`: measure their "
        "bodies.",
        example=True,
    ),
    Setting(
        key="confirm",
        check=choice("auto", "duet", "runs"),
        default="auto",
        meaning="How a suspect of the baseline is measured again: `runs` in fresh processes, `duet` beside the "
        "baseline's commit, `auto` by a duet where git has the commit, and by runs where it has not or more may have "
        "changed.",
        example="runs",
    ),
    Setting(
        key="history",
        check=history_path,
        default="",
        meaning="Path of the [history](history.md) from the folder of `pyproject.toml`, to which every session "
        "appends its result; empty for no history.",
        example=".perfbudget/history.db",
    ),
    Setting(
        key="history_days",
        check=day_count,
        default=30,
        meaning="Number of days for which the history keeps a session.",
        example=90,
    ),
    Setting(
        key="anchor",
        check=anchor,
        default="",
        meaning="The commit since which the [history](history.md#drift) judges drift, or `last-tag`; empty for "
        "no drift.",
        example="last-tag",
    ),
    Setting(
        key="max_drift",
        check=tolerance,
        meaning="Growth since the anchor that fails the session; growth above `max_regression` is a warning.",
        example="5%",
        is_local=True,
    ),
)
"""The keys of `[tool.perfbudget]` itself, beside the budget keywords."""

DUET: Final = (
    Setting(
        key="mode",
        check=choice("together", "sequential"),
        default="together",
        meaning="Run the processes of base and head at the same time, or one after the other.",
        example="sequential",
    ),
    Setting(
        key="changed_tests",
        check=choice("gate", "skip"),
        default="gate",
        meaning="Compare a test that differs in the base like any other, or show it as `changed` and never fail it.",
        example="skip",
    ),
    Setting(
        key="tests_from",
        check=choice("each", "head"),
        default="each",
        meaning="Run each commit's own tests, or the head's tests on both sides.",
        example="head",
    ),
    Setting(
        key="setup",
        check=command,
        meaning="Command that builds or installs the base; `{python}` and `{tree}` stand for the base's interpreter "
        "and checkout.",
        example="{python} -m pip install {tree}",
    ),
)
"""The keys of `[tool.perfbudget.duet]`."""

LIMITS: Final = (
    Setting(
        key="component",
        check=component,
        meaning="The component that the test or measurement belongs to.",
        example="security.jwt",
    ),
    *(setting for setting in SESSION if setting.is_local),
)
"""The keys of a marker, a call and a `budgets` entry, beside the budget keywords."""

MATCH: Final = Setting(
    key="match",
    check=patterns,
    default=[],
    meaning="Patterns of the tests that belong to the component.",
    example=["tests/security/test_jwt.py"],
)
"""The key that only the table of a component has."""
