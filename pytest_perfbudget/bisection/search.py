"""A search from its first duet to its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.bisection.bad_checkout import BadCheckout
from pytest_perfbudget.bisection.commits import changed_files, merge_base
from pytest_perfbudget.bisection.duet import Duet, Session, TimedTest, run_duet, test_argument
from pytest_perfbudget.bisection.near_tests import near_test
from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.core.bisection import SMALLEST, Answer, Bisection, Estimate, Level, is_bad_slower, pooled
from pytest_perfbudget.core.bisection_result import BisectionResult, Commit, Step
from pytest_perfbudget.errors import BisectionError
from pytest_perfbudget.report.bisection import begin_lines, no_slowdown_text, not_slower_text, so_far_text, step_line

_LACKING: Final = ("No module named", "No such file", "cannot open shared object file")
"""Words in the error of a test that lacks a file."""


class Search:
    """The search for the first slow commit of a row.

    Args:
        good: the commit before the search.
        bad: the last commit of the search.
        commits: good, the commits after it, and bad, in order.
        say: a function that shows a line.
    """

    def __init__(self, good: Base, bad: Base, commits: Sequence[Commit], say: Callable[[str], None]) -> None:
        self._good = good.label
        self._bad = bad.label
        self._top = bad.top
        self._commits = commits
        self._say = say
        self._steps: list[Step] = []

    def run(self, checkout: BadCheckout, name: str | None, most: int) -> BisectionResult:
        """Search, and return the result.

        Args:
            checkout: the checkout of bad.
            name: the name of the measurement; None for the one that is most surely slower in bad.
            most: the largest number of duets.

        Raises:
            BisectionError: good or bad cannot be measured.
        """
        good = self._commits[0]
        session = run_duet(checkout, checkout.test, good.short)
        measured = self._measured(session, checkout, name)
        argument = test_argument(checkout, session, measured)
        for line in begin_lines(str(measured), good, self._commits[-1], len(self._commits) - 1):
            self._say(line)
        estimates, last = self._first(
            session.of(measured), lambda: run_duet(checkout, argument, good.short).of(measured)
        )
        whole = pooled(estimates)
        if is_bad_slower(estimates) is Answer.NOT_SLOWER:
            is_settled = whole.upper < math.log1p(SMALLEST)
            self._add(Step(good, Level.SLOW if is_settled else Level.UNDECIDED, last.estimate))
            text = not_slower_text(whole, self._good, self._bad, self._duets, is_settled=is_settled)
            return self._without_candidate(measured, whole, text)
        state = Bisection.begin(len(self._commits) - 1, estimates)
        self._note(0, state, last)
        while (at := state.next()) is not None and self._duets < most:
            try:
                duet = run_duet(checkout, argument, self._commits[at].short).of(measured)
            except KeyboardInterrupt:  # minutes of measuring are worth a line
                self._say(so_far_text(self._result(state, measured)))
                raise
            state = state.without(at) if duet.estimate is None else state.compared(at, duet.estimate)
            self._note(at, state, duet)
        return replace(self._result(state, measured), is_stopped=state.next() is not None)

    @property
    def _duets(self) -> int:
        return sum(one.estimate is not None for one in self._steps)

    def _measured(self, session: Session, checkout: BadCheckout, name: str | None) -> TimedTest:
        """Return the measurement to search for.

        Raises:
            BisectionError: bad or good has no such measurement.
        """
        if not session.duets:
            message = f"bad {self._bad} has no measurement of {checkout.test}: {session.problem}"
            message += near_test(checkout.folder, checkout.test)
            if any(one in session.problem for one in _LACKING):
                message += "; a checkout lacks files that git ignores: let setup of [tool.perfbudget.duet] make them"
            raise BisectionError(message)
        found = session.choose(name)
        duet = session.of(found)
        if duet.is_new:
            message = f"good {self._good} does not have {found}: name a later good commit"
            message += ', or let the tests of bad run on both sides: tests_from = "head" in [tool.perfbudget.duet]'
            raise BisectionError(message)
        if duet.estimate is None:
            message = f"good {self._good} cannot be compared with bad {self._bad}: {duet.reason}"
            raise BisectionError(message)
        return found

    def _first(self, duet: Duet, repeat: Callable[[], Duet]) -> tuple[Sequence[Estimate], Duet]:
        """Return the estimates by which bad is slower than good, or is not, with the last duet.

        Raises:
            BisectionError: the two cannot be compared any more.
        """
        estimates: list[Estimate] = []
        while duet.estimate is not None:
            estimates.append(duet.estimate)
            if is_bad_slower(estimates) is not Answer.UNDECIDED:
                return estimates, duet
            self._add(Step(self._commits[0], Level.UNDECIDED, duet.estimate))
            duet = repeat()
        message = f"good {self._good} cannot be compared with bad {self._bad} any more: {duet.reason}"
        raise BisectionError(message)

    def _note(self, at: int, state: Bisection, duet: Duet) -> None:
        commit = self._commits[at]
        if duet.estimate is None:
            step = Step(commit, reason=duet.reason)
        else:
            step = Step(commit, state.level(at), duet.estimate, blamed=duet.blamed)
        self._add(step)

    def _add(self, step: Step) -> None:
        self._steps.append(step)
        self._say(step_line(self._duets, step))

    def _without_candidate(self, measured: TimedTest, slowdown: Estimate, problem: str) -> BisectionResult:
        ends = self._commits[0], self._commits[-1]
        return BisectionResult(measured.nodeid, measured.name, *ends, self._steps, (), slowdown, problem=problem)

    def _result(self, state: Bisection, measured: TimedTest) -> BisectionResult:
        found = state.found()
        if found.first == 0:
            whole = pooled(state.estimates[0])
            return self._without_candidate(measured, whole, no_slowdown_text(self._good, self._bad, self._duets))
        before = self._commits[found.first - 1]
        candidates = self._commits[found.first : found.last + 1]
        result = BisectionResult(
            measured.nodeid,
            measured.name,
            self._commits[0],
            self._commits[-1],
            self._steps,
            candidates,
            found.slowdown,
            changed_files(self._top, before, candidates[-1]),
            next((one.blamed for one in reversed(self._steps) if one.commit == before and one.blamed), ()),
        )
        return replace(result, merge_base=merge_base(self._top, candidates[0])) if result.is_found else result
