"""The result of a search for the first slow commit: one value, of which every output is a function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pytest_perfbudget.core.bisection import CONFIDENCE, Estimate, Level
from pytest_perfbudget.core.blame import Blame

SCHEMA: Final = "perfbudget-bisection/1"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the search.

    Attributes:
        commit: the full hash.
        short: the abbreviated hash.
        date: the day on which the commit was written, in ISO 8601.
        subject: the first line of the message.
        parents: the full hashes of the parents; several for a merge.
    """

    commit: str
    short: str
    date: str
    subject: str
    parents: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the commit as builtins."""
        return {**asdict(self), "parents": list(self.parents)}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the search.

    Attributes:
        commit: the commit with which bad was compared.
        level: the level of the commit by all of its duets so far; None if the commit was skipped.
        estimate: how much slower bad is than the commit; None if the commit was skipped.
        reason: the reason why the commit was skipped; empty if it was not.
        blamed: the functions that are slower in bad.
    """

    commit: Commit
    level: Level | None = None
    estimate: Estimate | None = None
    reason: str = ""
    blamed: Sequence[Blame] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the step as builtins."""
        return {
            "commit": self.commit.commit,
            "subject": self.commit.subject,
            "level": None if self.level is None else self.level.value,
            "bad_slower": ratio_dict(self.estimate),
            "skipped": self.reason or None,
        }


@dataclass(frozen=True, slots=True)
class BisectionResult:
    """The commits that may be the first slow commit, and the steps that led to them.

    Attributes:
        test: the node id of the test.
        name: the name of the measurement; empty for the body of the test.
        good: the commit before the search.
        bad: the last commit of the search.
        steps: the steps, in order.
        candidates: the commits that may be the first slow commit; one commit if it is known; none if bad is not slower.
        slowdown: how much slower the last candidate is than the commit before the first; without a candidate, how much
            slower bad is than good; None if not known.
        files: the files that the candidates change.
        blamed: the functions that are slower in bad than in the last fast commit.
        merge_base: the commit at which the branch departed that the first slow commit merges; empty if it merges none.
        is_stopped: whether the search ended because no further duet was allowed.
        problem: the reason why there is no candidate; empty if there is one.
    """

    test: str
    name: str
    good: Commit
    bad: Commit
    steps: Sequence[Step]
    candidates: Sequence[Commit]
    slowdown: Estimate | None
    files: Sequence[str] = ()
    blamed: Sequence[Blame] = ()
    merge_base: str = ""
    is_stopped: bool = False
    problem: str = ""

    @property
    def is_found(self) -> bool:
        """Whether the first slow commit is known."""
        return len(self.candidates) == 1

    @property
    def duets(self) -> int:
        """The number of duets."""
        return sum(one.estimate is not None for one in self.steps)

    @property
    def skipped(self) -> dict[str, str]:
        """The reason why each skipped commit could not be measured, by full hash."""
        return {one.commit.commit: one.reason for one in self.steps if one.reason}

    def slower_in(self, file: str) -> list[Blame]:
        """Return the slower functions whose module is a file."""
        return [one for one in self.blamed if _is_module(one.function.partition(":")[0], file)]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as builtins."""
        return {
            "schema": SCHEMA,
            "test": self.test,
            "name": self.name,
            "good": self.good.to_dict(),
            "bad": self.bad.to_dict(),
            "found": self.is_found,
            "stopped": self.is_stopped,
            "problem": self.problem or None,
            "confidence": CONFIDENCE,
            "candidates": [one.to_dict() for one in self.candidates],
            "slowdown": ratio_dict(self.slowdown),
            "files": list(self.files),
            "slower_functions": [one.to_dict() for one in self.blamed],
            "duets": self.duets,
            "steps": [one.to_dict() for one in self.steps],
        }


def ratio_dict(estimate: Estimate | None) -> dict[str, float] | None:
    """Return an estimate as a ratio of times with its 95 % interval."""
    if estimate is None:
        return None
    ratio, lower, upper = (math.exp(one) for one in (estimate.log_ratio, estimate.lower, estimate.upper))
    return {"ratio": ratio, "lower": lower, "upper": upper}


def _is_module(module: str, file: str) -> bool:
    stem = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return bool(module) and file.endswith(".py") and (stem == module or stem.endswith(f".{module}"))
