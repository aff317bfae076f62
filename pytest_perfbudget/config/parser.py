"""The parser that turns the table of pyproject.toml and the keywords of markers and calls into settings and limits."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.config.checks import table as checked_table
from pytest_perfbudget.config.monitor_settings import ALERT, MONITOR
from pytest_perfbudget.config.setting import Setting
from pytest_perfbudget.config.settings import DUET, LIMITS, MATCH, SESSION
from pytest_perfbudget.core.alerts import AlertRule
from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.limits import Limits, Rule, specificity
from pytest_perfbudget.core.settings import DuetSettings, MonitorSettings, Settings
from pytest_perfbudget.core.span_budgets import parse_span_budgets
from pytest_perfbudget.errors import ConfigError, nearest
from pytest_perfbudget.table_name import NAME, is_misspelt, may_have_table, misplaced

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE: Final = f"[tool.{NAME}]"

SPANS: Final = "spans"
"""The key of limits on spans."""


def load_settings(file: Path) -> Settings:
    """Read `[tool.perfbudget]` from a pyproject.toml; return the defaults if there is no such file or table.

    Raises:
        ConfigError: the table has an unknown key or a wrong value, or the file cannot be read or is no TOML, or an INI
            file beside it has the table.
    """
    if (other := misplaced(file.parent)) is not None:
        message = f"{other.name} has a table of {NAME}, which is not read: move the table to {file.name} as {TABLE}"
        raise ConfigError(message)
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        message = f"{file.name}: cannot be read: {error.strerror}"
        raise ConfigError(message) from error
    return settings_of(content, file.name)


def settings_of(content: bytes, file: str) -> Settings:
    """Return the settings in the content of a pyproject.toml; the defaults if it has no table.

    Args:
        content: the content.
        file: the file's name, with which every error message begins.

    Raises:
        ConfigError: the table has an unknown key or a wrong value, or the content is no TOML.
    """
    if not may_have_table(content):
        return Settings()
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{file}: is no valid TOML: {error}"
        raise ConfigError(message) from error
    if NAME in document:
        message = f"{file} [{NAME}]: this table is not read: its name is {TABLE}"
        raise ConfigError(message)
    tools = document.get("tool", {})
    for name in tools:
        if is_misspelt(name):
            message = f"{file} [tool.{name}]: this table is not read: its name is {TABLE}"
            raise ConfigError(message)
    return parse_settings(tools.get(NAME, {}), file)


def parse_settings(table: object, file: str) -> Settings:
    """Turn the table into settings.

    Args:
        table: the parsed value of `[tool.perfbudget]`.
        file: the file's name, with which every error message begins.

    Raises:
        ConfigError: the table has an unknown key or a wrong value.
    """
    place = f"{file} {TABLE}"
    rest = dict(checked_table(table, place))
    values: dict[str, Any] = {
        setting.attribute: setting.check(rest.pop(setting.key), setting.key, place)
        for setting in SESSION
        if setting.key in rest
    }
    values["baseline_asked"] = "baseline" in values
    entries = checked_table(rest.pop("budgets", {}), f"{file} [tool.perfbudget.budgets]")
    components = checked_table(rest.pop("components", {}), f"{file} [tool.perfbudget.components]")
    duet_table, notes = _with_present_words(rest.pop("duet", {}), f"{file} [tool.perfbudget.duet]")
    duet = _duet(duet_table, f"{file} [tool.perfbudget.duet]")
    monitor = _monitor(rest.pop("monitor", {}), file, has_history=bool(values.get("history")))
    alerts = checked_table(rest.pop("alerts", {}), f"{file} [tool.perfbudget.alerts]")
    spans = parse_span_budgets(
        rest.pop(SPANS, {}),
        f"{file} [tool.perfbudget.spans]",
        lambda name: f'{file} [tool.perfbudget.spans."{name}"]',
        general=True,
    )
    known = [*(setting.key for setting in SESSION), "budgets", "components", "duet", "monitor", "alerts", SPANS]
    budgets = tuple(parse_budgets(rest, place, known, general=True, everywhere=True))
    limits = Limits(budgets=budgets, spans=spans)
    rules = [_entry(pattern, entry, file) for pattern, entry in entries.items()]
    rules.sort(key=lambda rule: specificity(rule.patterns[0]), reverse=True)
    return Settings(
        **values,
        duet=duet,
        monitor=monitor,
        notes=notes,
        limits=limits,
        entries=tuple(rules),
        components=tuple(_component(name, entry, file) for name, entry in components.items()),
        alerts=tuple(_alert(name, entry, file) for name, entry in alerts.items()),
    )


def parse_limits(
    keywords: Mapping[str, object],
    place: str,
    *,
    name: str | None = None,
    more: Iterable[str] = (),
    general: bool = False,
) -> Limits:
    """Turn the keywords of a marker, a call or a table entry into limits.

    Raises:
        ConfigError: a keyword is unknown, has a wrong value, or is a setting of the whole session.
    """
    rest = dict(keywords)
    for setting in SESSION:
        if setting.key in rest and not setting.is_local:
            message = (
                f"{place}: {setting.key} is a setting of the whole session: it belongs in {TABLE} of pyproject.toml"
            )
            raise ConfigError(message)
    values: dict[str, Any] = {
        setting.attribute: setting.check(rest.pop(setting.key), setting.key, place)
        for setting in LIMITS
        if setting.key in rest
    }
    spans = parse_span_budgets(rest.pop(SPANS, {}), place, general=general)
    known = [*(setting.key for setting in LIMITS), SPANS, *more]
    budgets = tuple(parse_budgets(rest, place, known, general=general))
    return Limits(budgets=budgets, name=name, spans=spans, **values)


def _entry(pattern: str, entry: object, file: str) -> Rule:
    place = f'{file} [tool.perfbudget.budgets] "{pattern}"'
    return Rule((pattern,), parse_limits(checked_table(entry, place), place), place)


def _component(name: str, entry: object, file: str) -> Rule:
    place = f'{file} [tool.perfbudget.components."{name}"]'
    rest = dict(checked_table(entry, place))
    patterns: Any = MATCH.check(rest.pop(MATCH.key, MATCH.default), MATCH.key, place)
    if "component" in rest:
        message = f"{place}: component is the table's own name here: remove the key"
        raise ConfigError(message)
    limits = parse_limits(rest, place, more=[MATCH.key], general=True)
    return Rule(patterns, replace(limits, component=name), place)


def _with_present_words(value: object, place: str) -> tuple[object, tuple[str, ...]]:
    """Return the table with outdated words replaced, and a note about each replaced word."""
    if not isinstance(value, dict) or value.get("mode") != "turns":
        return value, ()
    return {**value, "mode": "sequential"}, (f"{place}: mode = 'turns' is called 'sequential' now: write that",)


def _duet(value: object, place: str) -> DuetSettings:
    return DuetSettings(**_checked(value, DUET, place))


def _monitor(value: object, file: str, *, has_history: bool) -> MonitorSettings:
    place = f"{file} [tool.perfbudget.monitor]"
    found = MonitorSettings(**_checked(value, MONITOR, place))
    if found.history and not has_history:
        message = f'{place}: history = true needs a file: set history = ".perfbudget/history.db" in {TABLE}'
        raise ConfigError(message)
    return found


def _alert(name: str, value: object, file: str) -> AlertRule:
    place = f'{file} [tool.perfbudget.alerts."{name}"]'
    values = _checked(value, ALERT, place)
    for key in ("metric", "limit"):
        if key not in values:
            message = f"{place}: {key} is missing"
            raise ConfigError(message)
    rule = AlertRule(name=name, source=place, **values)
    if not (rule.component or rule.watched.is_of_service):
        message = f"{place}: {rule.metric} is a number of a component: name the component"
        raise ConfigError(message)
    if not rule.watched.can_cross(rule.limit):
        example = ", such as 0.05 for 5 %" if rule.metric == "error_rate" else ""
        message = (
            f"{place}: limit of {rule.metric} must be {rule.watched.range_of_limits()}{example}, found {rule.limit:g}"
        )
        raise ConfigError(message)
    return rule


def _checked(value: object, settings: Iterable[Setting], place: str) -> dict[str, Any]:
    """Return the values of a table by attribute, each checked by the definition of its key."""
    known = {setting.key: setting for setting in settings}
    values: dict[str, Any] = {}
    for key, given in checked_table(value, place).items():
        if key not in known:
            message = f"{place}: unknown key {key!r}{nearest(key, known)}"
            raise ConfigError(message)
        values[known[key].attribute] = known[key].check(given, key, place)
    return values
