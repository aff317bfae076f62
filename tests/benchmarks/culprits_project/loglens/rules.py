"""The rules by which entries raise an alarm, and the seal of a report."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from functools import cache

from loglens.entries import Entry

LOG = logging.getLogger("loglens")
BLOCKED = [f"10.0.{at % 7}.{at}" for at in range(60)]


@cache
def severities() -> dict[int, str]:
    return {status: severity(status) for status in range(100, 600)}


def severity(status: int) -> str:
    return "high" if status >= 500 else "medium" if status >= 400 else "low"


def alarm(one: Entry) -> str:
    LOG.debug("alarm for %s", one)
    return severities()[one.status]


def alarms(entries: Sequence[Entry]) -> list[str]:
    return [alarm(one) for one in entries]


def is_blocked(host: str) -> bool:
    return any(matches(host, pattern) for pattern in BLOCKED)


def matches(host: str, pattern: str) -> bool:
    return host.startswith(pattern)


def blocked(entries: Sequence[Entry]) -> list[Entry]:
    return [one for one in entries if is_blocked(one.host)]


def seal(text: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", text.encode(), b"loglens", 300).hex()


def sealed(texts: Sequence[str]) -> list[str]:
    return [seal(one) for one in texts]
