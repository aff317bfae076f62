"""The timing of a subject's rounds, in blocks, until every timed budget is decided or the time is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median

from pytest_perfbudget.core.calibration import (
    BLOCK_NS,
    COMPARED_BLOCK_NS,
    iterations,
    needs_single_calls,
    rounds_per_block,
)
from pytest_perfbudget.core.metrics import CPU, WALL
from pytest_perfbudget.core.samples import Samples, quantile
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.measure.canary import read_canaries
from pytest_perfbudget.measure.clock import cpu_overhead_ns, overhead_ns
from pytest_perfbudget.measure.cpu_usage import Used, used
from pytest_perfbudget.measure.isolation import Heap
from pytest_perfbudget.measure.plan import Plan
from pytest_perfbudget.measure.subject import BlockPlan, Subject, Timings
from pytest_perfbudget.measure.turns import NO_TIMES, CallTimes, Turns

_WARM_CALLS = 20
"""The number of calls in the warm-up: the interpreter specialises code within its first few executions."""

WARM_NS = 5_000_000
"""The time for the warm-up: after a first call that takes longer than this, there is no time for more warm-up."""

_WARMED_ROUNDS = 4
"""The number of rounds from which on a block begins with a round that is not counted. In blocks of fewer rounds the
rounds are so long that cold caches do not matter."""

REPEATED = (
    "perf_budget: the first execution passed, a repetition did not. Fixtures are set up once: "
    "if the code changes what it works on, measure it with perf(fn, setup=...)."
)

_PREEMPTED_NS = 200_000
"""The length of a round at which other processes on the machine begin to take the CPU away in many rounds (Linux gives
each process 3 ms or so). If rounds are shorter, the median of a block is free of this effect."""

_LIMITED_NS = 50_000
"""The length of a round at which waits for a CPU can exceed a limit on a p95; the readings take 20 us of each round."""

_CHILDRENS_SHARE = 0.01
"""The CPU time of child processes, as a share of the rounds, from which the code may have waited for its own processes.
"""

_UNBUDGETED_ROUNDS = 59
_UNBUDGETED_NS = 100_000_000
"""The rounds and the time spent on a measurement without a timed budget: enough rounds to bound its p95."""

_BRIEF_NS = 30_000_000
"""The same time if other processes measure the code: so long that the CPUs in use are known."""

_FEWEST_ROUNDS = 2
"""The number of rounds that slow code may take even beyond the time allowed: two rounds that both exceed a p95 show
that the p95 is exceeded."""

_OVERTIME = 3
"""The measurement goes on for this many times the time allowed if the rounds that are missing decide a plain case."""


class TimedRounds:
    """The state of one measurement while it runs."""

    def __init__(self, subject: Subject, plan: Plan) -> None:
        self.subject = subject
        self.plan = plan
        self.overhead_ns = overhead_ns(plan.clock)
        budgets = plan.gate.budgets
        self.with_cpu = any(budget.metric.series == CPU for budget in budgets)
        self.cpu_overhead_ns = cpu_overhead_ns(plan.clock) if self.with_cpu else None
        self.has_wall_limit = any(budget.metric.series == WALL and budget.metric.is_timed for budget in budgets)
        self.single = subject.is_single or needs_single_calls(budgets, self.overhead_ns)
        self.wall_ns: list[float] = []
        self.cpu_ns: list[float] = []
        self.waited_ns: list[float] = []
        self.iterations = 1
        self.round_ns = 1.0
        self.planned_rounds = 1
        self.blocks: list[BlockTime] = []
        self.turns: list[int] = []
        self.with_cpus = plan.with_cpus
        self.used: list[tuple[Used, Used]] = []
        self.heap = Heap()
        self.start_ns = plan.clock.wall_ns()

    async def settle(self, first_ns: int, *, with_cpus: bool = False) -> None:
        """Decide how many calls make a round and how many rounds to plan for.

        Args:
            first_ns: the time of the first call.
            with_cpus: whether to read the CPUs in use even if the plan does not request them.
        """
        __tracebackhide__ = True
        self.with_cpus = self.plan.with_cpus or with_cpus
        began_ns = self.plan.clock.wall_ns()
        timings = Timings()
        if first_ns >= WARM_NS:
            self.start_ns = began_ns
            self.round_ns = float(first_ns)
            timings = await self._block(1, began_ns, compared=True)
            first_ns = min(first_ns, self.plan.clock.wall_ns() - began_ns)
        # A call that was slow only the first time (an import, a cache to fill) says nothing about the other calls.
        if first_ns < WARM_NS:
            self.blocks.clear()
            began_ns = self.plan.clock.wall_ns()
            warm = await self._block(_WARM_CALLS, began_ns + WARM_NS)
            call_ns = median(warm.wall_ns)
            spent_ns = (self.plan.clock.wall_ns() - began_ns) / (len(warm.wall_ns) + 1)  # the first is not in `warm`
            self.iterations = iterations(call_ns, self.overhead_ns, single=self.single)
            self.round_ns = max(spent_ns - call_ns, 0.0) + call_ns * self.iterations
            self.start_ns = self.plan.clock.wall_ns()
        else:
            self._keep(timings)
            self.round_ns = max(first_ns, 1.0)
        self.planned_rounds = max(1, int(self.plan.max_time_ns / max(self.round_ns, 1.0)))
        self.with_cpus = self.plan.with_cpus

    def leave_blocks(self) -> None:
        """Time rounds for the budgets only: the blocks for the comparison are timed elsewhere."""
        self.plan = replace(self.plan, more_blocks=None)

    def take_blocks(self, blocks: list[BlockTime]) -> None:
        """Take blocks that were timed elsewhere."""
        self.blocks = blocks

    async def fill_blocks(self, plan: Plan) -> None:
        """Time the blocks of a plan after all, with the time that the plan allows."""
        __tracebackhide__ = True
        self.plan, self.blocks = plan, []
        self.start_ns = plan.clock.wall_ns()
        await self.fill()

    async def fill(self) -> None:
        """Run blocks until nothing is left to decide or the time is up."""
        __tracebackhide__ = True
        children_ns = used(self.plan.clock).children_ns if self.has_wall_limit else 0
        await self._fill()
        if self.has_wall_limit and any(self.waited_ns):
            spent_ns = used(self.plan.clock).children_ns - children_ns
            if spent_ns > _CHILDRENS_SHARE * sum(self.wall_ns):
                self.waited_ns.clear()  # the waits may be for CPUs that the code's own processes held

    async def _fill(self) -> None:
        __tracebackhide__ = True
        while (wanted := self._wanted(deadline_ns := self.start_ns + self._allowed_ns())) > 0:
            block_ns = COMPARED_BLOCK_NS if self.plan.more_blocks else BLOCK_NS
            rounds = self._within_most(rounds_per_block(self.round_ns, wanted, block_ns))
            is_late = self.plan.clock.wall_ns() >= deadline_ns
            until_ns = deadline_ns + (_OVERTIME - 1) * self._allowed_ns() if is_late else deadline_ns
            self._keep(await self._block(rounds, until_ns, compared=True))
            if self.plan.progress is not None:
                spent_ns = self.plan.clock.wall_ns() - self.start_ns
                self.plan.progress(len(self.wall_ns), spent_ns, self.plan.max_time_ns)

    async def play(self, turns: Turns, cpus: float | None) -> None:
        """Run a block in each turn."""
        __tracebackhide__ = True
        self.blocks.clear()
        self.with_cpus = False
        self.iterations, rounds = turns.agree(self.plan.name, self.iterations, self.round_ns, cpus)
        times = NO_TIMES
        while (turn := turns.take(self.plan.name, times)) is not None:
            deadline_ns = self.plan.clock.wall_ns() + self.plan.max_time_ns
            self._keep(await self._block(rounds, deadline_ns, compared=True))
            self.turns.append(turn.number)
            times = CallTimes(self.blocks[-1].time_ns, self.blocks[-1].mean_ns)

    def samples(self) -> Samples:
        """Return the rounds timed so far."""
        return Samples(
            self.wall_ns,
            self.cpu_ns,
            iterations=self.iterations,
            overhead_ns=self.overhead_ns,
            cpu_overhead_ns=self.cpu_overhead_ns,
            elapsed_ns=self.plan.clock.wall_ns() - self.start_ns,
            planned_rounds=self.planned_rounds,
            blocks=self.blocks,
            turns=self.turns,
            waited_ns=self.waited_ns,
        )

    def _timed(self) -> bool:
        return any(budget.metric.is_timed for budget in self.plan.gate.budgets)

    def _allowed_ns(self) -> int:
        waits = self._timed() or self.plan.more_blocks is not None or self.plan.fewest_rounds > _UNBUDGETED_ROUNDS
        unbudgeted_ns = _BRIEF_NS if self.plan.is_brief and not self._uses_children() else _UNBUDGETED_NS
        return self.plan.max_time_ns if waits else min(self.plan.max_time_ns, unbudgeted_ns)

    def _uses_children(self) -> bool:
        """Return whether child processes used a CPU, whose time is known in steps of 10 ms only."""
        return any(after.children_ns > before.children_ns for before, after in self.used)

    def _wanted(self, deadline_ns: int) -> int:
        """Return the number of rounds until the next look; 0 ends the measurement."""
        done = len(self.wall_ns)
        samples = self.samples()
        look = self.plan.gate.next_look(samples) if self._timed() else _UNBUDGETED_ROUNDS
        wanted = max(0 if look is None else look - done, self.plan.fewest_rounds - done)
        if self.plan.most_rounds is not None:
            wanted = min(wanted, self.plan.most_rounds - done)
        wanted = max(wanted, self._wanted_for_blocks())
        if wanted <= 0:
            return 0 if done else 1
        late = done > 0 and self.plan.clock.wall_ns() >= deadline_ns
        if late and not (done < _FEWEST_ROUNDS and self.plan.gate.all_above(samples)):
            return self._overtime(samples, deadline_ns)
        return wanted

    def _within_most(self, rounds: int) -> int:
        """Return a number of rounds for the next block that keeps the plan's most rounds; a comparison has no most."""
        if self.plan.most_rounds is None or self.plan.more_blocks is not None:
            return rounds
        return max(1, min(rounds, self.plan.most_rounds - len(self.wall_ns)))

    def _overtime(self, samples: Samples, deadline_ns: int) -> int:
        """Return the number of further rounds that decide a plain case although the time is up; 0 if there is none.

        A case is plain if every round so far lies on the same side of the limit.
        """
        done = len(samples.wall_ns)
        last_ns = deadline_ns + (_OVERTIME - 1) * self._allowed_ns()
        left_ns = last_ns - self.plan.clock.wall_ns()
        round_ns = max(self.round_ns, samples.wall_ns[-1] * self.iterations, 1.0)  # the code may have become slower
        most = done + int(left_ns / round_ns)
        if self.plan.most_rounds is not None:
            most = min(most, self.plan.most_rounds)
        needed = self.plan.gate.rounds_that_decide(samples, most)
        return 0 if needed is None else needed - done

    def _wanted_for_blocks(self) -> int:
        """Return the number of rounds in the blocks that are still wanted, at least 1; 0 if no block is wanted."""
        more = self.plan.more_blocks(self.blocks) if self.plan.more_blocks else 0
        return max(1, int(more * COMPARED_BLOCK_NS / max(self.round_ns, 1.0))) if more > 0 else 0

    async def _block(self, rounds: int, deadline_ns: int, *, compared: bool = False) -> Timings:
        __tracebackhide__ = True
        self.heap.redraw()
        clock = self.plan.clock
        with_canaries = compared and self.plan.more_blocks is not None
        compared = with_canaries or (compared and self.plan.turns is not None)
        with_waits = self._reads_waits(compared=compared)
        block = BlockPlan(rounds, self.iterations, deadline_ns, self.with_cpu, with_waits)
        try:
            before = read_canaries(clock) if with_canaries else ()
            if rounds >= _WARMED_ROUNDS:
                # The new heap and the collection left the caches cold, a cost that is not the code's.
                await self.subject.rounds(block._replace(rounds=1), clock)
            # Read within blocks only, because the first look at a mean imports scipy, whose library starts threads.
            started = used(clock) if self.with_cpus else None
            waited_ns, began_ns = (clock.waited_ns(), clock.wall_ns()) if with_canaries else (0, 0)
            timings = await self.subject.rounds(block, clock)
            if started is not None:
                self.used.append((started, used(clock)))
            if compared:
                run_ns = timings.run_ns()
                time_ns, mean_ns = (max(one, 1) / self.iterations for one in (self._typical(run_ns), fmean(run_ns)))
                waited = 0.0
                if with_canaries:
                    elapsed_ns = clock.wall_ns() - began_ns
                    waited = min(max((clock.waited_ns() - waited_ns) / max(elapsed_ns, 1), 0.0), 1.0)
                after = read_canaries(clock) if with_canaries else ()
                self.blocks.append(BlockTime(time_ns, before, after, mean_ns, waited))
            return timings  # noqa: TRY300 - reads in order
        except Exception as error:
            # pytest shows the notes of an exception (PEP 678).
            error.__notes__ = [*getattr(error, "__notes__", []), REPEATED]
            raise

    def _reads_waits(self, *, compared: bool) -> bool:
        """Return whether each round's wait for a CPU is read: only where the readings are short beside the round.

        A comparison's time is the median of a block, so that rare waits in short rounds do not matter to it, but the
        time for the readings between its rounds does. A limit on a high percentile is about the rare rounds.
        """
        if compared:
            return self.round_ns >= _PREEMPTED_NS
        return self.has_wall_limit and self.round_ns >= _LIMITED_NS

    def _typical(self, rounds_ns: Sequence[int]) -> float:
        """Return the time that represents the rounds of a block.

        In turns this is the lower quartile, which has the smaller error there, and both sides have the same weather.
        With canaries it is the median, because a reading of the canaries is a median, too.
        """
        return median(rounds_ns) if self.plan.turns is None else quantile(sorted(rounds_ns), 0.25)

    def _keep(self, timings: Timings) -> None:
        self.plan.keep()
        self.wall_ns += [total / self.iterations for total in timings.wall_ns]
        self.cpu_ns += [total / self.iterations for total in timings.cpu_ns]
        self.waited_ns += [max(total, 0) / self.iterations for total in timings.waited_ns]
