"""Limits: the settings in one place, such as a marker or a table entry, for the measurements that the place covers."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.span_budgets import SpanBudget


@dataclass(frozen=True, slots=True)
class RegressionTolerance:
    """A growth that never fails a test, as a share, and the place where it was written."""

    share: float
    source: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings in one marker, call or table entry, for the measurements that it covers.

    If `name` is given, the settings hold for the measurement of that name only; None covers all measurements of a test.
    `max_rounds` is the most rounds for the budgets; only the markers of CodSpeed have it.
    """

    budgets: tuple[Budget, ...] = ()
    component: str | None = None
    max_time_ns: int | None = None
    name: str | None = None
    max_regression: RegressionTolerance | None = None
    pin: bool | None = None
    unmeasured: str | None = None
    spans: tuple[SpanBudget, ...] = ()
    max_rounds: int | None = None
    max_drift: RegressionTolerance | None = None
    count_instructions: bool | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """The limits for the tests whose node id matches one of the patterns."""

    patterns: tuple[str, ...]
    limits: Limits
    place: str

    def matches(self, nodeid: str) -> bool:
        """Return whether one of the patterns covers a test."""
        return any(pattern_matches(pattern, nodeid) for pattern in self.patterns)


def pattern_matches(pattern: str, nodeid: str) -> bool:
    """Return whether a pattern covers a node id.

    `*` and `?` are wildcards. Brackets are not, because the node ids of parametrized tests contain brackets. A pattern
    also covers everything below a node that it matches: a folder, a file, a class, all parameters.
    """
    pattern = pattern.removeprefix("./").removesuffix("/")
    if nodeid == pattern or any(nodeid.startswith(pattern + separator) for separator in ("::", "[", "/")):
        return True
    if "*" not in pattern and "?" not in pattern:
        return False
    literal = pattern.replace("[", "[[]")
    return any(fnmatch.fnmatchcase(one, literal) for one in (nodeid, *_nodes_above(nodeid)))


@lru_cache(maxsize=10_000)
def _nodes_above(nodeid: str) -> Sequence[str]:
    """Return the nodes that a test lies below: the function of its case, its classes, its file, and the folders."""
    file, _, inner = nodeid.partition("::")  # a folder may have brackets, too
    names = inner.partition("[")[0].split("::") if inner else []
    inside = ["::".join((file, *names[:depth])) for depth in range(len(names) + 1)]
    folders = file.split("/")
    return [*inside, *("/".join(folders[:depth]) for depth in range(1, len(folders)))]


def specificity(pattern: str) -> tuple[int, int]:
    """Return a key that is larger for a more specific pattern: with fewer wildcards, or else with a longer text."""
    wildcards = pattern.count("*") + pattern.count("?")
    return -wildcards, len(pattern) - wildcards
