"""The measurements that a test has made, with the results of their budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import pytest

from pytest_perfbudget.core.call_graph import CallGraph, CallGraphs
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.gate import BudgetGate, unmeasured
from pytest_perfbudget.core.kept_blocks import KeptBlocks
from pytest_perfbudget.core.kinds import NONE, MeasurementKind
from pytest_perfbudget.core.measurement import Measurement, file_of
from pytest_perfbudget.core.precedence import EffectiveLimits, limits_to_dict
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.samples import Samples, describe, describe_without_waits
from pytest_perfbudget.core.spans.facts import SpanFacts
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.profile import CallProfile
from pytest_perfbudget.paths import path_in
from pytest_perfbudget.plugin.collection.collected import nodeid_of
from pytest_perfbudget.plugin.measuring.begun import BegunMeasurements
from pytest_perfbudget.plugin.measuring.judged_spans import JudgedSpans, refused

NO_PROFILE: Final = CallProfile()

_CANCELLATIONS: Final = ("CancelledError", "Cancelled", "GeneratorExit")
"""The exceptions with which asyncio, trio, and a coroutine that nobody goes on with, end a task."""


class KeptMeasurements:
    """The measurements of one run of a test.

    Args:
        item: the test.
        errors: the largest probabilities of wrong verdicts.
        begun: the measurements that the test has begun.
        parameters: the digest of the test's case; empty without parameters.
        cases: the digests of all cases of the test's function.
        warnings: doubts about all numbers of the test.
        is_child: whether this is a fresh process, which records for the session that started it.

    Attributes:
        found: the measurements.
    """

    def __init__(
        self,
        item: pytest.Item,
        errors: Errors,
        begun: BegunMeasurements,
        *,
        parameters: str = "",
        cases: Sequence[str] = (),
        warnings: Iterable[str] = (),
        is_child: bool = False,
    ) -> None:
        self.found: list[Measurement] = []
        self._item = item
        self._nodeid = nodeid_of(item)
        self._errors = errors
        self._begun = begun
        self._parameters = parameters
        self._cases = cases
        self._warnings = list(warnings)
        self._is_child = is_child
        self._limits: dict[str, Mapping[str, Any]] = {}

    @contextmanager
    def awaited(self, name: str, place: str) -> Iterator[None]:
        """Make a load within the block; without a measurement of the load the test will fail, and say why.

        Args:
            name: the name of the load.
            place: the call, with which the message begins.
        """
        self._begun.note_missing(
            name, f"{place}: the load still ran when its test ended: await its task, or join its thread, before the end"
        )
        try:
            yield
        except MisuseError as error:
            self._begun.note_missing(name, str(error))
            raise
        except BaseException as error:
            self._begun.note_missing(name, f"{place}: {_why_ended(error)}")
            raise

    def refused(self, message: str) -> MisuseError:
        """Return the exception of a refused measurement, whose message fails the test in any case."""
        self._begun.refusal = self._begun.refusal or message
        return MisuseError(message)

    def add(self, measurement: Measurement) -> None:
        """Keep a measurement that has been judged already."""
        self._begun.keep(measurement.name)
        self.found.append(measurement)

    def exceeded(self) -> list[Measurement]:
        """Return the measurements that exceed a limit, without the data of a comparison."""
        results = [(one, [result.verdict for result in one.budgets]) for one in self.found]
        return [replace(one, recording=None) for one, found in results if BudgetVerdict.EXCEEDED in found]

    def keep(
        self,
        name: str,
        kind: MeasurementKind,
        samples: Samples,
        effective: EffectiveLimits,
        *,
        warnings: Sequence[str] = (),
        profile: CallProfile = NO_PROFILE,
        recording: Recording | None = None,
        spans: JudgedSpans | None = None,
    ) -> None:
        """Judge rounds that were timed elsewhere, and keep the measurement.

        Args:
            name: the measurement's name.
            kind: how the rounds came about.
            samples: the rounds.
            effective: the budgets that hold.
            warnings: doubts about the numbers.
            profile: the profile of one call, if a reader may want to know it.
            recording: the data of the comparison; None if nothing is compared.
            spans: the spans; None if they could not be recorded.
        """
        gate = BudgetGate(effective.budgets, self._errors, kind)
        self.keep_judged(
            name,
            kind,
            samples,
            effective,
            results=[
                *gate.judge(samples),
                *(spans.results if spans else refused(effective, kind.why_not, self._errors)),
            ],
            warnings=[*warnings, *gate.left_out(), *(spans.warnings if spans else ())],
            profile=profile,
            recording=recording,
            spans=spans.facts if spans else None,
        )

    def keep_judged(
        self,
        name: str,
        kind: MeasurementKind,
        samples: Samples,
        effective: EffectiveLimits,
        *,
        results: Sequence[BudgetResult],
        warnings: Sequence[str] = (),
        profile: CallProfile = NO_PROFILE,
        recording: Recording | None = None,
        spans: SpanFacts | None = None,
    ) -> None:
        """Keep a measurement with the results of its budgets; for the arguments see `keep`."""
        own = [one for one in results if one.unit != "ns" and not one.span]
        counts = {one.metric: one.estimate for one in own if one.estimate is not None}
        self.add(
            replace(
                self.blank(name, kind, effective),
                rounds=len(samples.wall_ns),
                iterations=samples.iterations,
                overhead_ns=samples.overhead_ns,
                elapsed_ns=samples.elapsed_ns,
                statistics={**describe(samples), **counts},
                without_waits=describe_without_waits(samples),
                budgets=results,
                warnings=[*self._warnings, *warnings],
                profile=profile.rows,
                call_graphs=None if profile.graph is None else CallGraphs.of(self._in_project(profile.graph)),
                # A fresh process has no report.
                times=None if self._is_child else RoundTimes.of(samples.wall_ns, samples.iterations, samples.waited_ns),
                blocks=None if self._is_child else KeptBlocks.of(samples.blocks, one_cpu=_has_one_cpu(recording)),
                max_regression=effective.max_regression.share,
                recording=None if recording is None else self.completed(recording, name, kind),
                spans=spans,
            )
        )

    def note_limits(self, name: str, effective: EffectiveLimits) -> None:
        """Note the limits of a measurement, for the session that compares."""
        self._limits[name] = limits_to_dict(effective)

    def completed(self, recording: Recording, name: str, kind: MeasurementKind) -> Recording:
        """Return a measurement's recording with the identity of the test's case and of the measurement."""
        return replace(
            recording,
            parameters=self._parameters,
            cases=self._cases,
            function=self._begun.functions.get(name, ""),
            identity=self._begun.identities.get(name, ()),
            source=self._begun.sources.get(name, ""),
            kind="" if kind is NONE else kind.name,
            limits=self._limits.get(name, {}),
            graph=None if recording.graph is None else self._in_project(recording.graph),
        )

    def _in_project(self, graph: CallGraph) -> CallGraph:
        """Return a graph with the source files of the project only, from pytest's root folder on."""
        root = self._item.config.rootpath.resolve()
        found = {name: path_in(root, file) for name, file in graph.files.items()}
        return replace(graph, files={name: file.as_posix() for name, file in found.items() if file is not None})

    def blank(self, name: str, kind: MeasurementKind, effective: EffectiveLimits) -> Measurement:
        """Return a measurement of this test without numbers."""
        line = self._item.location[1]
        return Measurement(
            self._nodeid,
            name,
            kind,
            effective.component,
            file=file_of(self._nodeid),
            line=None if line is None else line + 1,
            loosened=effective.loosened,
            max_drift=None if effective.max_drift is None else effective.max_drift.share,
        )

    def add_unmeasured(
        self,
        name: str,
        kind: MeasurementKind,
        effective: EffectiveLimits,
        reason: str,
        recording: Recording | None = None,
        *,
        is_required: bool = False,
    ) -> None:
        """Keep a measurement whose budgets could not be measured; required ones fail, unless a setting allows them."""
        is_required = is_required and effective.needs_numbers
        own = [unmeasured(one, reason) for one in effective.budgets]
        results = [replace(one, is_required=is_required) for one in (*own, *refused(effective, reason, self._errors))]
        self.add(replace(self.blank(name, kind, effective), budgets=results, recording=recording))


def _why_ended(error: BaseException) -> str:
    """Return how an exception, which the test has swallowed, ended a load before the load had a result."""
    kind = type(error).__name__
    if kind in _CANCELLATIONS:
        return (
            f"the load was cancelled before its end ({kind}), so it has no result: await the load itself, and bound "
            "its time by duration= and timeout="
        )
    told = f"{kind}: {error}" if str(error) else kind
    return f"the load was ended by {told}, so it has no result: let this exception end the test"


def _has_one_cpu(recording: Recording | None) -> bool:
    return recording is not None and recording.one_cpu
