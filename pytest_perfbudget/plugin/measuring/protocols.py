"""Protocols for the session and for the run of one test, on which the modules of this package depend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from pytest_perfbudget.compare.strategy import ComparisonStrategy, MeasurementRequest
from pytest_perfbudget.core.kinds import MeasurementKind
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.spans.known_names import KnownNames
from pytest_perfbudget.measure.busy_threads import BusyThreads
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.plan import MoreBlocks
from pytest_perfbudget.measure.subject import Subject
from pytest_perfbudget.plugin.measuring.kept_measurements import KeptMeasurements
from pytest_perfbudget.plugin.progress import Progress

if TYPE_CHECKING:
    from pytest_perfbudget.checkout.base_policy import BasePolicy
    from pytest_perfbudget.compare.changed_tests import ChangedTests
    from pytest_perfbudget.measure.span_receiver import SpanReceiver


class MeasuringSession(Protocol):
    """The session to which a run belongs."""

    settings: Settings
    policy: Policy
    clock: Clock
    progress: Progress
    comparison: ComparisonStrategy | None
    is_child: bool
    receiver: SpanReceiver | None
    known_spans: KnownNames
    max_time_ns: int | None
    base_policy: BasePolicy | None
    changed_tests: ChangedTests | None
    fewest_rounds: int
    more_blocks: MoreBlocks | None
    busy_threads: BusyThreads

    def limits_of(self, item: pytest.Item) -> list[Limits]:
        """Return the limits in the markers of an item, from the test outwards."""

    def cases_of(self, item: pytest.Item) -> list[str]:
        """Return the digests of all cases of a test's function."""

    def name_of(self, given: str) -> str:
        """Return the name that a measurement of this name has in the working tree, if this is another checkout."""

    def relaxed_timeout(self, item: pytest.Item) -> AbstractContextManager[None]:
        """Return a context in which another plugin's timeout leaves time to measure."""


class MeasuringRun(Protocol):
    """The run of a test, which collects its measurements."""

    item: pytest.Item
    session: MeasuringSession
    kept: KeptMeasurements

    @property
    def is_untimed(self) -> bool:
        """Whether nothing is timed: the gate is off, or another plugin times, traces or multiplies the test."""

    def resolve(self, name: str, call: Limits | None = None) -> EffectiveLimits:
        """Return the limits that hold for a measurement of the test."""

    def begin(
        self,
        name: str | None,
        function: Callable[..., Any],
        call: Limits,
        place: str,
        *,
        args: Sequence[object] = ...,
        is_awaited: bool = ...,
    ) -> str:
        """Note that a measurement begins, and return its name."""

    def note_awaited(self, name: str) -> None:
        """Note that the coroutine of a measurement is awaited."""

    def request(self, name: str, effective: EffectiveLimits) -> MeasurementRequest | None:
        """Return the comparison's request to a measurement; None if nothing is compared."""

    async def measure(self, subject: Subject, name: str, kind: MeasurementKind, call: Limits | None = None) -> Any:  # noqa: ANN401
        """Measure a subject, keep the measurement, and return the result of the first call."""

    def record_benchmark(self, subject: Subject, samples: Samples | None) -> None:
        """Measure the function that a benchmark fixture was given, for the comparison, and for a budget's failure."""
