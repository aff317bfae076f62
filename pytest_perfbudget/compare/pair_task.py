"""The task of a pair: the test that the pair measures, and the rules by which its measurements end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.processes.duet import TIMERS, IsDecided, never


@dataclass(frozen=True, slots=True)
class PairTask:
    """The test that a pair measures.

    Attributes:
        nodeid: the test.
        names: the names of the measurements; those that share their turns have one name together.
        seconds: the time that each measurement may take.
        unpinned: the measurements that may use all CPUs.
        instructions: the names of the measurements whose bytecode instructions are compared.
        is_cleared: a function that ends the turns of a measurement in a screening pair earlier.
        needs_second: a function that returns whether a second screening pair is to measure the test, by the first.
        is_far_slower: a function that ends the turns of a measurement in a fresh pair earlier.
        needs_repetition: a function that returns whether a fresh pair is to run the test again, by its first run.
    """

    nodeid: str
    names: Collection[str]
    seconds: float
    unpinned: Collection[str] = ()
    instructions: Collection[str] = ()
    is_cleared: IsDecided = never
    needs_second: IsDecided = never
    is_far_slower: IsDecided = never
    needs_repetition: IsDecided = never

    @classmethod
    def of(
        cls,
        nodeid: str,
        measurements: Sequence[Measurement],
        seconds: float,
        unpinned: Collection[str],
        instructions: Collection[str] = (),
    ) -> PairTask:
        """Return the task for all measurements of a test."""
        turns = {one.name: TIMERS if one.kind.shares_turns else one.name for one in measurements}
        return cls(nodeid, list(turns.values()), seconds, [turns[name] for name in unpinned], instructions)
