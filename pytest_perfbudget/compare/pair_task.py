"""The task of a pair: the test that the pair measures, and the rules by which its measurements end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.pair_rules import PairRules
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.measure.turns import TIMERS


@dataclass(frozen=True, slots=True)
class PairTask:
    """The test that a pair measures.

    Attributes:
        nodeid: the test.
        names: the names of the measurements; those that share their turns have one name together.
        seconds: the time that each measurement may take.
        unpinned: the measurements that may use all CPUs.
        instructions: the names of the measurements whose bytecode instructions are compared.
        rules: the rules by which the pairs of a measurement end, by its name. Other measurements have no such rules.
    """

    nodeid: str
    names: Collection[str]
    seconds: float
    unpinned: Collection[str] = ()
    instructions: Collection[str] = ()
    rules: Mapping[str, PairRules] = field(default_factory=dict)

    def is_cleared(self, name: str, pair: Pair) -> bool:
        """See `PairRules.is_cleared`."""
        return name in self.rules and self.rules[name].is_cleared(pair)

    def needs_second(self, name: str, pair: Pair) -> bool:
        """See `PairRules.needs_second`."""
        return name in self.rules and self.rules[name].needs_second(pair)

    def is_far_slower(self, name: str, pair: Pair) -> bool:
        """See `PairRules.is_far_slower`."""
        return name in self.rules and self.rules[name].is_far_slower(pair)

    def needs_repetition(self, name: str, pair: Pair) -> bool:
        """See `PairRules.needs_repetition`."""
        return name in self.rules and self.rules[name].needs_repetition(pair)

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
