"""The facts about the spans of a measurement, for reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.series import SpanStore
from pytest_perfbudget.core.spans.shares import SpanShare, shares_of
from pytest_perfbudget.core.spans.tree import SpanNode


@dataclass(frozen=True, slots=True)
class SpanFacts:
    """The spans of a measurement.

    Attributes:
        executions: the number of executions.
        mean_ns: the mean time of an execution.
        unattributed_ns: the time of all executions without any span.
        nodes: the tree, each parent before its children.
        shares: the share of each name, the largest first, and that of the time without any span last.
        lost: the number of spans that belong to no execution, or that there was no room for.
        causes: the causes of the time of all executions; None if the CPU time of an execution is not known.
    """

    executions: int
    mean_ns: float
    unattributed_ns: float
    nodes: Sequence[SpanNode] = ()
    shares: Sequence[SpanShare] = ()
    lost: int = 0
    causes: Causes | None = None

    @classmethod
    def of(cls, store: SpanStore) -> SpanFacts:
        """Return the facts about the executions of a measurement."""
        return cls(
            store.executions,
            math.fsum(store.totals_ns) / max(store.executions, 1),
            store.tree.unattributed_ns,
            store.tree.nodes(),
            shares_of(store),
            store.lost,
            store.time.causes if store.time.cpu_ns is not None else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as builtins."""
        return {
            "executions": self.executions,
            "mean_ns": self.mean_ns,
            "unattributed_ns": self.unattributed_ns,
            "nodes": [one.to_dict() for one in self.nodes],
            "shares": [one.to_dict() for one in self.shares],
            "lost": self.lost,
            "causes": self.causes and self.causes.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SpanFacts:
        """Rebuild facts from the result of `to_dict`."""
        causes = data.get("causes")
        rebuilt = {
            "causes": None if causes is None else Causes.from_dict(causes),
            "nodes": [SpanNode.from_dict(entry) for entry in data["nodes"]],
            "shares": [SpanShare.from_dict(entry) for entry in data["shares"]],
        }
        return cls(**{**data, **rebuilt})
