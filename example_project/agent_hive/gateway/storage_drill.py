"""A drill for operators: reads of the registry become slow or fail while a file says so, and the monitor has to tell.

The environment names the file, `AGENT_HIVE_STORAGE_DRILL=/run/hive/drill`. Its content is a delay in seconds, or the
word `fail`. Without the file, everything is as it was.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from agent_hive.discovery.registry import Endpoint, Registry
from agent_hive.errors import BusyError
from agent_hive.storage.database import Database

VARIABLE: Final = "AGENT_HIVE_STORAGE_DRILL"
FAIL: Final = "fail"


class DrilledRegistry(Registry):
    """A registry whose reads take part in the drill."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        file = os.environ.get(VARIABLE)
        self._drill = Path(file) if file else None

    def find(self, capability: str) -> tuple[Endpoint, ...]:
        """Return the live and healthy endpoints with a capability, in the order of their agents' ids.

        Raises:
            BusyError: the drill says so.
        """
        if self._drill is not None:
            _drill(self._drill)
        return super().find(capability)


def _drill(file: Path) -> None:
    try:
        order = file.read_text("utf-8").strip()
    except FileNotFoundError:
        return
    if order == FAIL:
        message = "the storage is busy: a drill"
        raise BusyError(message)
    time.sleep(float(order))
