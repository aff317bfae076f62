"""The limits in the markers of a test."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.config import parse_limits
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.metrics import SPAN_COUNT
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.plugin.collection.marker_lines import marker_line


def marker_place(node: Any, mark: pytest.Mark) -> str:  # noqa: ANN401 - as below
    """Return the place of the limits in a marker of a node: its line, or the node if the line is not known."""
    line = marker_line(node, mark)
    return f"perf_budget marker in {line}" if line else f"perf_budget marker of {node.nodeid}"


def marker_limits(node: Any, mark: pytest.Mark) -> Limits:  # noqa: ANN401 - pytest.nodes.Node is not public
    """Return the limits in a marker of a node.

    Raises:
        ConfigError: the marker has a wrong argument.
    """
    place = marker_place(node, mark)
    if "name" in mark.kwargs:
        message = f"{place}: the name comes first and without a keyword: perf_budget({mark.kwargs['name']!r}, ...)"
        raise ConfigError(message)
    if len(mark.args) > 1 or not all(isinstance(name, str) and name for name in mark.args):
        message = f"{place}: takes one name and keywords, such as perf_budget('parse', p95_ms=5), found {mark.args!r}"
        raise ConfigError(message)
    return parse_limits(mark.kwargs, place, name=next(iter(mark.args), None))


def needs_scipy(limits: Limits) -> bool:
    """Return whether one of the limits is on a mean, or on times of spans, which depend on each other."""
    is_mean = any(budget.metric.statistic == "mean" for budget in limits.budgets)
    return is_mean or any(one.budget.metric is not SPAN_COUNT for one in limits.spans)


def may_need_scipy(file: Path) -> bool:
    """Return whether a call in a test file may limit a mean or spans: the call is known at run time only."""
    return b"mean_" in _content(file) or may_limit_spans(file)


def may_limit_spans(file: Path) -> bool:
    """Return whether a call in a test file may limit spans."""
    return b"spans=" in _content(file)


@cache
def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
