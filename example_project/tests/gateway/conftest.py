from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from hive_processes import Hive

Send = Callable[..., tuple[http.client.HTTPResponse, Any]]


@pytest.fixture
def connection(running_hive: Hive) -> Iterator[http.client.HTTPConnection]:
    """A connection to the gateway that is kept open."""
    with closing(http.client.HTTPConnection(urlsplit(running_hive.gateway.url).netloc, timeout=10)) as opened:
        yield opened


@pytest.fixture
def send(connection: http.client.HTTPConnection) -> Send:
    """A function that sends a request to the gateway and returns the response and its JSON."""

    def send_one(
        path: str, headers: dict[str, str], *, text: str | None = None, body: bytes | None = None
    ) -> tuple[http.client.HTTPResponse, Any]:
        content = json.dumps({"text": text}).encode() if text is not None else body
        connection.request("GET" if content is None else "POST", path, content, headers)
        response = connection.getresponse()
        return response, json.loads(response.read())

    return send_one
