"""Holds the head against a commit of the project: both are measured in turns, on the same CPU, at the same time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_perfbudget.checkout.revision import Base, remark
from pytest_perfbudget.compare.confirm import Attempt, Confirmation, confirm, once_more
from pytest_perfbudget.compare.launcher import own_modules
from pytest_perfbudget.compare.pair_runner import Pairs, Part
from pytest_perfbudget.compare.strategy import Asked
from pytest_perfbudget.core.counts import COUNTS, UNITS, gained_functions, grown_functions, judge_growth
from pytest_perfbudget.core.limits import Allowance, Resolved
from pytest_perfbudget.core.paired import Both, DuetQuestion, Pair
from pytest_perfbudget.core.results import Change, Growth, Measurement, Standing
from pytest_perfbudget.core.weather import Block
from pytest_perfbudget.errors import MisledError, WorkerError
from pytest_perfbudget.measure.affinity import cpus
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import Pace, Unpaced
from pytest_perfbudget.measure.turns import Turns
from pytest_perfbudget.processes.duet import PARALLEL, TIMERS

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession

LATE: Final = "it was known as a perf test at run time only: let it ask for perf as an argument"


@dataclass(frozen=True)
class Limits:
    """What is allowed of a measurement; the session's own run of it is not compared."""

    allowance: Allowance
    max_time_s: float
    pin: bool = True
    is_timed: bool = False
    turns: Turns | None = None
    most_calls: float | None = None
    most_peak: float | None = None
    with_cpus: bool = True

    def more_blocks(self, blocks: Sequence[Block]) -> int:  # noqa: ARG002 - see above
        """See `Asked.more_blocks`."""
        return 0

    def is_suspect(self, blocks: Sequence[Block]) -> bool:  # noqa: ARG002
        """See `Asked.is_suspect`."""
        return False


