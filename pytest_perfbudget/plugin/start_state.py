"""The environment and the search path with which a session began, before a conftest.py could change them.

pytest loads the plugins of `-p` before this one, so `perfbudget gate` notes the state before it starts pytest.

Fresh processes begin with this state: each side's own conftest.py changes it there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import pytest

NAME: Final = "perfbudget-start"
"""The name under which the state is registered as a plugin, so that each session has its own."""


class StartState:
    """The state of the process when pytest loaded this plugin, which is before it loads any conftest.py.

    Attributes:
        environment: the environment variables.
        path: the search path of modules.
    """

    def __init__(self) -> None:
        self.__name__ = NAME
        self.environment: Mapping[str, str] = dict(os.environ)
        self.path = [os.fspath(entry) for entry in sys.path]


_noted: Final[list[StartState]] = []
"""The state that was noted before pytest started, until the session has it."""


def note_process() -> None:
    """Note the state now, for the session that this process is about to start."""
    _noted.append(StartState())


def note_start(pluginmanager: pytest.PytestPluginManager) -> None:
    """Note the state now, unless it was noted before pytest started."""
    if not pluginmanager.hasplugin(NAME):
        pluginmanager.register(_noted.pop() if _noted else StartState(), NAME)


def start_of(config: pytest.Config) -> StartState:
    """Return the state with which a session began."""
    found: Any = config.pluginmanager.getplugin(NAME)
    state: StartState = found or StartState()
    return state
