"""Switches that turn off one optimisation each, to measure its worth or to do without it.

The environment has, for example, `AGENT_HIVE_WITHOUT=token-cache,queue-index`; a component reads it when it is made.
"""

from __future__ import annotations

import enum
import os
from typing import Final

VARIABLE: Final = "AGENT_HIVE_WITHOUT"


class Optimisation(enum.Enum):
    """An optimisation that can be switched off."""

    TOKEN_CACHE = "token-cache"  # noqa: S105 - a name
    """Verified tokens are remembered, so that each signature is checked only once."""

    PERMISSION_TABLE = "permission-table"
    """The permissions that a role inherits are computed when the policy is made, not at every check."""

    QUEUE_INDEX = "queue-index"
    """The queue is read from an index of the queued tasks."""

    OWNER_INDEX = "owner-index"
    """The tasks of an agent are found by an index."""

    KEPT_CONNECTIONS = "kept-connections"
    """A thread keeps its connection to the database."""

    REGISTRY_CACHE = "registry-cache"
    """The endpoints of a capability are remembered for some seconds, and refreshed before they expire."""

    KEEP_ALIVE = "keep-alive"
    """The gateway keeps its connections to agents open."""

    RESPONSE_CACHE = "response-cache"
    """The gateway remembers the answers that an agent declares public."""

    SLIDING_WINDOW = "sliding-window"
    """Redis counts the hits of a window itself; otherwise each hit reads the times of all hits before."""


def is_on(optimisation: Optimisation) -> bool:
    """Return whether an optimisation is in use.

    Raises:
        ValueError: the variable names an optimisation that does not exist.
    """
    off = {Optimisation(name.strip()) for name in os.environ.get(VARIABLE, "").split(",") if name.strip()}
    return optimisation not in off
