"""The components of a service, each with its recorder: a name of a span or a request leads to its component."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

from pytest_perfbudget.monitor.history import History, Recorder

MOST_COMPONENTS: Final = 100
"""The number of components without a table or an alert that are kept; further names belong to the component `OTHER`."""
OTHER: Final = "other"
_MOST_NAMES: Final = 10_000
"""The number of names whose component is remembered."""


class Component:
    """A component with its recorder, and the lock that the recorder needs.

    A thread that has the lock may ask for it again: the garbage collector may end a span in the middle of a record, and
    a signal handler may ask for the numbers.
    """

    __slots__ = ("lock", "name", "recorder")

    def __init__(self, name: str, start_ns: int) -> None:
        self.name = name
        self.lock = threading.RLock()
        self.recorder = Recorder(start_ns)


class Components:
    """The components that had requests.

    A name belongs to the configured component of the same name, or else of its longest beginning up to a dot; or else
    the name is a component itself.

    Args:
        configured: the names of the components that have a table.
        clock: the present time, in ns since 1970.
        watched: the names of the components that an alert watches.
    """

    def __init__(self, configured: Iterable[str], clock: Callable[[], int], watched: Iterable[str] = ()) -> None:
        self._configured = sorted(configured, key=len, reverse=True)
        self.always_kept = {*self._configured, *watched, OTHER}
        self._clock = clock
        self._changing = threading.RLock()  # as that of a component
        self._components: dict[str, Component] = {}
        self._unconfigured = 0
        self.by_name: dict[str, Component] = {}
        """The component of each name that was seen; a name that is missing is passed to `find`."""

    def find(self, name: str) -> Component:
        """Return the component of a name, which is new if no name of the component was seen before."""
        # A lone surrogate, as of a path that is no UTF-8, cannot be encoded, and would break every scrape.
        owner = self.component_of(name).encode("utf-8", "backslashreplace").decode()
        with self._changing:
            is_foreign = owner not in self.always_kept and owner not in self._components
            if is_foreign and self._unconfigured >= MOST_COMPONENTS:
                owner = OTHER
            component = self._components.get(owner)
            if component is None:
                made = Component(owner, self._clock())
                component = self._components.setdefault(owner, made)
                self._unconfigured += is_foreign and component is made
            if len(self.by_name) < _MOST_NAMES:
                self.by_name[name] = component
        return component

    def component_of(self, name: str) -> str:
        """Return the name of the component that a name belongs to."""
        covers = (one for one in self._configured if name == one or name.startswith(f"{one}."))
        return next(covers, name)

    def histories(self, now_ns: int) -> dict[str, History]:
        """Return the history of each component up to now."""
        found = {}
        for name, component in sorted(self._components.copy().items()):
            with component.lock:
                found[name] = component.recorder.history(now_ns)
        return found
