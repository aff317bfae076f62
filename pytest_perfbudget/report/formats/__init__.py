"""The output formats of a session's result: one module for each format, which turns a result into text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_perfbudget.core.run_result import RunResult

FILE_FORMATS: Final[Mapping[str, str]] = {".json": "json"}
"""The module of each file format, by the suffix of the file; the module has a function `render`."""


def render(result: RunResult, path: Path) -> str:
    """Return the text of a file whose suffix picks the format."""
    module = import_module(f"{__name__}.{FILE_FORMATS[path.suffix]}")
    function: Callable[[RunResult], str] = module.render
    return function(result)
