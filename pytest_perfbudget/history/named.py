"""The trends that a user names: by a test, its function, a pattern or a component, and by a metric."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_perfbudget.core.history.trend import SeriesKey, main_metrics
from pytest_perfbudget.core.limits import pattern_matches
from pytest_perfbudget.core.measurement import measurement_id
from pytest_perfbudget.errors import HistoryError

_MOST_NEAR: Final = 3
Series = Mapping[SeriesKey, str]
"""The trends of a history, each with its component."""


def named_series(known: Series, name: str, file: Path, served: Sequence[str]) -> list[SeriesKey]:
    """Return the trends of the tests or the component that a user named; none of a component that only serves.

    Raises:
        HistoryError: the history has neither a test nor a component of the name.
    """
    if not name:
        return list(known)
    ways = (
        [key for key in known if name == measurement_id(key.test, key.name)],
        [key for key, component in known.items() if _is_within(component, name)],
        [key for key in known if pattern_matches(name, key.test)],
        [key for key in known if key.test.endswith(f"::{name}") or key.test.partition("[")[0].endswith(f"::{name}")],
    )
    if found := next(filter(None, ways), None):
        return found
    if any(_is_within(component, name) for component in served):
        return []
    near = _nearest(name, known, served)
    hint = f": did you mean {' or '.join(near)}?" if near else ""
    message = f"history {file}: no test or component {name!r}{hint}"
    raise HistoryError(message)


def _is_within(component: str, name: str) -> bool:
    return component == name or component.startswith(f"{name}.")


def _nearest(name: str, known: Series, served: Sequence[str]) -> list[str]:
    """Return the nearest names of tests and components; of a test, its function's name may be the near part."""
    names = {key.test: key.test for key in known} | {key.test.rpartition("::")[2]: key.test for key in known}
    names |= {component: component for component in (*known.values(), *served) if component}
    close = difflib.get_close_matches(name, sorted(names), n=_MOST_NEAR, cutoff=0.5)
    close += difflib.get_close_matches(name.rpartition("::")[2], sorted(names), n=_MOST_NEAR, cutoff=0.5)
    return list(dict.fromkeys(repr(names[one]) for one in close))[:_MOST_NEAR]


def main_keys(named: Sequence[SeriesKey], metric: str, file: Path) -> list[SeriesKey]:
    """Return the trends that may stand for each measurement, the better first, or that of the metric.

    Raises:
        HistoryError: no measurement has the metric.
    """
    if metric:
        found = [key for key in named if key.metric == metric]
        if not found:
            metrics = ", ".join(sorted({key.metric for key in named}))
            advice = f"use {metrics}" if metrics else "it has the hours of services only: leave out --metric"
            message = f"history {file}: no {metric!r} here: {advice}"
            raise HistoryError(message)
        return found
    metrics_of: dict[tuple[str, str], list[str]] = {}
    for key in named:
        metrics_of.setdefault((key.test, key.name), []).append(key.metric)
    return [
        SeriesKey(test, name, metric)
        for (test, name), metrics in metrics_of.items()
        for metric in main_metrics(metrics)
    ]
