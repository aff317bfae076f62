"""The WSGI middleware (Flask, Django, and others): observes requests, and answers for the monitor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from pytest_perfbudget.monitor.endpoints import Allow, answer, is_loopback
from pytest_perfbudget.monitor.error_log import ErrorCause
from pytest_perfbudget.monitor.monitor import Monitor

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class WSGIMonitor:
    """The middleware around an application.

    A stream of events would keep a worker busy, so each request for events gets one; a browser asks again.

    Args:
        app: the application.
        monitor: the monitor.
        component: the component of the requests, or a function that takes the environment of a request and returns it.
        allow: a function that takes the address of a client and returns whether the client may see the summary; by
            default clients on the same machine may.
    """

    def __init__(
        self,
        app: App,
        monitor: Monitor,
        *,
        component: str | Callable[[Environ], str] = "http",
        allow: Allow = is_loopback,
    ) -> None:
        self._app = app
        self._monitor = monitor
        self._component = component
        self._allow = allow

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path, client = environ.get("PATH_INFO", ""), environ.get("REMOTE_ADDR", "")
        found = answer(self._monitor, path, client, self._allow)
        if found is None:
            return _Observed(self._app, environ, start_response, self._end)
        headers = [("Content-Type", found.content_type), ("Cache-Control", "no-store")]
        start_response(f"{found.status} {HTTPStatus(found.status).phrase}", headers)
        return [found.body]

    def _end(self, environ: Environ, duration_s: float, error: BaseException | ErrorCause | None) -> None:
        component = self._component if isinstance(self._component, str) else self._component(environ)
        self._monitor.observe(component, duration_s, error)


class _Observed:
    """The body of a response, observed from the call of the application until the server closes the body."""

    def __init__(
        self,
        app: App,
        environ: Environ,
        start_response: StartResponse,
        end: Callable[[Environ, float, BaseException | ErrorCause | None], None],
    ) -> None:
        self._environ = environ
        self._end = end
        self._error: BaseException | ErrorCause | None = None
        self._start_ns = time.perf_counter_ns()

        def noting(status: str, *rest: Any) -> Any:  # noqa: ANN401 - the server's own types
            request = f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}"
            self._error = ErrorCause.of_status(int(status[:3]), request)
            return start_response(status, *rest)

        try:
            self._body = app(environ, noting)
        except Exception as error:
            self._error = error
            self._observe()
            raise

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception as error:
            self._error = error
            raise

    def close(self) -> None:
        """Close the application's body, and count the request."""
        close: Callable[[], None] | None = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._observe()

    def _observe(self) -> None:
        self._end(self._environ, (time.perf_counter_ns() - self._start_ns) / 1e9, self._error)
