"""The outcome of each request of a load, decided once: when the request ends or is given up."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from enum import IntEnum


class Outcome(IntEnum):
    """The way in which a request ended, in a byte for each request."""

    ANSWERED = 0
    """The request succeeded."""

    FAILED = 1
    """The request raised, and an answer or a refusal is the likely reason."""

    NO_ANSWER = 2
    """The client's own timeout ended the request."""

    GIVEN_UP = 3
    """The load gave the request up, or could not send it, nor could a client whose connections were all in use; another
    generator might have seen an answer."""


def errors_of(outcomes: array[int]) -> array[int]:
    """Return 1 for a request that is an error and 0 for another."""
    return _translated(outcomes, dict.fromkeys((Outcome.NO_ANSWER, Outcome.GIVEN_UP), Outcome.FAILED))


def excused(outcomes: array[int]) -> array[int]:
    """Return the outcomes as if the requests that were given up had succeeded."""
    return _translated(outcomes, {Outcome.GIVEN_UP: Outcome.ANSWERED})


def _translated(outcomes: array[int], to: Mapping[Outcome, Outcome]) -> array[int]:
    return array("b", outcomes.tobytes().translate(bytes(to.get(one, one) for one in Outcome).ljust(256, b"\0")))
