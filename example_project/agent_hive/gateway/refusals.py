"""The answers to calls that are refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from agent_hive.errors import (
    AuthenticationError,
    CircuitOpenError,
    HiveError,
    NoEndpointError,
    PermissionDeniedError,
    RateLimitStoreError,
    UpstreamError,
)

STATUS: Final[Mapping[type[HiveError], int]] = {
    AuthenticationError: 401,
    PermissionDeniedError: 403,
    NoEndpointError: 503,
    CircuitOpenError: 503,
    RateLimitStoreError: 503,
    UpstreamError: 502,
}
"""The status of the answer, by error. The text of an error contains nothing secret."""


async def refuse(_: Request, error: Exception) -> JSONResponse:
    """Return the answer for an error of the table."""
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    headers = {"WWW-Authenticate": "Bearer"} if status == STATUS[AuthenticationError] else None
    return JSONResponse({"error": str(error)}, status_code=status, headers=headers)


HANDLERS: Final[Mapping[type[HiveError], Callable[[Request, Exception], Awaitable[JSONResponse]]]] = dict.fromkeys(
    STATUS, refuse
)
"""The handlers of an application."""
