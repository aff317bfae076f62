"""The reason why no number of a session can be held against the anchor."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_perfbudget.core.history.dependencies import changed_dependencies
from pytest_perfbudget.core.history.session import Circumstances

_ENVIRONMENT: Final = {"machine": "machine", "python": "Python"}
"""The circumstances that have to be equal beside the dependencies, with the words that markers have for them."""


class Lack(enum.Enum):
    """The thing that the history lacks."""

    SESSIONS = "sessions"
    ANCHOR = "anchor"
    CLEAN_ANCHOR = "clean_anchor"
    ENVIRONMENT = "environment"
    TIMING = "timing"
    MEASUREMENTS = "measurements"


@dataclass(frozen=True, slots=True)
class Unheld:
    """The reason why no number of a session can be held against the anchor.

    Attributes:
        lack: the thing that the history lacks.
        changed: the value at the anchor and the value now of each circumstance that differs; empty for another reason.
    """

    lack: Lack
    changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def why_unheld(now: Circumstances, of_anchor: Sequence[Circumstances] | None) -> Unheld:
    """Return the reason why a session has nothing to be held against.

    Args:
        now: the circumstances of the session.
        of_anchor: those of all sessions of the anchor, the oldest first; None if there is no history yet.
    """
    if of_anchor is None:
        return Unheld(Lack.SESSIONS)
    clean = [one for one in of_anchor if not one.is_dirty]
    if not clean:
        return Unheld(Lack.CLEAN_ANCHOR if of_anchor else Lack.ANCHOR)
    changes = [_changed(one, now) for one in clean]
    if all(changes):
        return Unheld(Lack.ENVIRONMENT, min(reversed(changes), key=len))
    return Unheld(Lack.MEASUREMENTS)


def _changed(before: Circumstances, now: Circumstances) -> dict[str, tuple[str, str]]:
    """Return the circumstances that differ; a circumstance that is not known does not differ."""
    pairs = {word: (getattr(before, name), getattr(now, name)) for name, word in _ENVIRONMENT.items()}
    found = {word: pair for word, pair in pairs.items() if all(pair) and pair[0] != pair[1]}
    dependencies = changed_dependencies(before.lock, now.lock)
    return found if dependencies is None else {**found, "dependencies": dependencies}
