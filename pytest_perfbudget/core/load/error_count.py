"""The errors of a load as a count, for a process that judges the load of another process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_perfbudget.core.load.error_groups import ErrorGroup, ErrorGroups


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """The errors of one load, or of several.

    Attributes:
        requests: the number of requests.
        failures: the number of requests that are errors.
        groups: the errors in groups, the largest first.
    """

    requests: int = 0
    failures: int = 0
    groups: Sequence[ErrorGroup] = ()

    @classmethod
    def together(cls, counts: Iterable[ErrorCount | None]) -> ErrorCount:
        """Return the errors of several loads; None stands for a measurement that is no load."""
        known = [one for one in counts if one is not None]
        groups = ErrorGroups()
        for group in (group for one in known for group in one.groups):
            groups.join(replace(group))  # a copy, because a group counts on
        return cls(sum(one.requests for one in known), sum(one.failures for one in known), tuple(groups))

    @property
    def text(self) -> str:
        """The number of errors, with the largest group."""
        first = self.groups[0] if self.groups else None
        kind = f" ({first.count:,} x {first.kind}{f': {first.message}' if first.message else ''})" if first else ""
        return f"{self.failures:,} of {self.requests:,} requests failed{kind}"

    def to_dict(self) -> dict[str, Any]:
        """Return the count as builtins."""
        groups = [one.to_dict() for one in self.groups]
        return {"requests": self.requests, "failures": self.failures, "groups": groups}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ErrorCount:
        """Rebuild a count from the result of `to_dict`."""
        return cls(**{**data, "groups": tuple(ErrorGroup.from_dict(one) for one in data["groups"])})
