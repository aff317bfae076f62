"""The WSGI middleware (Flask, Django, and others): observes requests, and answers for the monitor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from pytest_perfbudget.monitor.endpoints import METRICS, Allow, answer, is_loopback
from pytest_perfbudget.monitor.error_log import ErrorCause
from pytest_perfbudget.monitor.monitor import Monitor
from pytest_perfbudget.monitor.request_names import ComponentOf, RequestNames

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
        metrics_path: the path of the scrape; None leaves `/metrics` to the application.
    """

    def __init__(
        self,
        app: App,
        monitor: Monitor,
        *,
        component: ComponentOf = "http",
        allow: Allow = is_loopback,
        metrics_path: str | None = METRICS,
    ) -> None:
        self._app = app
        self._monitor = monitor
        self._names = RequestNames(component)
        self._allow = allow
        self._metrics_path = metrics_path

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path, client = environ.get("PATH_INFO", ""), environ.get("REMOTE_ADDR", "")
        found = answer(self._monitor, path, client, self._allow, self._metrics_path)
        if found is None:
            return _Observed(self._app, environ, start_response, self._end).for_server()
        headers = [("Content-Type", found.content_type), ("Cache-Control", "no-store")]
        start_response(f"{found.status} {HTTPStatus(found.status).phrase}", headers)
        return [found.body]

    def _end(self, environ: Environ, duration_s: float, error: BaseException | ErrorCause | None) -> None:
        self._monitor.observe(self._names.component(environ), duration_s, error)


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
        self._request = f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}"
        self._error: BaseException | ErrorCause | None = None
        self._has_response = self._is_ended = self._is_observed = False
        self._start_ns = time.perf_counter_ns()

        def noting(status: str, *rest: Any) -> Any:  # noqa: ANN401 - the server's own types
            self._has_response = True
            self._error = ErrorCause.of_status(int(status[:3]), self._request)
            return start_response(status, *rest)

        try:
            self._body = app(environ, noting)
            self._close: Callable[[], None] | None = getattr(self._body, "close", None)
        except Exception as error:
            self._error = error
            self._observe()
            raise

    def for_server(self) -> Iterable[bytes]:
        """Return the body as the server is to see it.

        A server sends the file of its own `wsgi.file_wrapper` without reading it, which it knows by the type: that body
        stays as it is, and only its closing is observed.
        """
        wrapper = self._environ.get("wsgi.file_wrapper")
        if not (isinstance(wrapper, type) and isinstance(self._body, wrapper)):
            return self
        try:
            self._body.close = self.close  # type: ignore[attr-defined]
        except (AttributeError, TypeError):  # a type without attributes of its own: its sending is not observed
            self._observe()
        return self._body

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception as error:
            self._error = error
            raise
        self._is_ended = True

    def close(self) -> None:
        """Close the application's body, and count the request."""
        try:
            if self._close is not None:
                self._close()
        finally:
            self._observe()

    def _observe(self) -> None:
        """Count the request, once; an application may begin its response as late as with the first part of the body."""
        if self._is_observed:
            return
        self._is_observed = True
        if self._is_ended and not self._has_response:
            self._error = ErrorCause.of_status(0, self._request)
        self._end(self._environ, (time.perf_counter_ns() - self._start_ns) / 1e9, self._error)
