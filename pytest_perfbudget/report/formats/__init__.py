"""The output formats of a session's result: one module for each format, which turns a result into text."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_perfbudget.core.run_result import RunResult


def render(result: RunResult, name: str) -> str:
    """Return the text of a file in a format, which has a module of its name with a function `render`."""
    module = import_module(f"{__name__}.{name}")
    function: Callable[[RunResult], str] = module.render
    return function(result)
