"""The health and the readiness of a session as text for a terminal, with every reason."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_perfbudget.core.health import Health
from pytest_perfbudget.core.readiness import Readiness
from pytest_perfbudget.report.closing import health_text
from pytest_perfbudget.report.formats.colors import GRADE_COLORS, health_color, painted
from pytest_perfbudget.report.readiness import reason_lines


def render_health(health: Health | None, readiness: Readiness, *, color: bool) -> str:
    """Return the health, if there is any, and the readiness with a line for each reason and its places."""
    return "".join(f"{line}\n" for line in _lines(health, readiness, color=color))


def _lines(health: Health | None, readiness: Readiness, *, color: bool) -> Iterator[str]:
    if health is not None:
        yield painted(health_text(health), health_color(health), color=color)
    yield painted(readiness.grade.words, GRADE_COLORS[readiness.grade], color=color)
    for one in readiness.reasons:
        text, *places = reason_lines(one)
        yield f"  {painted(text, GRADE_COLORS[one.cause.grade], color=color)}"
        yield from (f"    {place}" for place in places)
