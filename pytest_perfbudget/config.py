"""What users configure, checked once: the table of pyproject.toml, and the keywords of a marker."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.limits import DuetSettings, Limits, RegressionTolerance, Rule, Settings, specificity
from pytest_perfbudget.core.reference import FEWEST_RUNS
from pytest_perfbudget.core.units import parse_duration_ns, parse_share
from pytest_perfbudget.errors import ConfigError, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE: Final = "[tool.perfbudget]"
_MOST_RUNS = 100


def load_settings(file: Path) -> Settings:
    """Read `[tool.perfbudget]` of a pyproject.toml; the defaults if there is no such file or table.

    Raises:
        ConfigError: an unknown key, a wrong value, a file that is no TOML.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        message = f"{file.name}: cannot be read: {error.strerror}"
        raise ConfigError(message) from error
    if b"perfbudget" not in content:
        return Settings()
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{file.name}: is no valid TOML: {error}"
        raise ConfigError(message) from error
    table = document.get("tool", {}).get("perfbudget", {})
    return parse_settings(table, file.name)


def normalized(name: str) -> str:
    """Return the one way to write a project's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def project_name(file: Path) -> str:
    """Return what a pyproject.toml calls its project, normalized; empty if it does not say."""
    try:
        return normalized(tomllib.loads(file.read_text("utf-8"))["project"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def parse_settings(table: object, file: str) -> Settings:
    """Turn the table into settings.

    Args:
        table: what TOML gave for `[tool.perfbudget]`.
        file: the file's name; it opens every error message.

    Raises:
        ConfigError: an unknown key or a wrong value.
    """
    place = f"{file} {TABLE}"
    rest = dict(_table(table, place))
    values: dict[str, Any] = {key: check(rest.pop(key), key, place) for key, check in _SETTINGS.items() if key in rest}
    if "max_time" in values:
        values["max_time_ns"] = values.pop("max_time")
    values["baseline_asked"] = "baseline" in values
    entries = _table(rest.pop("budgets", {}), f"{file} [tool.perfbudget.budgets]")
    components = _table(rest.pop("components", {}), f"{file} [tool.perfbudget.components]")
    duet_table, notes = _with_present_words(rest.pop("duet", {}), f"{file} [tool.perfbudget.duet]")
    duet = _duet(duet_table, f"{file} [tool.perfbudget.duet]")
    known = [*_SETTINGS, "budgets", "components", "duet"]
    limits = Limits(budgets=tuple(parse_budgets(rest, place, known, general=True)))
    rules = [_entry(pattern, entry, file) for pattern, entry in entries.items()]
    rules.sort(key=lambda rule: specificity(rule.patterns[0]), reverse=True)
    return Settings(
        **values,
        duet=duet,
        notes=notes,
        limits=limits,
        entries=tuple(rules),
        components=tuple(_component(name, entry, file) for name, entry in components.items()),
    )


def parse_limits(
    keywords: Mapping[str, object],
    place: str,
    *,
    name: str | None = None,
    more: Iterable[str] = (),
    general: bool = False,
) -> Limits:
    """Turn the keywords of a marker, a call or a table entry into terms.

    Raises:
        ConfigError: an unknown keyword or a wrong value.
    """
    rest = dict(keywords)
    for key in _SETTINGS.keys() & rest.keys() - {"max_time", "max_regression", "pin"}:
        message = f"{place}: {key} is a setting of the whole session: it belongs in {TABLE} of pyproject.toml"
        raise ConfigError(message)
    component = rest.pop("component", None)
    if component is not None and (not isinstance(component, str) or not component):
        message = f"{place}: component must be a name such as 'security.jwt', found {component!r}"
        raise ConfigError(message)
    if component is not None:
        component = str.__str__(component)  # an enum of strings would not cross to an xdist controller
    max_time_ns = duration_ns(rest.pop("max_time"), "max_time", place) if "max_time" in rest else None
    tolerance = _tolerance(rest.pop("max_regression"), "max_regression", place) if "max_regression" in rest else None
    pin = _flag(rest.pop("pin"), "pin", place) if "pin" in rest else None
    budgets = parse_budgets(rest, place, ["component", "max_time", "max_regression", "pin", *more], general=general)
    return Limits(tuple(budgets), component, max_time_ns, name, tolerance, pin)


def _entry(pattern: str, entry: object, file: str) -> Rule:
    place = f'{file} [tool.perfbudget.budgets] "{pattern}"'
    return Rule((pattern,), parse_limits(_table(entry, place), place), place)


def _component(name: str, entry: object, file: str) -> Rule:
    place = f'{file} [tool.perfbudget.components."{name}"]'
    rest = dict(_table(entry, place))
    match = rest.pop("match", [])
    patterns = [match] if isinstance(match, str) else match
    if not isinstance(patterns, list) or not all(isinstance(one, str) and one for one in patterns):
        message = f"{place}: match must be a list of patterns such as 'tests/test_jwt.py::*', found {match!r}"
        raise ConfigError(message)
    if "component" in rest:
        message = f"{place}: component is the table's own name here: remove the key"
        raise ConfigError(message)
    limits = parse_limits(rest, place, more=["match"], general=True)
    return Rule(tuple(patterns), replace(limits, component=name), place)


def _with_present_words(value: object, place: str) -> tuple[object, tuple[str, ...]]:
    """Return the table with the words of today for those of before, and a note on each that was replaced."""
    if not isinstance(value, dict) or value.get("mode") != "turns":
        return value, ()
    return {**value, "mode": "sequential"}, (f"{place}: mode = 'turns' is called 'sequential' now: write that",)


def _duet(value: object, place: str) -> DuetSettings:
    table = dict(_table(value, place))
    setup = table.pop("setup", "")
    if not isinstance(setup, str) or ("setup" in _table(value, place) and not setup.strip()):
        message = f"{place}: setup must be a command such as '{{python}} -m pip install {{tree}}', found {setup!r}"
        raise ConfigError(message)
    for key, given in table.items():
        if key not in _DUET:
            message = f"{place}: unknown key {key!r}{nearest(key, [*_DUET, 'setup'])}"
            raise ConfigError(message)
        if given not in _DUET[key]:
            choices = " or ".join(f"'{one}'" for one in _DUET[key])
            message = f"{place}: {key} must be {choices}, found {given!r}"
            raise ConfigError(message)
    return DuetSettings(setup=setup, **{key: str(given) for key, given in table.items()})


def _table(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        message = f"{place}: must be a table, such as {{ p95_ms = 50 }}, found {value!r}"
        raise ConfigError(message)
    return value


def duration_ns(value: object, key: str, place: str) -> int:
    """Return a duration in ns, or raise a ConfigError that names the place."""
    try:
        return parse_duration_ns(value)
    except ValueError as error:
        message = f"{place}: {key}: {error}"
        raise ConfigError(message) from error


def _share(value: object, key: str, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        message = f"{place}: {key} must be a number between 0 and 1, found {value!r}"
        raise ConfigError(message)
    return float(value)


def _tolerance(value: object, key: str, place: str) -> RegressionTolerance:
    try:
        return RegressionTolerance(parse_share(value), f"{key} = {value!r} of {place}")
    except ValueError as error:
        message = f"{place}: {key}: {error}"
        raise ConfigError(message) from error


def _path(value: object, key: str, place: str) -> str:
    if not isinstance(value, str) or not value.endswith(".json"):
        message = f"{place}: {key} must be the path of a .json file, from this file's folder, found {value!r}"
        raise ConfigError(message)
    return value


def _runs(value: object, key: str, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not FEWEST_RUNS <= value <= _MOST_RUNS:
        message = f"{place}: {key} must be a whole number from {FEWEST_RUNS} to {_MOST_RUNS}, found {value!r}"
        raise ConfigError(message)
    return value


def _flag(value: object, key: str, place: str) -> bool:
    if not isinstance(value, bool):
        message = f"{place}: {key} must be true or false, found {value!r}"
        raise ConfigError(message)
    return value


def _confirm(value: object, key: str, place: str) -> str:
    if value not in _CONFIRM:
        message = f"{place}: {key} must be {' or '.join(map(repr, _CONFIRM))}, found {value!r}"
        raise ConfigError(message)
    return str(value)


_CONFIRM: Final = ("auto", "duet", "runs")
_DUET: Final[Mapping[str, tuple[str, ...]]] = {
    "changed_tests": ("gate", "skip"),
    "mode": ("together", "sequential"),
    "tests_from": ("each", "head"),
}

_SETTINGS: Final[Mapping[str, Callable[[object, str, str], object]]] = {
    "alpha": _share,
    "baseline": _path,
    "baseline_runs": _runs,
    "confidence": _share,
    "confirm": _confirm,
    "max_regression": _tolerance,
    "max_time": duration_ns,
    "pin": _flag,
    "strict": _flag,
    "warn_at": _share,
}
