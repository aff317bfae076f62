"""Performance budgets and regression gating for pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.measuring.perf_fixture import Perf

__all__ = ["Perf"]


def __getattr__(name: str) -> object:
    # Importing the plugin's entry point runs this module first, in every pytest session, so `Perf` is imported late.
    if name == "Perf":
        from pytest_perfbudget.plugin.measuring.perf_fixture import Perf  # noqa: PLC0415 - see above

        return Perf
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
