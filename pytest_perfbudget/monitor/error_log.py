"""The last errors of a service with their causes, in bounded memory; errors of the same cause are counted together."""

from __future__ import annotations

import traceback
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from pytest_perfbudget.core.load.error_groups import without_varying

MOST_ERRORS: Final = 20
"""The number of different errors that are kept, the latest."""
_LONGEST: Final = 300
"""The number of characters of a message that are kept."""


@dataclass(frozen=True, slots=True)
class ErrorCause:
    """The cause of an error.

    Attributes:
        kind: the name of the exception's class, or the status of a response.
        message: the message, cut if it is long.
        place: the file and the line that raised the error; empty if they are not known.
    """

    kind: str
    message: str
    place: str = ""

    @classmethod
    def of(cls, error: Error, place: str = "") -> ErrorCause:
        """Return the cause of an error.

        Args:
            error: the exception, its cause, or its words (`Type: message`).
            place: the file and the line, for an error without a traceback.
        """
        if isinstance(error, ErrorCause):
            return error
        if isinstance(error, str):
            kind, colon, message = error.partition(": ")
            found = (kind, message) if colon and " " not in kind else ("error", error)
            return cls(found[0], found[1][:_LONGEST], place)
        frames = traceback.extract_tb(error.__traceback__)
        if frames:
            place = f"{frames[-1].filename}:{frames[-1].lineno}"
        try:
            message = str(error)
        except Exception:  # noqa: BLE001 - whatever the exception's own method raises
            message = "(its text cannot be read)"
        return cls(type(error).__name__, message[:_LONGEST], place)

    @classmethod
    def of_status(cls, status: int, request: str) -> ErrorCause | None:
        """Return the error that the status of a response tells of; None for a status below 500.

        Args:
            status: the status; 0 without a response, for which a server answers with a status of 500.
            request: the method and the path.
        """
        if not status:
            return cls("no response", request)
        return cls(f"HTTP {status}", request) if status >= 500 else None


Error = BaseException | ErrorCause | str
"""An error as a caller may give it."""


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """An error as the log keeps it.

    Attributes:
        component: the component in which the error happened.
        cause: the cause.
        at_ns: the time of the last such error, in ns since 1970.
        count: the number of such errors.
        parent: the name of the span that encloses the span with the error; empty if there is none, or as long as the
            enclosing span goes on.
    """

    component: str
    cause: ErrorCause
    at_ns: int
    count: int = 1
    parent: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as builtins."""
        return {
            "component": self.component,
            **asdict(self.cause),
            "parent": self.parent,
            "count": self.count,
            "at_ns": self.at_ns,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ErrorEntry:
        """Rebuild an entry from the result of `to_dict`."""
        cause = ErrorCause(data["kind"], data["message"], data["place"])
        return cls(data["component"], cause, data["at_ns"], data["count"], data["parent"])


_Key = tuple[str, str, str, str]


def _key(component: str, cause: ErrorCause) -> _Key:
    return component, cause.kind, without_varying(cause.message), cause.place


class ErrorLog:
    """The last errors. The caller holds a lock while a method runs."""

    def __init__(self) -> None:
        self._entries: OrderedDict[_Key, ErrorEntry] = OrderedDict()
        self._waiting: OrderedDict[int, _Key] = OrderedDict()

    def add(self, component: str, cause: ErrorCause, now_ns: int, parent_id: int = 0) -> None:
        """Count an error; `parent_id` is the id of the span that encloses the span with the error."""
        key = _key(component, cause)
        before = self._entries.pop(key, None)
        if before is None:
            self._entries[key] = ErrorEntry(component, cause, now_ns)
        else:
            self._entries[key] = replace(before, cause=cause, at_ns=now_ns, count=before.count + 1)
        if len(self._entries) > MOST_ERRORS:
            self._entries.popitem(last=False)
        if parent_id:
            self._waiting[parent_id] = key
            if len(self._waiting) > MOST_ERRORS:
                self._waiting.popitem(last=False)

    def is_waiting_for(self, span_id: int) -> bool:
        """Return whether an error happened in a child of a span. This check needs no lock."""
        return span_id in self._waiting

    def name_parent(self, span_id: int, name: str) -> None:
        """Note the name of an enclosing span, which ends after its children."""
        key = self._waiting.pop(span_id, None)
        if key is not None and key in self._entries:
            self._entries[key] = replace(self._entries[key], parent=name)

    def entries(self) -> list[ErrorEntry]:
        """Return the errors, the latest first."""
        return [*reversed(self._entries.values())]


def merged(logs: Iterable[Iterable[ErrorEntry]]) -> list[ErrorEntry]:
    """Return the last errors of several processes, the latest first."""
    found: dict[_Key, ErrorEntry] = {}
    for one in (entry for log in logs for entry in log):
        key = _key(one.component, one.cause)
        known = found.get(key)
        if known is None:
            found[key] = one
        else:
            latest = max(known, one, key=lambda entry: entry.at_ns)
            found[key] = replace(latest, count=known.count + one.count)
    return sorted(found.values(), key=lambda one: -one.at_ns)[:MOST_ERRORS]
