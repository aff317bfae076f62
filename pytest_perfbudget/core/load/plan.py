"""The parameters of a load: a closed model of users or an open model of arrivals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.load.arrivals import Arrival, Stage, intended_starts
from pytest_perfbudget.core.units import NS_PER

_DEFAULT_TIMEOUT_NS: Final = 30 * NS_PER["s"]


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A load to generate.

    A load of the closed model has `users`, each of whom waits for an answer before the next request. A load of the open
    model has `stages`: requests start when they are due, whether or not earlier requests have been answered.

    Attributes:
        users: the number of users; 0 in the open model.
        requests: the number of requests of each user; 0 if the duration ends the load.
        duration_ns: the length of the load without its warm-up; 0 if the number of requests ends the load.
        think_time_ns: the pause of a user between an answer and the next request.
        stages: the rate over time; empty in the closed model.
        arrival: the way in which requests of the open model arrive.
        warm_up_ns: the time before the load, under its first rate or with its users, in which no answer is recorded.
        timeout_ns: the time after which a request is an error.
        seed: of Poisson arrivals.
        has_user: whether a user keeps something from request to request (`user=`).
    """

    users: int = 0
    requests: int = 0
    duration_ns: int = 0
    think_time_ns: int = 0
    stages: tuple[Stage, ...] = ()
    arrival: Arrival = Arrival.CONSTANT
    warm_up_ns: int = 0
    timeout_ns: int = _DEFAULT_TIMEOUT_NS
    seed: int = 0
    has_user: bool = False

    @property
    def is_open(self) -> bool:
        """Whether this is a load of the open model."""
        return bool(self.stages)

    def starts(self) -> Iterator[int]:
        """Yield the intended starts of an open load, with those of the warm-up, in ns from the first request on."""
        first = self.stages[0].before or self.stages[0].after
        stages = [Stage(first, first, self.warm_up_ns), *self.stages] if self.warm_up_ns else self.stages
        return intended_starts(stages, self.arrival, self.seed)

    @property
    def planned_requests(self) -> int:
        """The number of requests after the warm-up; 0 for users who make requests until the duration ends.

        Of Poisson arrivals, the number is that of the seed.
        """
        if not self.is_open:
            return self.users * self.requests
        return sum(due_ns >= self.warm_up_ns for due_ns in self.starts())

    @property
    def is_steady(self) -> bool:
        """Whether the rate or the number of users stays the same, so that windows of the load are alike."""
        return not self.stages or (len(self.stages) == 1 and self.stages[0].before == self.stages[0].after)

    @property
    def text(self) -> str:
        """The parameters of the load, for readers."""
        parts = [f"{one.before:g} to {one.after:g}/s in {_seconds(one.duration_ns)}" for one in self.stages]
        if self.is_open and self.is_steady:
            parts = [f"{self.stages[0].before:g}/s for {_seconds(self.duration_ns)}"]
        if self.is_open and self.arrival is not Arrival.CONSTANT:
            parts.append(f"{self.arrival.value} arrivals")
        if self.users:
            each = f"{_counted(self.requests, 'request')} each"
            parts.append(_counted(self.users, "user"))
            parts.append(each if self.requests else f"for {_seconds(self.duration_ns)}")
        if self.think_time_ns:
            parts.append(f"think time {_seconds(self.think_time_ns)}")
        return ", ".join(parts)

    @property
    def identity(self) -> str:
        """All parameters of the load, by which two loads of one name are known to be the same (`load_differences`)."""
        user = "with user=" if self.has_user else "without user="
        return ", ".join(
            [self.text, f"warm-up {_seconds(self.warm_up_ns)}", f"timeout {_seconds(self.timeout_ns)}", user]
        )


def _seconds(time_ns: int) -> str:
    return f"{time_ns / NS_PER['s']:g} s"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
