"""The component of a request, from the argument `component=` of a middleware."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from pytest_perfbudget.monitor.components import OTHER

Request = MutableMapping[str, Any]
"""The scope of a request under ASGI, or its environment under WSGI."""
ComponentOf = str | Callable[[Any], str | None]
"""A component, or a function that takes a request and returns it; None stands for the component `OTHER`."""

_log: Final = logging.getLogger(__name__)


class RequestNames:
    """The component of each request; a function that fails is logged once, because the service goes on."""

    def __init__(self, component: ComponentOf) -> None:
        self._component = component
        self._is_logged = False

    def component(self, request: Request) -> str:
        """Return the component of a request."""
        if isinstance(self._component, str):
            return self._component
        try:
            return str(self._component(request) or OTHER)
        except Exception:  # noqa: BLE001 - a function of the user must not break a request
            if not self._is_logged:
                self._is_logged = True
                _log.exception(
                    "perfbudget: component= of the middleware failed; such requests count for the component %r", OTHER
                )
            return OTHER
