"""A batch of executions whose spans are recorded after the rounds, for the comparison of components."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from pytest_perfbudget.compare.components import has_tracked_code
from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.spans.batches import BatchStore
from pytest_perfbudget.measure.isolation import quiet
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.measure.subject import AsyncSubject, BlockPlan, PlainSubject, Subject
from pytest_perfbudget.measure.traced_subject import TracedSubject
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun

_BATCH_NS: Final = 50_000_000
_MOST_EXECUTIONS: Final = 200
_FEWEST_EXECUTIONS: Final = 4
"""Their faster half has two: the first execution after a pause may be slow."""


async def with_batch(
    run: MeasuringRun,
    subject: Subject,
    recording: Recording | None,
    request: MeasurementRequest | None,
    silence: Callable[[], AbstractContextManager[None]],
) -> Recording | None:
    """Return a recording with a batch of spans, if the comparison asks for it and the project's code is tracked.

    The batch comes after the rounds, so their times do not have the cost of recording. A first execution shows whether
    the measured code has spans at all.

    Args:
        run: the run of the test.
        subject: the measured code.
        recording: the recording so far; None if nothing is compared.
        request: the comparison's request.
        silence: see `Plan`.
    """
    __tracebackhide__ = True
    is_asked = request is not None and request.with_spans and request.turns is None
    if recording is None or not (is_asked and recording.blocks):
        return recording
    if not isinstance(subject, (PlainSubject, AsyncSubject)):
        return recording
    root = run.item.config.rootpath
    if not has_tracked_code(root):
        return recording
    store, clock = BatchStore(), run.session.clock
    gatherer = SpanGatherer(root, clock=clock, store=store)
    traced = TracedSubject(subject, gatherer)
    call_ns = min(block.time_ns for block in recording.blocks)
    rounds = max(_FEWEST_EXECUTIONS, min(int(_BATCH_NS / max(call_ns, 1.0)), _MOST_EXECUTIONS))
    with silence(), quiet():
        await traced.rounds(BlockPlan(1, 1, clock.wall_ns(), with_cpu=False), clock)
        gatherer.keep()
        if not store.names:
            return recording
        deadline_ns = clock.wall_ns() + max(_BATCH_NS, int(_FEWEST_EXECUTIONS * call_ns)) * 2
        await traced.rounds(BlockPlan(rounds, 1, deadline_ns, with_cpu=False), clock)
        gatherer.keep()
    return replace(recording, spans=store.batches([1, gatherer.kept - 1])[1:])
