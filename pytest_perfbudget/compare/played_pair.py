"""The meaning of the answers of a pair: measurements to compare, or the reason why there are none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from pytest_perfbudget.compare.base_checkout import BaseCheckout
from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.evidence import Sides
from pytest_perfbudget.compare.obstacles import is_other_load, unlike
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.pair_runs import pair_of_recordings
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.processes.duet import PairAnswers
from pytest_perfbudget.processes.protocol import Answer
from pytest_perfbudget.table_name import DUET_TABLE

_UNSTABLE_ID: Final = "an id that differs from process to process, by an address or a set, needs ids= in parametrize"
_TAKEN: Final = re.compile(
    r"\b(FileExists|Permission|BlockingIO|Connection|Timeout|OS|Operational)Error\b"
    r"|\b(in use|locked|lock|busy|already|taken|exists|timed out|Timeout)\b",
    re.IGNORECASE,
)
"""The words of an error by which a process finds that another one holds a port, a lock, a file or a database."""

_SEQUENTIAL: Final = f'mode = "sequential" in {DUET_TABLE}'


def attempt_of(
    played: PairAnswers, nodeid: str, against: str, checkout: BaseCheckout, why_absent: Callable[[str], str]
) -> Attempt[Pair]:
    """Return the measurements of both sides, or the problem of a side.

    Args:
        played: the answers of both sides.
        nodeid: the test.
        against: the base, as the user named it.
        checkout: the checkout in which the base ran.
        why_absent: see `BaseTests.why_absent`.
    """
    if played.head.is_absent and checkout.passes_in_session:
        return Attempt(problem=f"{played.head.problem} ({_UNSTABLE_ID})")
    if played.base.is_absent:
        return Attempt(problem=why_absent(nodeid))
    return _problem(played, checkout) or _compared(played, against, checkout.untracked.why_carried)


def _problem(played: PairAnswers, checkout: BaseCheckout) -> Attempt[Pair] | None:
    """Return an attempt without measurements if a side has a problem; else None."""
    for one in (played.head, played.base):
        if one.is_wrong_code:
            return Attempt(problem=one.problem, is_wrong_code=True)
    if problem := checkout.untracked.unbuilt(played.head.loaded):
        return Attempt(problem=problem, is_wrong_code=True)
    if problem := played.head.problem:
        hint = f" (in the session it passes: what cannot be there twice needs {_SEQUENTIAL})"
        is_exclusive = checkout.passes_in_session or _TAKEN.search(problem) is not None
        return Attempt(problem=f"{problem}{hint if is_exclusive else ''}", is_exclusive=is_exclusive)
    if problem := played.base.problem:
        hint = f" (what git does not have is made by setup of {DUET_TABLE})" if "FileNotFoundError" in problem else ""
        hint = checkout.untracked.why_lacking(problem) or hint
        # The head's process runs the same test at the same time, and may hold what the base's asks for.
        return Attempt(problem=problem + hint, is_exclusive=_TAKEN.search(problem) is not None)
    if address := played.shared_address:
        problem = f"servers of both sides listen on {address}, so a client reaches either: {_SEQUENTIAL}"
        return Attempt(problem=problem, is_exclusive=True)
    return None


def _compared(played: PairAnswers, against: str, why_carried: Callable[[str], str]) -> Attempt[Pair]:
    head, base = (_recordings(one) for one in (played.head, played.base))
    is_changed = _is_other_test(played.head, played.base)
    carried = {name: why for name, one in head.items() if name in base and (why := why_carried(one.source))}
    reasons = {**carried, **unlike(against, head, base)}
    sides = {
        name: Sides(one, base[name], is_changed) for name, one in head.items() if name in base and name not in reasons
    }
    pairs = {
        name: pair_of_recordings((one.head, one.base), base_is_first=played.base_is_first)
        for name, one in sides.items()
    }
    runs = {name: one for name, one in pairs.items() if one is not None}
    both = [name for name in reasons if name in head and name in base]
    loads = [name for name in both if is_other_load(reasons[name], against, head[name], base[name])]
    return Attempt(runs, sides, [name for name in base if name not in head and name not in reasons], reasons, loads)


def _recordings(answer: Answer) -> Mapping[str, Recording]:
    found = map(Measurement.from_dict, answer.measurements)
    return {one.name: one.recording for one in found if one.recording is not None}


def _is_other_test(head: Answer, base: Answer) -> bool:
    """Return whether the test itself differs between the sides; False if an answer lacks the test's source."""
    return bool(head.source and base.source) and head.source != base.source
