"""The watch over a service's alerts: the state of each, and the functions that are told of changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pytest_perfbudget.core.alerts import Alert, AlertEvent, AlertRule
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import nearest
from pytest_perfbudget.monitor.components import OTHER
from pytest_perfbudget.monitor.summary import JudgedService

Callback = Callable[[AlertEvent], None]
"""A function that takes each alert that begins to fire or clears."""

_log: Final = logging.getLogger(__name__)


def unknown_components(settings: Settings) -> list[str]:
    """Return a note for each alert on a component that no table names, while other components have tables."""
    known = [rule.limits.component for rule in settings.components if rule.limits.component]
    return [
        f"{one.source}: no table in [tool.perfbudget.components] names {one.component!r}{nearest(one.component, known)}"
        for one in settings.alerts
        if known and one.component and one.component not in (*known, OTHER)
    ]


class AlertWatch:
    """The states of all alerts in this process. The caller holds a lock while `update` runs."""

    def __init__(self, rules: Iterable[AlertRule]) -> None:
        self._rules = tuple(rules)
        self.callbacks: list[Callback] = []
        self.reset()

    def reset(self) -> None:
        """Begin with no alert on."""
        self._alerts = [Alert(rule) for rule in self._rules]

    def update(self, service: JudgedService) -> list[AlertEvent]:
        """Take the present numbers, and return what changed."""
        found = (one.update(service.alert_value(one.rule), service.now_ns) for one in self._alerts)
        return [one for one in found if one is not None]

    def follow(self, states: Iterable[Mapping[str, Any]]) -> None:
        """Take over the states of the process that watches, so that an alert that is on does not fire again here."""
        known = {one["alert"]: one for one in states}
        for one in self._alerts:
            if one.rule.name in known:
                one.adopt(known[one.rule.name])

    def states(self) -> list[dict[str, Any]]:
        """Return the state of each alert as builtins."""
        return [one.to_dict() for one in self._alerts]

    def call_back(self, events: Iterable[AlertEvent]) -> None:
        """Tell all functions; an exception in a function is logged, because the service goes on."""
        for event in events:
            for callback in self.callbacks:
                try:
                    callback(event)
                except Exception:  # noqa: BLE001 - whatever a user's function raises
                    _log.exception("the callback of alert %s failed", event.rule.name)
