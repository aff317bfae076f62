"""The fourth stage: a public answer that is still fresh is given again."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from pytest_perfbudget import track
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_hive.clock import SYSTEM_CLOCK, Clock
from agent_hive.switches import Optimisation, is_on

MOST_ENTRIES: Final = 1_000
MOST_BYTES: Final = 64_000

_MAX_AGE = re.compile(r"max-age=(\d+)")
_OK = 200
_Key = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class _Answer:
    start: Message
    body: bytes
    stored_at: float
    until: float


@dataclass(slots=True)
class _Recording:
    """An answer on its way to the caller."""

    start: Message = field(default_factory=dict)
    max_age_s: int = 0
    body: bytearray = field(default_factory=bytearray)
    is_complete: bool = False

    def note(self, message: Message) -> None:
        """Note a part of the answer, unless the answer may not be stored."""
        if message["type"] == "http.response.start":
            self.start = {**message, "headers": list(message["headers"])}
            self.max_age_s = _storable_s(message)
        elif self.max_age_s:
            self.body += message.get("body", b"")
            self.is_complete = not message.get("more_body", False)
            if len(self.body) > MOST_BYTES:
                self.max_age_s = 0


class ResponseCache:
    """A stage that remembers answers to GET, by path and query.

    Calls carry tokens, so only an answer with `Cache-Control: public` and `max-age` is stored (RFC 9111,
    section 3.5): such an answer is the same for every caller with the permission. One event loop uses the cache.
    """

    def __init__(self, app: ASGIApp, *, size: int = MOST_ENTRIES, clock: Clock = SYSTEM_CLOCK) -> None:
        self._app = app
        self._size = size
        self._clock = clock
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()
        self._caches = is_on(Optimisation.RESPONSE_CACHE)

    @track("response_cache")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from the cache, or hand on the call and remember its answer."""
        if scope["method"] != "GET" or not self._caches:
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"])
        answer = self._fresh(key)
        if answer is None:
            await self._record(key, scope, receive, send)
            return
        start = {**answer.start, "headers": list(answer.start["headers"])}
        MutableHeaders(scope=start)["Age"] = str(int(self._clock() - answer.stored_at))
        await send(start)
        await send({"type": "http.response.body", "body": answer.body})

    def _fresh(self, key: _Key) -> _Answer | None:
        answer = self._answers.get(key)
        if answer is None:
            return None
        if self._clock() >= answer.until:
            del self._answers[key]
            return None
        self._answers.move_to_end(key)
        return answer

    async def _record(self, key: _Key, scope: Scope, receive: Receive, send: Send) -> None:
        recording = _Recording()

        async def send_and_note(message: Message) -> None:
            recording.note(message)
            await send(message)

        await self._app(scope, receive, send_and_note)
        if recording.max_age_s and recording.is_complete:
            now = self._clock()
            answer = _Answer(recording.start, bytes(recording.body), now, now + recording.max_age_s)
            self._answers[key] = answer
            self._answers.move_to_end(key)
            if len(self._answers) > self._size:
                self._answers.popitem(last=False)


def _storable_s(start: Message) -> int:
    """Return for how many seconds an answer may be stored."""
    if start["status"] != _OK:
        return 0
    control = Headers(raw=start["headers"]).get("cache-control", "").lower()
    directives = {directive.strip() for directive in control.split(",")}
    if "public" not in directives or directives & {"no-store", "no-cache", "private"}:
        return 0
    ages = [int(found[1]) for directive in directives if (found := _MAX_AGE.fullmatch(directive))]
    return min(ages, default=0)
