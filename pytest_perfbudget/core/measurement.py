"""A measurement: one timed piece of code in one test, with its results and, within a process, its raw data.

Measurements and recordings convert to builtins and back, so that they cross a process boundary unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pytest_perfbudget.core.call_graph import CallGraphs
from pytest_perfbudget.core.kept_blocks import KeptBlocks
from pytest_perfbudget.core.kinds import KINDS, NONE, MeasurementKind
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.loosening import Loosening
from pytest_perfbudget.core.metrics import is_just_maximum
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.side_times import SideTimes
from pytest_perfbudget.core.spans.facts import SpanFacts


class ProfileRow(NamedTuple):
    """A function in one profiled call: its name, its calls, and the share of the time that it takes itself."""

    function: str
    calls: int
    share: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """One timed piece of code in one test, judged.

    Attributes:
        nodeid: the node id of the test.
        name: the measurement's own name; empty for a test's body and for its benchmark.
        kind: the way in which the rounds came about.
        component: the component that the measurement belongs to; empty if there is none.
        file: the file of the test, from pytest's root folder on; empty if the file is not known.
        line: the line of the test in its file, counted from 1; None if the line is not known.
        rounds: the number of timed rounds.
        iterations: the number of calls that one round averages.
        overhead_ns: the cost of a round beyond its call; None if the cost is not known.
        elapsed_ns: the time spent on the rounds, in ns; see `Samples`.
        statistics: the statistics by metric, in base units.
        without_waits: those statistics that are smaller without the time spent waiting for a CPU that other processes
            held; None if none is, or that time is not known.
        budgets: the result of each budget.
        warnings: doubts about the numbers.
        profile: the functions that take the time of one call, if the measurement looks too slow.
        call_graphs: the calls of functions by each other in one profiled call, if the test fails or the measurement
            looks too slow; None if there is no profile.
        max_regression: the allowed slowdown, as a share; None if the measurement has nothing to compare, such as a
            ratio.
        changes: the result of each comparison.
        recording: the raw data for the comparison; the process that compares does not pass the data on.
        errors: the errors of a load, in groups.
        load: the facts about a load; None for other measurements.
        spans: the spans in the rounds; None if they were not recorded.
        unmeasured: the reason why there are no numbers, if no budget states the reason; empty if there are numbers.
        times: the times of the rounds, as far as reports keep them; None if there are no rounds.
        side_times: the times of rounds on both sides of a comparison; None if the other side's are not known.
        loosened: the limits of the other commit that the working tree loosens, if the session asks for them.
        blocks: the blocks between canaries, as far as reports keep them; None if there are none.
        max_drift: the growth since the anchor that fails the session, as a share; None if none does.
        exceeded_before: the budgets that an attempt before a rerun exceeded, by their labels.
        is_pending: whether the comparison will be made after the last test, so that its results do not hold yet.
        is_expected_to_fail: whether the test may fail (xfail), so that no result of the measurement fails anything.
    """

    nodeid: str
    name: str
    kind: MeasurementKind
    component: str = ""
    file: str = ""
    line: int | None = None
    rounds: int = 0
    iterations: int = 1
    overhead_ns: float | None = None
    elapsed_ns: int = 0
    statistics: Mapping[str, float] = field(default_factory=dict)
    budgets: Sequence[BudgetResult] = ()
    warnings: Sequence[str] = ()
    profile: Sequence[ProfileRow] = ()
    max_regression: float | None = None
    changes: Sequence[RegressionResult] = ()
    recording: Recording | None = None
    errors: Sequence[ErrorGroup] = ()
    load: LoadFacts | None = None
    spans: SpanFacts | None = None
    unmeasured: str = ""
    is_pending: bool = False
    is_expected_to_fail: bool = False
    times: RoundTimes | None = None
    call_graphs: CallGraphs | None = None
    side_times: SideTimes | None = None
    loosened: Sequence[Loosening] = ()
    blocks: KeptBlocks | None = None
    max_drift: float | None = None
    without_waits: Mapping[str, float] | None = None
    exceeded_before: Sequence[str] = ()

    @property
    def id(self) -> str:
        """The node id, followed by a space and the measurement's own name if there is such a name."""
        return measurement_id(self.nodeid, self.name)

    @property
    def shown_statistics(self) -> Mapping[str, float]:
        """The statistics to be shown beside the estimates of the budgets, so that a median lies below a percentile.

        As the estimate of a budget that is within, they are without waits. Beside another estimate they have the waits.
        """
        within, unmeasured = BudgetVerdict.WITHIN, BudgetVerdict.UNMEASURED
        has_waits = any(one.unit == "ns" and one.verdict not in (within, unmeasured) for one in self.budgets)
        return self.statistics if has_waits else {**self.statistics, **(self.without_waits or {})}

    @property
    def just_maximum(self) -> Sequence[str]:
        """The statistics that are just the slowest round, because there are too few rounds for the percentile."""
        return [name for name in self.statistics if is_just_maximum(name, self.rounds)]

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement as builtins; `from_dict` ignores `id` and `just_maximum`, which are for readers."""
        return {
            "id": self.id,
            "nodeid": self.nodeid,
            "name": self.name,
            "kind": self.kind.name,
            "component": self.component,
            "file": self.file,
            "line": self.line,
            "rounds": self.rounds,
            "iterations": self.iterations,
            "overhead_ns": self.overhead_ns,
            "elapsed_ns": self.elapsed_ns,
            "statistics": dict(self.statistics),
            "budgets": [one.to_dict() for one in self.budgets],
            "warnings": list(self.warnings),
            "profile": [list(row) for row in self.profile],
            "max_regression": self.max_regression,
            "changes": [one.to_dict() for one in self.changes],
            "errors": [one.to_dict() for one in self.errors],
            "unmeasured": self.unmeasured,
            "is_pending": self.is_pending,
            "is_expected_to_fail": self.is_expected_to_fail,
            **({"just_maximum": self.just_maximum} if self.just_maximum else {}),
            **({"without_waits": dict(self.without_waits)} if self.without_waits else {}),
            **({"exceeded_before": list(self.exceeded_before)} if self.exceeded_before else {}),
            **({"max_drift": self.max_drift} if self.max_drift is not None else {}),
            **({"loosened": [one.to_dict() for one in self.loosened]} if self.loosened else {}),
            **({"times": self.times.to_dict()} if self.times else {}),
            **({"call_graphs": self.call_graphs.to_dict()} if self.call_graphs else {}),
            **({"side_times": self.side_times.to_dict()} if self.side_times else {}),
            **({"blocks": self.blocks.to_dict()} if self.blocks else {}),
            **({"load": self.load.to_dict()} if self.load else {}),
            **({"spans": self.spans.to_dict()} if self.spans else {}),
            **({"recording": self.recording.to_dict()} if self.recording else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Measurement:
        """Rebuild a measurement from the result of `to_dict`."""
        rebuilt = {
            "kind": KINDS.get(data["kind"], NONE),
            "budgets": [BudgetResult.from_dict(entry) for entry in data["budgets"]],
            "profile": [ProfileRow(*row) for row in data["profile"]],
            "changes": [RegressionResult.from_dict(entry) for entry in data["changes"]],
            "errors": tuple(ErrorGroup.from_dict(entry) for entry in data["errors"]),
            "loosened": tuple(Loosening.from_dict(entry) for entry in data.get("loosened", ())),
            "times": RoundTimes.from_dict(data["times"]) if data.get("times") is not None else None,
            "call_graphs": CallGraphs.from_dict(data["call_graphs"]) if data.get("call_graphs") is not None else None,
            "side_times": SideTimes.from_dict(data["side_times"]) if data.get("side_times") is not None else None,
            "blocks": KeptBlocks.from_dict(data["blocks"]) if data.get("blocks") is not None else None,
            "load": LoadFacts.from_dict(data["load"]) if data.get("load") is not None else None,
            "spans": SpanFacts.from_dict(data["spans"]) if data.get("spans") is not None else None,
            "recording": Recording.from_dict(data["recording"]) if data.get("recording") is not None else None,
        }
        return cls(**{**{key: value for key, value in data.items() if key not in ("id", "just_maximum")}, **rebuilt})


def measurement_id(nodeid: str, name: str) -> str:
    """Return the name of a measurement in reports: the node id, a space and the measurement's own name."""
    return f"{nodeid} {name}".rstrip()


_NUMBERED: Final = re.compile(r"_\d+\w*(?=::|$)")
"""The end of a name as `test_it_1_small`, from the number on."""

_ADDRESS: Final = re.compile(r"0x[0-9a-f]{6,}", re.IGNORECASE)


def without_addresses(nodeid: str) -> str:
    """Return a node id without the addresses of objects, which differ from process to process."""
    return _ADDRESS.sub("0x", nodeid)


def has_address(text: str) -> bool:
    """Return whether a node id or a name holds the address of an object."""
    return _ADDRESS.search(text) is not None


def function_of(nodeid: str) -> str:
    """Return the node id of a test's function, without the case of a parametrization."""
    return nodeid.partition("[")[0]


def family_of_id(nodeid: str) -> str:
    """Return the node id without the case: `function_of`, and without the numbers of generated tests and classes."""
    function = function_of(nodeid)
    return function if function != nodeid else _NUMBERED.sub("", nodeid)


def file_of(nodeid: str) -> str:
    """Return the file of a test, as written in the test's node id."""
    return nodeid.partition("::")[0]
