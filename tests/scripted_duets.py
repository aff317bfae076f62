"""Searches whose duets are scripted: no process is started, and the commits are real."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_perfbudget.bisection.bad_checkout import BadCheckout
from pytest_perfbudget.bisection.duet import Duet, Session, TimedTest
from pytest_perfbudget.core.bisection import Estimate
from pytest_perfbudget.core.blame import Blame, Cause

TEST = TimedTest("tests/test_api.py::test_login", "")
COMMITS = 8


def estimate(share: float, error: float = 0.005) -> Estimate:
    """Return an estimate by which bad is slower by a share."""
    centre = math.log1p(share)
    return Estimate(centre, error, centre - 2 * error, centre + 2 * error, pairs=3)


@dataclass
class ScriptedDuets:
    """Duets that start no process: each is answered by what is known of its commit.

    Attributes:
        commits: good, the commits after it, and bad.
        slow: the position of the first slow commit.
        broken: the reason why a commit cannot be measured, by position.
        by: the slowdown, as a share.
        asked: the positions of the commits of all duets.
        trees: the checkouts of bad.
    """

    folder: Path
    commits: list[str]
    slow: int = 5
    broken: Mapping[int, str] = field(default_factory=dict)
    by: float = 0.1
    asked: list[int] = field(default_factory=list)
    trees: list[Path] = field(default_factory=list)
    answer: Callable[[int], Session] | None = None

    def run(self, bad: BadCheckout, test: str, commit: str) -> Session:
        """See `run_duet`."""
        assert test.endswith("test_api.py::test_login")
        at = next(number for number, one in enumerate(self.commits) if one.startswith(commit))
        self.asked.append(at)
        self.trees.append(bad.tree)
        if self.answer is not None:
            return self.answer(at)
        return session(self.duet(at))

    def duet(self, at: int) -> Duet:
        """Return the duet of a commit."""
        if reason := self.broken.get(at):
            return Duet(None, reason)
        blamed = (Blame("shop.api:login", Cause.OWN_CODE, 2e6, 2e6),) if at < self.slow else ()
        return Duet(estimate(self.by if at < self.slow else 0.0), blamed=blamed)


def session(duet: Duet, **more: Duet) -> Session:
    """Return a session in which the body of the test was compared, and measurements by name."""
    duets = {TEST: duet} | {TimedTest(TEST.nodeid, name): one for name, one in more.items()}
    return Session(duets, "", "pytest said this")
