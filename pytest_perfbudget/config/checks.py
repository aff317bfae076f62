"""Checks of single values: each returns the value as it is stored, or raises a ConfigError that names the place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from pytest_perfbudget.core.alerts import OTHER_METRICS, alert_metrics
from pytest_perfbudget.core.limits import RegressionTolerance
from pytest_perfbudget.core.reference import FEWEST_RUNS
from pytest_perfbudget.core.units import NS_PER, parse_duration_ns, parse_share
from pytest_perfbudget.errors import ConfigError, nearest

Check = Callable[[object, str, str], object]
"""A function that takes a value as written, its key and its place, and returns the value as it is stored."""

_MOST_RUNS: Final = 100
_MOST_DAYS: Final = 3650
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_PERIOD: Final = re.compile(r"(\d{1,6}) ?([smh])")


def duration_ns(value: object, key: str, place: str) -> int:
    """Return a duration in ns."""
    try:
        return parse_duration_ns(value)
    except ValueError as error:
        message = f"{place}: {key}: {error}"
        raise ConfigError(message) from error


def period_ns(value: object, key: str, place: str) -> int:
    """Return a time of a running service, in ns, which may also be in minutes and hours."""
    found = _PERIOD.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = f"{place}: {key} must be a time such as '30s', '2m' or '1h', found {value!r}"
        raise ConfigError(message)
    return int(found[1]) * _SECONDS[found[2]] * NS_PER["s"]


def alert_metric(value: object, key: str, place: str) -> str:
    """Return the word for a number that an alert can watch."""
    known = alert_metrics()
    if not isinstance(value, str) or value not in known:
        hint = ""
        if isinstance(value, str):
            hint = f" (did you mean '{value}_ms'?)" if f"{value}_ms" in known else nearest(value, known)
        names = f"{', '.join(OTHER_METRICS)}, or a statistic with its unit such as p95_ms"
        message = f"{place}: {key} {value!r} is unknown{hint}: use {names}"
        raise ConfigError(message)
    return value


def alert_limit(value: object, key: str, place: str) -> float:
    """Return the limit of an alert."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        message = f"{place}: {key} must be a number from zero up, found {value!r}"
        raise ConfigError(message)
    return float(value)


def share(value: object, key: str, place: str) -> float:
    """Return a number between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        message = f"{place}: {key} must be a number between 0 and 1, found {value!r}"
        raise ConfigError(message)
    return float(value)


def tolerance(value: object, key: str, place: str) -> RegressionTolerance:
    """Return the growth that is allowed, with the place as its source."""
    try:
        return RegressionTolerance(parse_share(value), f"{key} = {value!r} of {place}")
    except ValueError as error:
        message = f"{place}: {key}: {error}"
        raise ConfigError(message) from error


def requirement(value: object, key: str, place: str) -> str:
    """Return the least readiness of a session; an empty text requires none."""
    if value not in ("", "ready", "conditional"):
        message = f"{place}: {key} must be 'ready' or 'conditional', found {value!r}"
        raise ConfigError(message)
    return str(value)


def json_path(value: object, key: str, place: str) -> str:
    """Return the path of a JSON file."""
    if not isinstance(value, str) or not value.endswith(".json"):
        message = f"{place}: {key} must be the path of a .json file, from this file's folder, found {value!r}"
        raise ConfigError(message)
    return value


def history_path(value: object, key: str, place: str) -> str:
    """Return the path of a history; an empty text stands for no history."""
    if not isinstance(value, str) or (value and not value.endswith(".db")):
        message = f"{place}: {key} must be the path of a .db file, from this file's folder, found {value!r}"
        raise ConfigError(message)
    return value


def anchor(value: object, key: str, place: str) -> str:
    """Return the name of a commit; an empty text stands for no anchor."""
    if not isinstance(value, str) or value.startswith("-") or value != value.strip():
        message = f"{place}: {key} must be 'last-tag' or a tag, a branch or a commit of git, found {value!r}"
        raise ConfigError(message)
    return value


def day_count(value: object, key: str, place: str) -> int:
    """Return a number of days."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_DAYS:
        message = f"{place}: {key} must be a whole number of days from 1 to {_MOST_DAYS}, found {value!r}"
        raise ConfigError(message)
    return value


def run_count(value: object, key: str, place: str) -> int:
    """Return the number of processes that make a baseline."""
    if isinstance(value, bool) or not isinstance(value, int) or not FEWEST_RUNS <= value <= _MOST_RUNS:
        message = f"{place}: {key} must be a whole number from {FEWEST_RUNS} to {_MOST_RUNS}, found {value!r}"
        raise ConfigError(message)
    return value


def flag(value: object, key: str, place: str) -> bool:
    """Return a boolean; a number is no boolean."""
    if not isinstance(value, bool):
        message = f"{place}: {key} must be true or false, found {value!r}"
        raise ConfigError(message)
    return value


def choice(*words: str) -> Check:
    """Return a check that allows these words only."""

    def check(value: object, key: str, place: str) -> str:
        if value not in words:
            message = f"{place}: {key} must be {' or '.join(map(repr, words))}, found {value!r}"
            raise ConfigError(message)
        return str(value)

    return check


def command(value: object, key: str, place: str) -> str:
    """Return a command line."""
    if not isinstance(value, str) or not value.strip():
        message = f"{place}: {key} must be a command such as '{{python}} -m pip install {{tree}}', found {value!r}"
        raise ConfigError(message)
    return value


def component(value: object, key: str, place: str) -> str | None:
    """Return the name of a component; None stands for no component."""
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        message = f"{place}: {key} must be a name such as 'security.jwt', found {value!r}"
        raise ConfigError(message)
    return str.__str__(value)  # an xdist worker cannot send an enum of strings to its controller


def patterns(value: object, key: str, place: str) -> tuple[str, ...]:
    """Return patterns of node ids; a single pattern may stand without a list."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        message = f"{place}: {key} must be a list of patterns such as 'tests/test_jwt.py::*', found {value!r}"
        raise ConfigError(message)
    return tuple(found)


def table(value: object, place: str) -> Mapping[str, object]:
    """Return a table."""
    if not isinstance(value, dict):
        message = f"{place}: must be a table, such as {{ p95_ms = 50 }}, found {value!r}"
        raise ConfigError(message)
    return value
