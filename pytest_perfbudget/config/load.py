"""The parser that turns the keywords of a load into a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_perfbudget.config.checks import duration_ns
from pytest_perfbudget.core.load.arrivals import Arrival, Stage, ramps
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.errors import ConfigError, shown

PARAMETERS: Final = (
    "users",
    "requests",
    "rate",
    "duration",
    "stages",
    "arrival",
    "think_time",
    "warm_up",
    "timeout",
)
"""The keywords of a load, beside budgets."""

_MOST_REQUESTS: Final = 50_000_000
"""The most requests of an open load, whose intended starts take 8 bytes each."""


_HIGHEST_RATE: Final = 1_000_000_000
"""The highest rate, one request in a nanosecond: the unit of intended starts. A larger number may fit into no float."""


def parse_plan(given: Mapping[str, object], place: str) -> LoadPlan:
    """Turn the keywords of a load into a plan.

    Args:
        given: the keywords of `PARAMETERS` that the user has written, with their values.
        place: the call, with which every error message begins.

    Raises:
        ConfigError: a value is impossible, or the keywords contradict each other or do not determine a load.
    """
    models = [one for one in ("users", "rate", "stages") if one in given]
    if len(models) != 1:
        found = f"found {' and '.join(models)}" if models else "found none of them"
        message = f"{place}: give users= (closed model), or rate= or stages= (open model): {found}"
        raise ConfigError(message)
    times = {key: duration_ns(given[key], key, place) for key in ("warm_up", "timeout", "think_time") if key in given}
    shared = {f"{key}_ns": value for key, value in times.items()}
    if models == ["users"]:
        return _closed(given, place, shared)
    return _open(given, place, shared)


def _closed(given: Mapping[str, object], place: str, shared: dict[str, Any]) -> LoadPlan:
    _refuse(given, place, {"arrival": "users decide when their requests start: give rate= for arrivals"})
    users = _whole(given["users"], "users", place)
    if ("requests" in given) is ("duration" in given):
        both = "not both" if "requests" in given else "found neither"
        message = f"{place}: users need requests= (for each user) or duration= (such as '10s'), {both}"
        raise ConfigError(message)
    if "requests" in given:
        return LoadPlan(users, requests=_whole(given["requests"], "requests", place), **shared)
    return LoadPlan(users, duration_ns=duration_ns(given["duration"], "duration", place), **shared)


def _open(given: Mapping[str, object], place: str, shared: dict[str, Any]) -> LoadPlan:
    model = "stages" if "stages" in given else "rate"
    instead = "" if "stages" in given else ": give duration= instead"
    reasons = {
        "requests": f"requests is the number for each user, and {model}= has no users{instead}",
        "think_time": f"think_time is the pause of a user, and {model}= has no users",
    }
    _refuse(given, place, reasons)
    arrival = _arrival(given.get("arrival", Arrival.CONSTANT.value), place)
    if "stages" in given:
        _refuse(given, place, {"duration": "each stage has its own duration, so duration= has no meaning"})
        stages = tuple(_stages(given["stages"], place))
    elif "duration" not in given:
        message = f"{place}: rate needs duration=, such as '10s'"
        raise ConfigError(message)
    else:
        rate = _rate(given["rate"], "rate", place)
        stages = (Stage(rate, rate, duration_ns(given["duration"], "duration", place)),)
    if (total := sum(one.requests for one in stages)) > _MOST_REQUESTS:
        message = f"{place}: {model}= makes {total:,.0f} requests, and at most {_MOST_REQUESTS:,} can be planned"
        raise ConfigError(message)
    return LoadPlan(stages=stages, duration_ns=sum(one.duration_ns for one in stages), arrival=arrival, **shared)


def _refuse(given: Mapping[str, object], place: str, reasons: Mapping[str, str]) -> None:
    for key, reason in reasons.items():
        if key in given:
            message = f"{place}: {reason}"
            raise ConfigError(message)


def _stages(value: object, place: str) -> list[Stage]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        message = f"{place}: stages must be a list such as [(50, '5s'), (500, '20s')], found {shown(value)}"
        raise ConfigError(message)
    targets = []
    for number, one in enumerate(value, start=1):
        key = f"stage {number}"
        if isinstance(one, str) or not isinstance(one, Sequence) or len(one) != 2 or isinstance(one[0], str):
            message = f"{place}: {key} must be (rate, duration), such as (50, '5s'), found {shown(one)}"
            raise ConfigError(message)
        rate = _rate(one[0], f"the rate of {key}", place, least=0.0)
        targets.append((rate, duration_ns(one[1], f"the duration of {key}", place)))
    stages = ramps(targets)
    if sum(one.requests for one in stages) < 1:
        message = f"{place}: stages make no request: a rate has to be above zero for long enough"
        raise ConfigError(message)
    return stages


def _whole(value: object, key: str, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        message = f"{place}: {key} must be a whole number above zero, found {shown(value)}"
        raise ConfigError(message)
    return value


def _rate(value: object, key: str, place: str, least: float = 1e-6) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= _HIGHEST_RATE:
        sort = "zero or more" if least == 0 else "above zero"
        if isinstance(value, (int, float)) and value > _HIGHEST_RATE:
            sort = f"at most {_HIGHEST_RATE:,}"
        message = f"{place}: {key} must be a number of requests per second, {sort}, found {shown(value)}"
        raise ConfigError(message)
    return float(value)


def _arrival(value: object, place: str) -> Arrival:
    try:
        return Arrival(value)
    except ValueError:
        names = " or ".join(repr(one.value) for one in Arrival)
        message = f"{place}: arrival must be {names}, found {shown(value)}"
        raise ConfigError(message) from None
