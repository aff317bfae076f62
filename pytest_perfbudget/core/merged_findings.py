"""The findings of parts of a suite that hold for the whole: what one part alone knows, and what no part has seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_perfbudget.core.finding import DRIFT, LOOSENED, NOT_RECORDED, NOT_UPDATED, NOTHING_COMPARED, Finding
from pytest_perfbudget.core.run_result import RunResult


def loosened(parts: Sequence[RunResult]) -> list[Finding]:
    """Return what a pull request loosens, once each, without tests that a part lacks and another part has."""
    found: list[Finding] = []
    for one in (one for part in parts for one in _loosened_in(part, parts)):
        found += [] if one in found else [one]
    return found


def of_parts(parts: Sequence[RunResult], *, is_compared: bool) -> list[Finding]:
    """Return the other findings that a merged result keeps.

    That a part compared nothing is no finding on the whole if the part has no perf test, and other parts have some.

    Args:
        parts: the results of the parts.
        is_compared: whether a number of any part was compared.
    """
    found = [*_not_recorded(parts)]
    for part in parts:
        has_to_compare = bool(part.measurements) or not is_compared
        kept = (NOT_UPDATED, DRIFT, NOTHING_COMPARED) if has_to_compare else (NOT_UPDATED, DRIFT)
        found += [one for one in part.findings if one.kind in kept]
    return found


def _not_recorded(parts: Sequence[RunResult]) -> Iterator[Finding]:
    """Yield a finding for each limit on spans that no part has recorded; a part without a measurement cannot know."""
    known = [
        {one.span: one for one in part.findings if one.kind == NOT_RECORDED} for part in parts if part.measurements
    ]
    for span, one in known[0].items() if known else ():
        if all(span in found for found in known):
            yield one


def _loosened_in(part: RunResult, parts: Sequence[RunResult]) -> Iterator[Finding]:
    own = {one.nodeid for one in part.measurements}
    for one in (one for one in part.findings if one.kind == LOOSENED):
        is_elsewhere = any(_has_untouched(other, one.test) for other in parts if other is not part)
        if one.is_of_limit or not one.test or one.test in own or not is_elsewhere:
            yield one


def _has_untouched(part: RunResult, test: str) -> bool:
    """Return whether a part has a test, measured or left out as in the base, and does not say that it is loosened."""
    if any(one.kind == LOOSENED and one.test == test for one in part.findings):
        return False
    return test in {one.nodeid for one in part.measurements} or test in (part.session.left_out or ())
