"""Sessions of a history for tests."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_perfbudget.core.history.service_window import MINUTE_S, ServiceProcess, ServiceWindow
from pytest_perfbudget.core.history.session import Circumstances, HistoryPoint, HistorySession
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.tally import Tally

DAY_S = 86_400.0
START_S = 1_790_000_000.0  # 21 September 2026
SERVICE_S = 1_790_000_040  # the first full minute after that
MACHINE = "AMD EPYC, x86_64, Linux"


def commit_name(number: int) -> str:
    return hashlib.sha1(str(number).encode()).hexdigest()


def point(value: float = 4e6, **changed: Any) -> HistoryPoint:
    given: dict[str, Any] = {
        "test": "tests/test_api.py::test_login", "name": "", "component": "web", "metric": "median", "unit": "ns",
        "direction": Direction.LOWER, "value": value, "std_error": 0.01,
    }  # fmt: skip
    return HistoryPoint(**{**given, **changed})


def session(number: int = 0, points: Sequence[HistoryPoint] | None = None, **changed: Any) -> HistorySession:
    """Return the session of a day, with one point unless others are given."""
    given: dict[str, Any] = {
        "id": f"{number:032x}", "at_s": START_S + number * DAY_S, "commit": commit_name(number), "branch": "main",
        "machine_key": "1a2b3c4d", "machine": MACHINE, "python": "CPython 3.11.7", "lock": "9f8e7d6c",
    }  # fmt: skip
    return HistorySession(Circumstances(**{**given, **changed}), [point()] if points is None else points)


def window(minute: int = 0, component: str = "gateway", durations_ms: Sequence[float] = (4, 5, 6)) -> ServiceWindow:
    """Return the requests of a component in a minute after `SERVICE_S`."""
    tally = Tally.of(round(one * 1e6) for one in durations_ms)
    return ServiceWindow(component, SERVICE_S + minute * MINUTE_S, MINUTE_S, tally)


def process(writer: str = "a", at_s: float = SERVICE_S, **state: Any) -> ServiceProcess:
    return ServiceProcess(writer, SERVICE_S, at_s, state)


def history(days: int = 30) -> list[HistorySession]:
    """Return sessions of measurements that step up, step down, creep, end far off, stay, and are new."""
    chosen = random.Random(1)

    def near(value: float, **changed: Any) -> HistoryPoint:
        return point(value * math.exp(chosen.gauss(0, 0.01)), **changed)

    def of(day: int) -> Iterator[HistoryPoint]:
        yield near(4.5e6 if day >= 18 else 4e6)
        yield near(5.6e6 if day >= 18 else 5e6, metric="p95", limit=6e6, std_error=None, verdict="within")
        yield near(4e6, test="tests/test_api.py::test_logout")
        yield near(2e6 * 1.01**day, test="tests/test_api.py::test_search[large]", limit=2.8e6)
        yield near(3.9e6 if day == days - 1 else 3e6, test="tests/test_db.py::test_query", component="db.read")
        yield near(2e6 if day >= 10 else 3e6, test="tests/test_db.py::test_write", component="db.write", name="commit")
        if day > days - 3:
            yield near(3e6, test="tests/test_db.py::test_new", component="db.read")

    return [session(day, list(of(day)), python=f"CPython 3.11.{7 if day < 5 else 8}") for day in range(days)]
