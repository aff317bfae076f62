"""The comparison with another commit by one process after the other, for tests whose fixtures can exist only once.

Before the first test is set up, processes of head and base measure all tests, in the order head, base, base, head.
More processes measure suspects again, from the start. The base's runs are a baseline for this session only, and the
head's runs are compared with that baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from pytest_perfbudget.checkout.revision import Base, remark
from pytest_perfbudget.compare.compared import compared
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Evidence, Origin, Sides, needs_counts
from pytest_perfbudget.compare.obstacles import is_other_load, no_namesake, of_other_load, unlike, untimed
from pytest_perfbudget.compare.pair_runner import PairRunner
from pytest_perfbudget.compare.strategy import AT_RUN_TIME, NOT_DISTRIBUTED, ComparisonStrategy, MeasurementRequest
from pytest_perfbudget.compare.unpaired_components import between_runs, why_not_recorded, with_components
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import Prior, fit
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.spans.changes import SpanComparison
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.errors import ComparisonError, WorkerError, WrongCodeError
from pytest_perfbudget.paths import own_modules
from pytest_perfbudget.processes.protocol import Answer

_ORDER: Final = (False, True, True, False)
"""The order of the processes, head, base, base, head (ABBA): True stands for the base."""

_SCREENING: Final = 2
_FRESH: Final = 4
"""How many times these four processes run: `_SCREENING` to find suspects, `_FRESH` to decide about them."""

_Place = tuple[str, str]
"""The node id of a test and the name of a measurement."""


@dataclass
class _Runs:
    """The recordings of a measurement, one from each process, and the slowdown that is allowed for it."""

    head: list[Recording] = field(default_factory=list)
    base: list[Recording] = field(default_factory=list)
    tolerance: float = 0.0

    def sides(self, *, is_test_changed: bool) -> list[Sides]:
        """Return the attempts: each is two successive processes, one of each side, with the same hash seed."""
        return [Sides(head, base, is_test_changed) for head, base in zip(self.head, self.base, strict=False)]


class SequentialComparison(ComparisonStrategy):
    """The gate against another commit, with `mode = "sequential"`."""

    def __init__(self, context: ComparisonContext, base: Base, pairs: PairRunner | None = None) -> None:
        self._context = context
        self._base = base
        self.against = base.label
        self.gone = f"{base.ref} has this measurement, and no test collected here does"
        self._relation = self.remark = remark(base)
        self._pairs = pairs or PairRunner(context, base)
        self._alpha = context.settings.alpha
        self.sharing = 1
        self._tests: list[str] = []
        self._runs: dict[_Place, _Runs] = {}
        self._fresh: dict[_Place, _Runs] = {}
        self._problems: dict[str, str] = {}
        self._wrong_code: set[str] = set()
        self._sources: dict[str, set[str]] = {}

    def begin(self, nodeids: Iterable[str]) -> None:
        """See `ComparisonStrategy.begin`."""
        self._tests = list(nodeids)
        if not self._tests or self._context.invocation.collects_only:
            return
        if self._context.is_distributed:
            raise ComparisonError(NOT_DISTRIBUTED)
        self._pairs.open(self._tests)
        self._note()

    def _note(self) -> None:
        """Add notes on the base's checkout to the remark; a test may import generated modules late."""
        self.remark = " ".join(filter(None, [self._relation, *self._pairs.notes]))

    def measure(self, nodeids: Iterable[str], alpha: float) -> None:
        """Measure tests now, with a base that is checked out already.

        Args:
            nodeids: the tests.
            alpha: the probability of a false `regressed` among these tests.
        """
        self._tests, self._alpha = list(nodeids), alpha
        self.start()

    def start(self) -> None:
        """See `ComparisonStrategy.start`; all tests are measured here, and then the suspects again."""
        try:
            self._runs = self._play(self._tests, _SCREENING)
            self.sharing = len(self._runs)
            suspects = {one[0] for one in self._runs if self._is_suspect(one) or self._has_random_growth(one)}
            if suspects:
                self._fresh = self._play([test for test in self._tests if test in suspects], _FRESH)
        except WorkerError as error:
            self._problems = dict.fromkeys(self._tests, str(error)) | self._problems
            self._wrong_code |= set(self._tests) if isinstance(error, WrongCodeError) else set()
        finally:
            self._context.progress.clear()
            self._note()

    def choice_of_base(self) -> Answer | None:
        """See `ComparisonStrategy.choice_of_base`."""
        return self._pairs.single.choice_of_base() if self._tests else None

    def run_by_base(self, nodeids: Sequence[str]) -> list[Answer]:
        """See `ComparisonStrategy.run_by_base`."""
        seed = self._context.launcher.seed()
        answers = self._pairs.single.answers(nodeids, of_base=True, hash_seed=seed)
        return [one for one in answers if one.nodeid]

    def close(self) -> None:
        """See `ComparisonStrategy.close`."""
        self._pairs.close()

    def request(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:  # noqa: ARG002
        """See `ComparisonStrategy.request`; the session's own run is not compared."""
        return replace(MeasurementRequest.from_limits(effective), is_measured_elsewhere=True)

    def settle(
        self, nodeid: str, measurements: Sequence[Measurement], requests: Mapping[str, MeasurementRequest]
    ) -> list[Measurement]:
        """See `ComparisonStrategy.settle`; `start` has already measured all tests."""
        self._context.note_lost(nodeid, self._only_base(nodeid))
        settled = []
        for one in measurements:
            request = requests.get(one.name)
            evidence = None if request is None else self._evidence(one, request)
            found = compared(one, evidence, self._context.settings.alpha)
            if request is not None:
                since = partial(self._components, (nodeid, one.name), request.tolerance.share)
                changes = with_components(found.changes, since, is_shown=self._context.shows_spans)
                found = replace(found, changes=changes)
                note = why_not_recorded(found, self._context.root)
                found = replace(found, warnings=[*found.warnings, *filter(None, [note])])
            settled.append(found)
        return settled

    def _components(self, place: _Place, tolerance: float) -> SpanComparison | None:
        """Return the change of each component, from the runs that the verdict on the time rests on."""
        runs = self._fresh.get(place) or self._runs.get(place, _Runs())
        test = self._slowdown_test(runs, tolerance)
        return None if test is None else between_runs(test, runs.base, runs.head)

    def _play(self, nodeids: Sequence[str], rounds: int) -> dict[_Place, _Runs]:
        found: dict[_Place, _Runs] = {}
        order = _ORDER * rounds
        launcher = self._context.launcher
        seed = launcher.seed()
        for number, of_base in enumerate(order):
            side = self._base.ref if of_base else "head"
            self._context.progress.note(f"perf: {side}, process {number + 1} of {len(order)}")
            seed = launcher.seed() if number % 2 == 0 else seed  # two successive processes share their seed
            left = [test for test in nodeids if test not in self._problems]
            for answer in self._answers(left, of_base=of_base, hash_seed=seed):
                self._take(answer, found, of_base=of_base)
        return found

    def _take(self, answer: Answer, found: dict[_Place, _Runs], *, of_base: bool) -> None:
        """Record a process's answer for a test."""
        # Only the base may lack a test that the session has.
        problem = self._pairs.tests.why_absent(answer.nodeid) if answer.is_absent and of_base else answer.problem
        if problem:
            self._problems[answer.nodeid] = problem
        self._wrong_code |= {answer.nodeid} if answer.is_wrong_code else set()
        if answer.source:
            self._sources.setdefault(answer.nodeid, set()).add(answer.source)
        for one in map(Measurement.from_dict, answer.measurements):
            if one.recording is not None:
                runs = found.setdefault((answer.nodeid, one.name), _Runs())
                (runs.base if of_base else runs.head).append(one.recording)
                runs.tolerance = one.max_regression or 0.0

    def _answers(self, nodeids: Sequence[str], *, of_base: bool, hash_seed: int) -> Iterator[Answer]:
        """Yield the answers of a process; if a test ends the process, a new process goes on with the test after it.

        Raises:
            WorkerError: two processes in a row gave no answer at all.
        """
        left = list(nodeids)
        has_answered = True
        while left:
            had_answered, has_answered = has_answered, False
            try:
                for answer in self._pairs.single.answers(left, of_base=of_base, hash_seed=hash_seed):
                    has_answered = True
                    left = [test for test in left if test != answer.nodeid]
                    yield answer
            except WorkerError as error:
                if not has_answered and not had_answered:
                    raise
                if left:
                    yield Answer(left.pop(0), str(error), [])

    def _slowdown_test(self, runs: _Runs, tolerance: float) -> UnpairedSlowdownTest | None:
        if len(runs.base) < 2 or not runs.head or not all(one.blocks for one in (*runs.base, *runs.head)):
            return None
        alpha = self._alpha / max(1, self.sharing)
        return UnpairedSlowdownTest(tolerance, alpha, fit([one.blocks for one in runs.base]), Prior())

    def _is_suspect(self, place: _Place) -> bool:
        runs = self._runs[place]
        test = self._slowdown_test(runs, runs.tolerance)
        is_slower = test is not None and test.is_suspect(*(test.estimate(one.blocks) for one in runs.head))
        return is_slower and not self._is_skipped(place[0])

    def _has_random_growth(self, place: _Place) -> bool:
        """Return whether a count has grown in all runs, and these differ so much that it takes more runs to tell."""
        runs = self._runs[place]
        sides = runs.sides(is_test_changed=self._is_changed(place[0]))
        is_grown = bool(sides) and sides[0].any_has_grown(runs.tolerance) and not self._is_skipped(place[0])
        return is_grown and needs_counts(sides[1:], runs.tolerance)

    def _is_changed(self, nodeid: str) -> bool:
        return len(self._sources.get(nodeid, ())) > 1

    def _is_skipped(self, nodeid: str) -> bool:
        return self._is_changed(nodeid) and self._context.settings.duet.changed_tests == "skip"

    def _only_base(self, nodeid: str) -> list[str]:
        """Return the names of the measurements that only the base's test makes."""
        unlike = self._unlike(nodeid)
        of_test = {name: runs for (test, name), runs in self._runs.items() if test == nodeid}
        return [name for name, runs in of_test.items() if runs.base and not runs.head and name not in unlike]

    def _unlike(self, nodeid: str) -> Mapping[str, str]:
        """Return the measurements that cannot be compared with the base's of that name, each with the reason."""
        of_test = {name: runs for (test, name), runs in self._runs.items() if test == nodeid}
        head = {name: runs.head[0] for name, runs in of_test.items() if runs.head}
        base = {name: runs.base[0] for name, runs in of_test.items() if runs.base}
        carried = {name: why for name in base if name in head and (why := self._pairs.why_carried(head[name].source))}
        return {**carried, **unlike(self._base.ref, head, base)}

    def _evidence(self, measurement: Measurement, request: MeasurementRequest) -> Evidence:
        nodeid = measurement.nodeid
        place = (nodeid, measurement.name)
        is_changed = self._is_changed(nodeid)
        screening = self._runs.get(place, _Runs()).sides(is_test_changed=is_changed)
        fresh = self._fresh.get(place, _Runs()).sides(is_test_changed=is_changed)
        if nodeid in self._problems or measurement.name in self._unlike(nodeid):
            screening = fresh = []
        return Evidence(
            self._time(place, measurement, request.tolerance.share),
            request.tolerance,
            screening[0] if screening else None,
            [*screening[1:], *fresh],
            origin=Origin(self._base.ref, self._base.short),
            in_pairs=True,
            is_skipped=self._is_skipped(nodeid),
            is_required=request.is_required,
            own_modules=partial(own_modules, self._context.root),
        )

    def _obstacle(self, place: _Place) -> RegressionResult | None:
        """Return the result for a measurement that could not be compared; None if nothing stood in the way."""
        problem = self._problems.get(place[0], "") if place[0] in self._tests else AT_RUN_TIME
        if problem:
            is_wrong_code = place[0] in self._wrong_code
            return untimed(RegressionVerdict.WRONG_CODE if is_wrong_code else RegressionVerdict.UNMEASURED, problem)
        why, runs = self._unlike(place[0]).get(place[1], ""), self._runs.get(place, _Runs())
        if runs.head and runs.base and is_other_load(why, self._base.ref, runs.head[0], runs.base[0]):
            return of_other_load(self._context, why)
        return untimed(RegressionVerdict.UNMEASURED, why) if why else None

    def _time(self, place: _Place, measurement: Measurement, tolerance: float) -> RegressionResult:
        runs = self._runs.get(place, _Runs())
        if (obstacle := self._obstacle(place)) is not None:
            return obstacle
        if runs.head and not runs.base:
            named = replace(measurement, recording=runs.head[0])
            return no_namesake(self._base.ref, named, self._only_base(place[0]))
        test = self._slowdown_test(runs, tolerance)
        if test is None:
            why = next((one.untimed for one in (*runs.head, *runs.base) if one.untimed), "not timed in blocks")
            return untimed(RegressionVerdict.UNMEASURED, why)
        fresh = self._fresh.get(place)
        if fresh is None or not self._is_suspect(place):
            return test.screened(*(test.estimate(one.blocks) for one in runs.head))
        again = self._slowdown_test(fresh, tolerance)
        if again is None:
            return untimed(
                RegressionVerdict.UNMEASURED, "looked slower, and fresh processes did not time the measurement"
            )
        return again.confirmed([again.estimate(one.blocks) for one in fresh.head])
