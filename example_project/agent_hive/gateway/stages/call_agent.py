"""The last stage: the agent is called, and its answer is returned."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from agent_hive.gateway.call import Call
from agent_hive.gateway.upstream import Upstream

MOST_BODY_BYTES = 1_000_000


class CallAgent:
    """A stage that hands the body and the query of a call to the chosen agent."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the agent's answer; refuse a body that is too long with 413.

        Raises:
            UpstreamError: the agent gave no answer.
        """
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        call = Call.of(request.scope)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BODY_BYTES:
                message = f"a body has at most {MOST_BODY_BYTES} bytes"
                return JSONResponse({"error": message}, status_code=413)
        assert call.endpoint is not None  # noqa: S101 - the stage before has chosen it
        url = f"{call.endpoint.url}/skills/{call.capability}"
        if request.url.query:
            url = f"{url}?{request.url.query}"
        headers = {
            "Content-Type": request.headers.get("content-type", "application/octet-stream"),
            "X-Caller": quote(call.identity.agent_id),
        }
        answer = await self._upstream.call(request.method, url, headers=headers, body=bytes(body))
        return Response(answer.body, answer.status, {**answer.headers, "X-Agent": call.endpoint.agent_id})
