"""The paths at which a service answers for its monitor, the same under ASGI and WSGI."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Final, NamedTuple

from pytest_perfbudget.monitor.monitor import Monitor
from pytest_perfbudget.monitor.openmetrics import CONTENT_TYPE

METRICS: Final = "/metrics"
SUMMARY: Final = "/perfbudget"
EVENTS: Final = "/perfbudget/events"

EVENT_STREAM: Final = "text/event-stream"
EVERY_S: Final = 2.0
"""The time between two events."""

Allow = Callable[[str], bool]
"""A function that takes the address of a client, and returns whether the client may see the summary."""


class Answer(NamedTuple):
    """An answer: its status, its content type and its body."""

    status: int
    content_type: str
    body: bytes


def is_loopback(client: str) -> bool:
    """Return whether a client is on the machine of the service: a summary has the messages of errors."""
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False


def answer(monitor: Monitor, path: str, client: str, allow: Allow, metrics: str | None = METRICS) -> Answer | None:
    """Return the answer to a request for one of the monitor's paths; None for all other paths.

    The body of the path `EVENTS` is one event, to which an ASGI server adds further events.

    Args:
        monitor: the monitor.
        path: the path within the application.
        client: the address of the client.
        allow: whether a client may see the summary.
        metrics: the path of the scrape; None if the application has a scrape of its own.
    """
    if path == metrics:
        return Answer(200, CONTENT_TYPE, monitor.openmetrics().encode())
    if path not in (SUMMARY, EVENTS):
        return None
    if not allow(client):
        text = f"{path} is for clients on this machine; the argument allow= of the middleware admits others\n"
        return Answer(403, "text/plain; charset=utf-8", text.encode())
    if path == SUMMARY:
        return Answer(200, "application/json", json.dumps(monitor.summary()).encode())
    return Answer(200, EVENT_STREAM, event(monitor))


def event(monitor: Monitor) -> bytes:
    """Return the present summary as a server-sent event, after which a browser reconnects soon if the stream ends."""
    return f"retry: {EVERY_S * 1000:.0f}\ndata: {json.dumps(monitor.summary())}\n\n".encode()
