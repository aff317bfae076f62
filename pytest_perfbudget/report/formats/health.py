"""The health and the readiness of a session as text for a terminal, with every reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_perfbudget.core.finding import DRIFT
from pytest_perfbudget.core.readiness import Cause, Readiness, Reason
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.closing import health_text
from pytest_perfbudget.report.formats.colors import GRADE_COLORS, health_color, painted
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.readiness import WHOLE, grade_text, reason_lines


def render_health(result: RunResult, readiness: Readiness, required: str = "", *, color: bool) -> str:
    """Return the health, if there is any, and the readiness with a line for each reason and its places.

    Args:
        result: the result of the session.
        readiness: its readiness.
        required: the least readiness, if the session is less ready.
        color: whether to use colors.
    """
    return "".join(f"{line}\n" for line in _lines(result, readiness, required, color=color))


def _lines(result: RunResult, readiness: Readiness, required: str, *, color: bool) -> Iterator[str]:
    if (health := result.health) is not None:
        yield painted(health_text(health), health_color(health), color=color)
    yield painted(grade_text(readiness, required), GRADE_COLORS[readiness.grade], color=color)
    for one in readiness.reasons:
        text, *places = _told(one, result)
        yield f"  {painted(text, GRADE_COLORS[one.cause.grade], color=color)}"
        yield from (f"    {place}" for place in places)


def _told(reason: Reason, result: RunResult) -> Sequence[str]:
    """Return a reason and its places; drift that was not decided has the lines that the session printed."""
    if reason.cause is not Cause.DRIFT_NOT_JUDGED:
        return [*reason_lines(reason)]
    told = [one.headline for one in result.findings if one.kind == DRIFT and not one.test]
    return [WHOLE[reason.cause], *(printable(one, unicode=True) for one in told)]
