"""Sessions of a history for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from pytest_perfbudget.core.history.session import Circumstances, HistoryPoint, HistorySession
from pytest_perfbudget.core.metrics import Direction

DAY_S = 86_400.0
START_S = 1_790_000_000.0  # 21 September 2026
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
