"""A load in the turns of a duet: a window of the load in each turn."""

from __future__ import annotations

from collections.abc import Callable, Generator

from pytest_perfbudget.core.load.error_count import ErrorCount
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.windows import block_of, joined, why_not_timed, window_of
from pytest_perfbudget.core.load_errors import count_errors
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.measure.turns import CallTimes, Turns

EndOfWindow = Callable[[int | None], None]
"""A function that is told the turn of a window that has ended; None for a load that is no window."""


def load_in_turns(
    plan: LoadPlan, name: str, turns: Turns, end_of_window: EndOfWindow
) -> Generator[LoadPlan, LoadRecord, tuple[Recording, LoadRecord]]:
    """Generate a window of a load in each turn, and return the recording and the record of all windows together.

    The test looks at the record as at that of the whole load. If the number of requests ends the load, it is that of
    the first load.

    The first load warms both sides up, and is not recorded: a window, or the whole load if the number of requests ends
    the load, whose time is not known before.

    Args:
        plan: the load, which is steady.
        name: the name of the measurement.
        turns: the source of turns.
        end_of_window: see `EndOfWindow`.
    """
    first = yield plan if plan.requests else window_of(plan, 0, 0)
    end_of_window(None)
    turns.agree(name, 1, float(first.elapsed_ns), None)
    records, numbers, errors, last_ns = [], [], [], None
    while (turn := turns.take(name, CallTimes(last_ns))) is not None:
        record = yield window_of(plan, first.elapsed_ns, turn.number)
        end_of_window(turn.number)
        last_ns = None
        errors.append(count_errors(record))
        if len(record.latencies):
            records.append(record)
            numbers.append(turn.number)
            last_ns = block_of(record.latencies.judged).time_ns
    whole = first if plan.requests or not records else joined(plan, records)
    failed = ErrorCount.together(errors)
    if problem := why_not_timed(records or [first]):
        return Recording(untimed=problem, load=plan.identity, load_errors=failed), whole
    blocks = [block_of(one.latencies.judged) for one in records]
    rounds = RoundTimes.of([latency_ns for one in records for latency_ns in one.latencies.sequence])
    return Recording(blocks, turns=numbers, load=plan.identity, rounds=rounds, load_errors=failed), whole
