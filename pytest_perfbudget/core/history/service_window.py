"""The windows of a running service, as the history keeps them: minutes of the last two hours, hours before that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_perfbudget.core.tally import Tally

MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S


@dataclass(frozen=True, slots=True)
class ServiceWindow:
    """The requests of a component over some time.

    Attributes:
        component: the name of the component.
        start_s: the beginning, in s since 1970.
        seconds: the length: `MINUTE_S` or `HOUR_S`.
        tally: the requests.
    """

    component: str
    start_s: int
    seconds: int
    tally: Tally

    @property
    def end_s(self) -> int:
        """The end, in s since 1970."""
        return self.start_s + self.seconds


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """A process of a service, as it last wrote to the history.

    Attributes:
        writer: the identity of the process.
        start_s: the time of its start, in s since 1970.
        at_s: the end of the last minute that it wrote; the moment of the writing if that minute was not over.
        state: its last errors and the states of its alerts, as builtins.
    """

    writer: str
    start_s: float
    at_s: float
    state: Mapping[str, Any] = field(default_factory=dict)


def merged_windows(windows: Iterable[ServiceWindow], seconds: int) -> list[ServiceWindow]:
    """Return windows of a length that contain all of the given windows, by time; those of all processes add up."""
    found: dict[tuple[int, str], Tally] = {}
    for one in windows:
        key = (one.start_s // seconds * seconds, one.component)
        found[key] = found[key] + one.tally if key in found else one.tally
    return [
        ServiceWindow(component, start_s, seconds, found[start_s, component]) for start_s, component in sorted(found)
    ]
