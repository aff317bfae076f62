"""A recording: the raw data of a measurement within a process, by which the measurement is compared.

Recordings convert to builtins and back, so that they cross a process boundary unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_perfbudget.core.call_graph import CallGraph
from pytest_perfbudget.core.cost_graph import CostGraph
from pytest_perfbudget.core.instructions import FunctionInstructions
from pytest_perfbudget.core.load.error_count import ErrorCount
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.spans.batches import SpanBatch
from pytest_perfbudget.core.weather import BlockTime


@dataclass(frozen=True, slots=True)
class Counted:
    """The numbers that untimed passes counted.

    Attributes:
        counts: the count of the better pass, by metric.
        passes: the number of passes, by metric.
        problems: the reason why there is no count, by metric.
        functions: the number of calls by function, `module:name`, in the order of the time that the functions take
            together with all functions that they call.
        costs: the costs of the project's functions in one execution; None if nothing profiled them.
        files: the source files of the functions that are not from a library.
        graph: the calls of the functions by each other; None if nothing counted them.
        instructions: the instructions by function, the most first; empty if nothing counted them.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    passes: Mapping[str, int] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, int] = field(default_factory=dict)
    costs: CostGraph | None = None
    files: Sequence[str] = ()
    graph: CallGraph | None = None
    instructions: Sequence[FunctionInstructions] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """The raw data by which a measurement is compared: its blocks, and the counts of one execution.

    Attributes:
        blocks: the timed blocks with the weather around them.
        counts: the counts of one execution, by metric (`calls`, `peak`).
        functions: see `Counted`.
        costs: see `Counted`.
        files: see `Counted`.
        graph: see `Counted`.
        rounds: the times of the rounds, as far as reports keep them; None if there are none.
        uncounted: the reason why a requested count is missing.
        turns: the turn of each block, if the measurement was made in turns.
        cpus: the average number of CPUs in use; None if the number is not known.
        one_cpu: whether the blocks were timed on one CPU, because the threads take turns.
        untimed: the reason why there are no blocks; empty if there are.
        parameters: a digest of the test's parameters; empty if there are none.
        cases: the digests of all cases of the test's function in this process.
        function: the module and the qualified name of the function that gave the measurement its name; empty if the
            test gives the name.
        identity: digests of what tells apart calls of functions that share a qualified name, see `core.namesakes`;
            empty if the test gives the name.
        source: the source file of the measured function; empty if it has none.
        kind: the name of the measurement's kind; empty if it is not known.
        load: the parameters of the load; empty if the measurement is no load.
        spans: the spans of each block, if they were recorded.
        limits: the limits in a fresh process, see `precedence.limits_to_dict`; empty in other processes.
        instructions: see `Counted`.
        load_errors: the errors of a load in a fresh process, which judges nothing; None of other measurements.
    """

    blocks: Sequence[BlockTime] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    functions: Mapping[str, int] = field(default_factory=dict)
    costs: CostGraph | None = None
    files: Sequence[str] = ()
    uncounted: str = ""
    turns: Sequence[int] = ()
    cpus: float | None = None
    one_cpu: bool = False
    untimed: str = ""
    parameters: str = ""
    cases: Sequence[str] = ()
    function: str = ""
    identity: Sequence[str] = ()
    source: str = ""
    kind: str = ""
    load: str = ""
    graph: CallGraph | None = None
    rounds: RoundTimes | None = None
    spans: Sequence[SpanBatch] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    instructions: Sequence[FunctionInstructions] = ()
    load_errors: ErrorCount | None = None

    def is_other_case(self, other: Recording) -> bool:
        """Return whether another recording with the same id is of another case: one of the two has moved to another id.

        A case that only one side has may have been edited, and is the same case.
        """
        if not (self.parameters and other.parameters) or self.parameters == other.parameters:
            return False
        return self.parameters in other.cases or other.parameters in self.cases

    def to_dict(self) -> dict[str, Any]:
        """Return the recording as builtins."""
        return {
            "blocks": [
                [one.time_ns, list(one.before), list(one.after), one.mean_ns, one.waited] for one in self.blocks
            ],
            "counts": dict(self.counts),
            "functions": dict(self.functions),
            "costs": None if self.costs is None else self.costs.to_dict(),
            "files": list(self.files),
            "uncounted": self.uncounted,
            "turns": list(self.turns),
            "cpus": self.cpus,
            "one_cpu": self.one_cpu,
            "untimed": self.untimed,
            "parameters": self.parameters,
            "cases": list(self.cases),
            "function": self.function,
            "identity": list(self.identity),
            "source": self.source,
            "kind": self.kind,
            "load": self.load,
            "graph": None if self.graph is None else self.graph.to_dict(),
            "rounds": None if self.rounds is None else self.rounds.to_dict(),
            "spans": [one.to_dict() for one in self.spans],
            "limits": dict(self.limits),
            "instructions": [one.to_dict() for one in self.instructions],
            "load_errors": None if self.load_errors is None else self.load_errors.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recording:
        """Rebuild a recording from the result of `to_dict`."""
        blocks = [
            BlockTime(time_ns, tuple(before), tuple(after), *further)
            for time_ns, before, after, *further in data["blocks"]
        ]
        graph = CallGraph.from_dict(data["graph"]) if data.get("graph") else None
        rounds = RoundTimes.from_dict(data["rounds"]) if data.get("rounds") else None
        spans = tuple(SpanBatch.from_dict(entry) for entry in data["spans"])
        rebuilt = {
            "blocks": blocks,
            "costs": CostGraph.from_dict(data["costs"]) if data.get("costs") else None,
            "identity": tuple(data["identity"]),
            "graph": graph,
            "rounds": rounds,
            "spans": spans,
            "instructions": tuple(FunctionInstructions.from_dict(one) for one in data.get("instructions", ())),
            "load_errors": ErrorCount.from_dict(data["load_errors"]) if data.get("load_errors") else None,
        }
        return cls(**{**data, **rebuilt})
