"""The summary of a service elsewhere, by its address."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_perfbudget.errors import MonitorError
from pytest_perfbudget.monitor.endpoints import SUMMARY
from pytest_perfbudget.monitor.summary import SCHEMA
from pytest_perfbudget.report.printable import printable

TIMEOUT_S: Final = 10.0


def checked_url(url: str) -> str:
    """Return the address of a service without a path of the monitor.

    Raises:
        MonitorError: the text is no address.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or a bracket is missing
        is_address = False
    if not is_address:
        message = f"{url!r} is no address: give the service's own, such as http://127.0.0.1:8000"
        raise MonitorError(message)
    if parts.username is not None or parts.password is not None:
        message = f"http://...@{parts.netloc.rpartition('@')[2]}: a name and a password are not sent: leave them out"
        raise MonitorError(message)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(SUMMARY)}"


def fetch_summary(url: str, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Return the summary of a service.

    Raises:
        MonitorError: the service does not answer, or does not answer with a summary.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=timeout_s)
    try:
        connection.request("GET", f"{parts.path}{SUMMARY}", headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        message = f"{url} does not answer: {reason}"
        raise MonitorError(message) from None
    finally:
        connection.close()
    return _summary(url, response.status, body)


def _summary(url: str, status: int, body: bytes) -> dict[str, Any]:
    if status == 403:
        message = f"{url}{SUMMARY} answers 403: {printable(body.decode(errors='replace').strip()[:200], unicode=True)}"
        raise MonitorError(message)
    try:
        summary: dict[str, Any] = json.loads(body) if status == 200 else {}
    except ValueError:
        summary = {}
    if not isinstance(summary, dict) or summary.get("schema") != SCHEMA:
        message = f"{url}{SUMMARY} is no summary of a monitor (status {status}): does the service have the middleware?"
        raise MonitorError(message)
    return summary