class DuetComparison:
    """The gate against another commit; see `Comparer`."""

    def __init__(self, session: PerfSession, base: Base) -> None:
        self._session = session
        self._base = base
        pinned = "" if cpus() else ", not pinned to a CPU: this system cannot"
        self.against = f"{base.ref} ({base.short}){pinned}"
        self.gone = f"{base.ref} has it, and it is not collected here"
        self.remark = remark(base)
        self._tests: list[str] = []
        self._pairs = Pairs(session, base)
        self._dies = False

    def begin(self, nodeids: Iterable[str]) -> None:
        """Take note of the tests that will run, `alpha` is shared among them, and check the base out.

        Raises:
            UsageError: it cannot be: without it nothing would be compared.
        """
        self._tests = list(nodeids)
        if self._tests and not self._session.config.option.collectonly:
            self._pairs.open(self._tests)

    def ask(self, nodeid: str, name: str, resolved: Resolved) -> Asked:  # noqa: ARG002 - the same for all
        """See `Comparer.ask`."""
        return Limits(resolved.max_regression, resolved.max_time_ns / 1e9, resolved.pin)

    def pace(self, clock: Clock) -> Pace | None:  # noqa: ARG002
        """See `Comparer.pace`."""
        return Unpaced()

    def start(self) -> None:
        """See `Comparer.start`."""

    def close(self) -> None:
        """End all processes and remove the checkout."""
        self._pairs.close()

    def settle(self, nodeid: str, measurements: Sequence[Measurement], asked: Mapping[str, Asked]) -> list[Measurement]:
        """See `Comparer.settle`; the test is measured in turns, and suspects again by fresh pairs."""
        limits = {one.name: found for one in measurements if isinstance(found := asked.get(one.name), Limits)}
        if not limits:
            return list(measurements)
        unpinned = dict(_unpinned(measurements, limits))
        screened, fresh = self._judge(nodeid, measurements, limits, unpinned)
        settled = []
        for one in measurements:
            changes: list[Change] = []
            if one.name in limits:
                changes = list(self._changes(one, limits[one.name], self._question(limits, one.name), screened, fresh))
            warnings = [*one.warnings, *([unpinned[one.name]] if one.name in unpinned else [])]
            settled.append(replace(one, changes=changes, warnings=warnings, recording=None))
        return settled

    def _question(self, limits: Mapping[str, Limits], name: str) -> DuetQuestion:
        alpha = self._session.settings.alpha / max(1, len(self._tests)) / len(limits)
        return DuetQuestion(limits[name].allowance.share, alpha)

    def _judge(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        limits: Mapping[str, Limits],
        unpinned: Collection[str],
    ) -> tuple[Attempt[Pair, Both], Confirmation[Both]]:
        """Measure a test by the screening pair, and by fresh ones what looks worse."""
        self._session.stop_timeout()
        turned = {one.name: TIMERS if one.kind == "timer" else one.name for one in measurements}
        names = list(turned.values())
        seconds = max(one.max_time_s for one in limits.values())
        part = Part(nodeid, names, seconds, [turned[name] for name in unpinned])
        screened = self._screen(part) if nodeid in self._tests else Attempt[Pair, Both](problem=LATE)
        gated = [name for name, both in screened.counts.items() if name in limits and not self._is_skipped(both)]
        suspects = {
            name: question.after(screened.runs[name])
            for name in gated
            if name in screened.runs and (question := self._question(limits, name)).is_suspect(screened.runs[name])
        }
        grown = {
            name: partial(Both.has_grown, share=limits[name].allowance.share)
            for name in gated
            if screened.counts[name].has_grown(limits[name].allowance.share)
        }
        fresh: Confirmation[Both] = Confirmation({}, [])
        if suspects or grown:
            fresh = confirm(self._session, nodeid, suspects, grown, partial(self._pairs.measure, part))
        return screened, fresh

    def _is_skipped(self, both: Both) -> bool:
        return both.is_test_changed and self._session.settings.duet.changed_tests == "skip"

    def _screen(self, part: Part) -> Attempt[Pair, Both]:
        screen = partial(self._pairs.screen, part, self._tests)
        try:
            return screen() if self._dies else once_more(screen)
        except WorkerError as error:
            self._dies = True  # whatever is tried
            return Attempt(problem=str(error), is_misled=isinstance(error, MisledError))
        except Exception as error:  # noqa: BLE001 - the test may have replaced anything, and is still at it
            return Attempt(problem=f"no process of {self._base.ref}: {type(error).__name__}: {error}")

    def _changes(
        self,
        measurement: Measurement,
        limits: Limits,
        question: DuetQuestion,
        screened: Attempt[Pair, Both],
        fresh: Confirmation[Both],
    ) -> Iterator[Change]:
        both = screened.counts.get(measurement.name)
        found = [self._time(measurement, question, screened, fresh)]
        if both is not None:
            counted = [metric for metric in COUNTS if getattr(both.base, metric) is not None]
            found += [self._count(metric, both, question.share, measurement.name, fresh) for metric in counted]
        for change in found:
            skipped = both is not None and self._is_skipped(both) and not change.standing.is_unjudged
            yield replace(
                change,
                standing=Standing.CHANGED if skipped else change.standing,
                limit=limits.allowance.share,
                source=limits.allowance.source,
                against=self._base.ref,
                in_pairs=True,
                commit=self._base.short,
                is_test_changed=both is not None and both.is_test_changed,
            )

    def _time(
        self,
        measurement: Measurement,
        question: DuetQuestion,
        screened: Attempt[Pair, Both],
        fresh: Confirmation[Both],
    ) -> Change:
        name = measurement.name
        blank = Change("time", Standing.UNMEASURED)
        if screened.problem:
            standing = Standing.MISLED if screened.is_misled else Standing.UNMEASURED
            return replace(blank, standing=standing, reason=screened.problem)
        if name in fresh.times:
            change = fresh.times[name]
            if change.standing is not Standing.REGRESSED:
                return change
            return self._explained(change, [one[name] for one in fresh.counts if name in one])
        if name in screened.runs:
            return question.screened(screened.runs[name])
        if name in screened.counts:
            return replace(blank, reason=f"it was not timed in turns ({measurement.kind})")
        return Change("time", Standing.NEW, reason=f"{self._base.ref} does not have it")

    def _count(self, metric: str, both: Both, share: float, name: str, fresh: Confirmation[Both]) -> Change:
        before, after = getattr(both.base, metric), getattr(both.head, metric)
        blank = Change(metric, Standing.UNMEASURED, UNITS[metric], before=before)
        if after is None:
            return replace(blank, reason=f"its {COUNTS[metric]} could not be counted: {both.head.uncounted}")
        if not both.grew(metric, share) or self._is_skipped(both):
            return judge_growth(metric, before, after, share)
        again = [one[name] for one in fresh.counts if name in one]
        if not again or fresh.problem:
            why = fresh.problem or "a fresh process did not count it"
            return replace(blank, reason=f"more {COUNTS[metric]} than allowed, which could not be confirmed: {why}")
        if any(not one.grew(metric, share) for one in again):
            return judge_growth(metric, before, before, share)
        return judge_growth(metric, before, after, share, self._grown(both) if metric == "calls" else ())

    def _explained(self, change: Change, fresh: Sequence[Both]) -> Change:
        """Say where a slowdown is: by the time of functions, by their calls if the time does not tell."""
        slower_ns = (change.after or 0) - (change.before or 0)
        found = gained_functions([one.base for one in fresh], [one.head for one in fresh], slower_ns)
        if not found and fresh and (fresh[-1].head.calls or 0) > (fresh[-1].base.calls or 0):
            found = list(self._grown(fresh[-1]))
        return replace(change, grown=found)

    def _grown(self, both: Both) -> Sequence[Growth]:
        own = own_modules(self._session.config.rootpath)
        return grown_functions(both.base.functions, both.head.functions, 0, own)


def _unpinned(measurements: Iterable[Measurement], limits: Mapping[str, Limits]) -> Iterator[tuple[str, str]]:
    """Yield the measurements that may use all CPUs, and why."""
    for one in measurements:
        found = one.recording.cpus if one.recording is not None else None
        if one.name in limits and not limits[one.name].pin:
            yield one.name, "measured on all CPUs: pin = false"
        elif found is not None and found > PARALLEL and cpus():
            yield one.name, f"measured on all CPUs: it uses {found:.1f} of them"
