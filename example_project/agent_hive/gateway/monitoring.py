"""The monitor of the gateway: the budgets of its tests, held to what it serves."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_perfbudget import Monitor

COMPONENT: Final = "http"
"""The component of all requests; the parts of a request, `gateway` among them, are components by their spans."""

_BUDGETS: Final = Path(__file__).parents[2] / "pyproject.toml"


def gateway_monitor() -> Monitor:
    """Return a monitor with the budgets of this project."""
    return Monitor.from_pyproject(_BUDGETS)
