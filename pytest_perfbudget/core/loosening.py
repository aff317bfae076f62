"""A loosened limit: a limit of the base that allows more in the pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

OF_BASE: Final = " of the base"
"""The end of the place of a limit that holds because the pull request loosens it."""

ACCEPT_LABEL: Final = "perf-accepted"
"""The label by which a reviewer accepts the limits of a pull request; a workflow may name another."""

COUNTING: Final = "count_instructions = true"
"""The setting that compares bytecode instructions, as users write it."""


def by_label(label: str) -> str:
    """Return the way in which a reviewer accepts the limits of a pull request, in words.

    Args:
        label: the label that the workflow names; empty if it is not known: a session outside of `perfbudget gate`.
    """
    return f"by the label {label or f'{ACCEPT_LABEL} (or the accept-label of the workflow)'}"


@dataclass(frozen=True, slots=True)
class Loosening:
    """A limit that a pull request loosens.

    Attributes:
        base: the limit of the base, as users write it.
        head: the limit of the pull request; `no limit` if there is none any more.
        source: the place of the pull request's limit; of the base's limit if there is none any more.
        is_held: whether the base's limit can hold instead; only the base's process knows some limits, and the process
            tells them after the session has judged.
        remedy: the action of the user if the base's limit cannot hold, which ends with an acceptance, before the words
            about the label; empty for the usual one.
    """

    base: str
    head: str
    source: str
    is_held: bool = True
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the limit as builtins."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Loosening:
        """Rebuild the limit from the result of `to_dict`."""
        return cls(**data)
