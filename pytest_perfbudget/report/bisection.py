"""The wording of a search for the first slow commit."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from typing import Final

from pytest_perfbudget.core.bisection import CONFIDENCE, Estimate
from pytest_perfbudget.core.bisection_result import BisectionResult, Commit, Step
from pytest_perfbudget.report.numbers import change_interval, counted, percent, times

_MOST_FILES: Final = 20
_MOST_COMMITS: Final = 20


def begin_lines(test: str, good: Commit, bad: Commit, commits: int) -> list[str]:
    """Return the lines before the first step."""
    searched = f"{counted(commits, 'commit')} after {good.short}, up to {bad.short}"
    return [
        f"{test}: {searched}",
        f"how much slower {bad.short} is than each commit (95 % interval); a fast commit precedes the slowdown",
    ]


def step_line(number: int, step: Step) -> str:
    """Return the line of a step.

    Args:
        number: the number of the duet.
        step: the step.
    """
    commit = step.commit
    if step.estimate is None or step.level is None:
        return f" -  {commit.short}  skipped: {step.reason}  ({commit.subject})"
    ratio = f"{_percent(step.estimate.log_ratio):>8} {_interval(step.estimate):<21}"
    return f"{number:>2}  {commit.short} {ratio}  {step.level.value:<9}  {commit.subject}"


def result_lines(result: BisectionResult) -> Iterator[str]:
    """Yield the lines after the last step."""
    sure = f"{100 * CONFIDENCE:.0f} % sure"
    if result.is_found:
        yield f"{result.candidates[0].short} is the first slow commit ({sure})"
    else:
        yield f"the first slow commit is one of these {len(result.candidates)} ({sure}):"
    skipped = result.skipped
    for one in result.candidates[:_MOST_COMMITS]:
        why = f"  (skipped: {skipped[one.commit]})" if one.commit in skipped else ""
        shown = "" if result.is_found else f"{one.short}  "
        yield f"  {shown}{one.date}  {one.subject}{why}"
    if more := result.candidates[_MOST_COMMITS:]:
        yield f"  and {len(more)} more, up to {more[-1].short}"
    yield f"  {_slowdown(result)}"
    if result.is_stopped:
        yield f"  stopped after {counted(result.duets, 'duet')}: --max-duets allows more"
    elif not result.is_found and not any(one.commit in skipped for one in result.candidates):
        yield "  several slowdowns are likely: commits among these are neither as fast as good nor as slow as bad"
    if named := [one.function for one in result.blamed if one.function]:
        yield f"  slower functions: {', '.join(dict.fromkeys(named))}"
    if result.files:
        yield f"  changed files: {_files(result)}"
    if result.merge_base:
        (merge,) = result.candidates
        test = shlex.quote(result.test)
        other = merge.parents[1][:9]
        command = f"perfbudget bisect {test} --good {result.merge_base} --bad {other}"
        yield f"  a merge; to search the merged branch: {command}"


def so_far_text(result: BisectionResult) -> str:
    """Return in one line what an interrupted search has found."""
    if not result.candidates:
        return f"so far: {result.problem}"
    first, last = result.candidates[0].short, result.candidates[-1].short
    place = first if result.is_found else f"one of {len(result.candidates)}, {first} to {last}"
    return f"so far: the first slow commit is {place} ({100 * CONFIDENCE:.0f} % sure)"


def not_slower_text(found: Estimate, good: str, bad: str, duets: int, *, is_settled: bool) -> str:
    """Return the reason why a search does not begin.

    Args:
        found: how much slower bad is than good.
        good: the good commit.
        bad: the bad commit.
        duets: the number of duets.
        is_settled: whether bad is surely slower by less than a search looks for.
    """
    ratio = f"{_percent(found.log_ratio)} (95 % interval {_interval(found)[1:-1]})"
    known = "is not" if is_settled else "is not shown to be"
    return (
        f"bad {bad} {known} slower than good {good}: {ratio} in {counted(duets, 'duet')}. "
        "Name a good commit before the slowdown, and a bad commit with it"
    )


def no_slowdown_text(good: str, bad: str, duets: int) -> str:
    """Return the reason why a search ends without a commit: good turned out as slow as bad."""
    return (
        f"good {good} looked faster than bad {bad} at first, and {counted(duets, 'duet')} do not confirm that. "
        "Name an earlier good commit"
    )


def _slowdown(result: BisectionResult) -> str:
    skipped = len(result.skipped)
    cost = counted(result.duets, "duet") + (f", {counted(skipped, 'commit')} skipped" if skipped else "")
    if result.slowdown is None:
        return cost
    before = "the commit before" if result.is_found else "the commit before them"
    ratio = math.exp(result.slowdown.log_ratio)
    slower = times(ratio) if ratio >= 2 else percent(ratio).lstrip("+")
    return f"{slower} slower than {before} (95 % interval {_interval(result.slowdown)[1:-1]}); {cost}"


def _files(result: BisectionResult) -> str:
    """Return the changed files, those with slower functions first."""
    ordered = sorted(result.files, key=lambda one: not result.slower_in(one))
    more = f" and {len(ordered) - _MOST_FILES} more" if len(ordered) > _MOST_FILES else ""
    return ", ".join(ordered[:_MOST_FILES]) + more


def _percent(log_ratio: float) -> str:
    return percent(math.exp(log_ratio))


def _interval(estimate: Estimate) -> str:
    lower, upper, ratio = (math.exp(one) for one in (estimate.lower, estimate.upper, estimate.log_ratio))
    return f"({change_interval(lower, upper, ratio)})"
