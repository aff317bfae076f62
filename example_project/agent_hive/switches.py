"""Switches that take one optimisation away each: to see what it is worth, or to live without it.

`AGENT_HIVE_WITHOUT=token-cache,queue-index` in the environment, read when a component is made.
"""

from __future__ import annotations

import enum
import os
from typing import Final

VARIABLE: Final = "AGENT_HIVE_WITHOUT"


class Optimisation(enum.Enum):
    """What can be switched off."""

    TOKEN_CACHE = "token-cache"  # noqa: S105 - a name
    """Verified tokens are remembered, so that their signature is checked once."""

    PERMISSION_TABLE = "permission-table"
    """What a role inherits is worked out when the policy is made, not at every check."""

    QUEUE_INDEX = "queue-index"
    """The queue is read from an index of the queued tasks."""

    OWNER_INDEX = "owner-index"
    """The tasks of an agent are found by an index."""

    KEPT_CONNECTIONS = "kept-connections"
    """A thread keeps its connection to the database."""


def is_on(optimisation: Optimisation) -> bool:
    """Return whether an optimisation is in use.

    Raises:
        ValueError: the variable names one that does not exist.
    """
    off = {Optimisation(name.strip()) for name in os.environ.get(VARIABLE, "").split(",") if name.strip()}
    return optimisation not in off
