"""Performance budgets and regression gating for pytest.

PYTEST_DONT_REWRITE: this module has no assertion. `perfbudget gate` and applications import it before pytest starts,
which would else warn of a plugin whose assertions cannot be rewritten.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_perfbudget.core.load.result import LoadResult
    from pytest_perfbudget.monitor import Monitor
    from pytest_perfbudget.plugin.measuring.load_fixture import PerfLoad
    from pytest_perfbudget.plugin.measuring.perf_fixture import Perf
    from pytest_perfbudget.tracing import track

__all__ = ["LoadResult", "Monitor", "Perf", "PerfLoad", "track"]

_PLACES = {
    "LoadResult": "pytest_perfbudget.core.load.result",
    "Monitor": "pytest_perfbudget.monitor",
    "Perf": "pytest_perfbudget.plugin.measuring.perf_fixture",
    "PerfLoad": "pytest_perfbudget.plugin.measuring.load_fixture",
    "track": "pytest_perfbudget.tracing",
}


def __getattr__(name: str) -> object:
    # Importing the plugin's entry point runs this module first, in every pytest session, so these are imported late.
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
