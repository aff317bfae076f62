"""The outcome of a baseline update for one measurement, as reports show it."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from pytest_perfbudget.core.load.differences import LoadDifference
from pytest_perfbudget.core.measurement import measurement_id

UNCERTAIN: Final = 0.05
"""The spread from which a line finds few slowdowns. Such a line may be replaced by a line with half the spread although
its time has not credibly changed."""


class UpdateAction(enum.Enum):
    """The decision about one line of the baseline; the members go from the most to the least pressing."""

    REFUSED = "refused"
    ACCEPTED = "accepted"
    NEW = "new"
    IMPROVED = "improved"
    MORE_PRECISE = "more_precise"
    REMOVED = "removed"
    UNDECIDED = "undecided"
    UNCHANGED = "unchanged"

    @property
    def writes_line(self) -> bool:
        """Whether the new numbers become a line of the baseline."""
        return self in (UpdateAction.ACCEPTED, UpdateAction.NEW, UpdateAction.IMPROVED, UpdateAction.MORE_PRECISE)


@dataclass(frozen=True, slots=True)
class UpdatedNumber:
    """One number of a line: its value before and after the update, and the ratio of the two.

    The ratio of a time is corrected for the weather, and `after` is then `before * ratio`. So `after` need not be the
    time in the new line.

    Attributes:
        metric: the name of the metric: `time`, `calls` or `peak`.
        before: the number before the update, in base units; None if the line had no such number.
        after: the number after the update, in base units; None if the line has no such number any more.
        ratio: after / before; None if the number did not credibly change. For an undecided time the ratio may be noise.
    """

    metric: str
    before: float | None = None
    after: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class BaselineUpdate:
    """The outcome of an update for one line of the baseline.

    Attributes:
        test: the node id of the test.
        name: the measurement's own name; empty if the measurement has none.
        action: the decision.
        numbers: the numbers that changed.
        load: the parameters in which a load differs from the line's.
        spread: the standard deviation of the time between processes, in log time; None without a new time.
        told_without_pairs: the slowdown, as a share, from which fresh processes alone call the new time slower; None
            without a new time.
    """

    test: str
    name: str
    action: UpdateAction
    numbers: Sequence[UpdatedNumber] = ()
    load: Sequence[LoadDifference] = ()
    spread: float | None = None
    told_without_pairs: float | None = None

    @property
    def is_uncertain(self) -> bool:
        """Whether the line has a new time, and finds few slowdowns."""
        return self.spread is not None and self.spread > UNCERTAIN

    @property
    def id(self) -> str:
        """The name of the measurement in reports."""
        return measurement_id(self.test, self.name)

    def to_dict(self) -> dict[str, Any]:
        """Return the update as builtins; the infinite ratio of a number that was 0 becomes None for JSON."""
        numbers = [asdict(one) for one in self.numbers]
        for one in numbers:
            one["ratio"] = None if one["ratio"] is not None and math.isinf(one["ratio"]) else one["ratio"]
        load = [one.to_dict() for one in self.load]
        return {
            "test": self.test,
            "name": self.name,
            "action": self.action.value,
            "numbers": numbers,
            "load": load,
            "spread": self.spread,
            "told_without_pairs": self.told_without_pairs,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BaselineUpdate:
        """Rebuild an update from the result of `to_dict`."""
        numbers = [UpdatedNumber(**one) for one in data["numbers"]]
        load = tuple(LoadDifference.from_dict(one) for one in data.get("load", ()))
        uncertainty = data.get("spread"), data.get("told_without_pairs")
        return cls(data["test"], data["name"], UpdateAction(data["action"]), numbers, load, *uncertainty)


@dataclass(frozen=True, slots=True)
class UpdateSummary:
    """The outcome of an update of the baseline.

    Attributes:
        file: the baseline's.
        lines: what became of each line.
        kept_out: by test, why it was not updated.
        left_out: by test, why a baseline cannot have it, although nothing is wrong with the test.
        problem: why nothing was updated; empty if something was.
        is_accepting: whether the user gave a reason to accept slower numbers.
        is_uncommitted: whether new numbers are of code that no commit has.
    """

    file: str
    lines: Sequence[BaselineUpdate] = ()
    kept_out: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    problem: str = ""
    is_accepting: bool = False
    is_uncommitted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return builtins only."""
        return {
            "file": self.file,
            "lines": [one.to_dict() for one in self.lines],
            "kept_out": dict(self.kept_out),
            "left_out": dict(self.left_out),
            "problem": self.problem,
            "is_accepting": self.is_accepting,
            "is_uncommitted": self.is_uncommitted,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UpdateSummary:
        """Rebuild what `to_dict` gave."""
        return cls(**{**data, "lines": [BaselineUpdate.from_dict(one) for one in data["lines"]]})
