"""The choice of the spans during which somebody looks who else uses the CPUs: often enough, and at a bounded cost."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest
from span_clocks import Clocks, scripted

from pytest_perfbudget import track
from pytest_perfbudget.tracing import open_span
from pytest_perfbudget.tracing.open_span import add_sampler, remove_sampler
from pytest_perfbudget.tracing.wait_sampling import LEAST_WAIT_NS, LONGEST_LOOK_NS, PRICE_NS, Look, WaitSampler

US = 1_000


class Machine:
    """What has happened up to now, with the number of looks."""

    def __init__(self) -> None:
        self.now = [0, 0, 0]
        self.looks = self.interruption_ns = 0

    def look(self) -> Look:
        self.looks += 1
        threads, processes, queue = self.now
        now_ns = open_span.CLOCKS[0]()
        return now_ns - self.interruption_ns, now_ns + self.interruption_ns, (threads, processes, queue)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Yield the machine that all spans of a test look at."""
    machine = Machine()
    sampler = WaitSampler(machine.look)
    add_sampler(sampler)
    yield machine
    remove_sampler(sampler)


def run(clocks: Clocks, machine: Machine, waits_ns: list[int], name: str = "work") -> None:
    """Run spans, during whose waiting another thread computes all the time."""
    for waiting_ns in waits_ns:
        with track(name):
            clocks.advance(US, waiting_ns)
            machine.now[0] += waiting_ns


def test_the_first_span_that_waits_says_who_computed(machine: Machine) -> None:
    with scripted() as (clocks, spans):
        run(clocks, machine, [50 * US])
    assert spans[0].waits == (50 * US, 0, 0)


@pytest.mark.parametrize(
    ("waiting_ns", "interruption_ns", "is_known"),
    [
        (50 * US, LONGEST_LOOK_NS, True),
        (50 * US, LONGEST_LOOK_NS + 1, False),
        (5_000 * US, 500 * US, True),
        (5_000 * US, 501 * US, False),
    ],
)
def test_a_look_that_was_interrupted_says_nothing(
    machine: Machine, waiting_ns: int, interruption_ns: int, is_known: bool
) -> None:
    """Whoever had the CPU meanwhile had it outside the span."""
    machine.interruption_ns = interruption_ns
    with scripted() as (clocks, spans):
        run(clocks, machine, [waiting_ns])
    assert (spans[0].waits is not None) is is_known


def test_without_a_sampler_nobody_looks() -> None:
    machine = Machine()
    with scripted() as (clocks, spans):
        run(clocks, machine, [50 * US])
    assert (machine.looks, spans[0].waits) == (0, None)


def test_spans_that_do_not_wait_cost_few_looks_in_all(machine: Machine) -> None:
    with scripted() as (clocks, _):
        run(clocks, machine, [0] * 1_000)
    assert machine.looks == 3


def test_a_span_of_which_the_cpu_time_is_not_known_is_not_looked_at_for_ever(machine: Machine) -> None:
    with scripted() as (clocks, spans):
        for _ in range(100):
            clocks.thread = 1
            with track("moves to another thread"):
                clocks.thread = 2
                clocks.advance(0, 50 * US)
    assert machine.looks == 3
    assert {span.waits for span in spans} == {None}


def test_every_span_that_waits_long_is_looked_at(machine: Machine) -> None:
    with scripted() as (clocks, spans):
        run(clocks, machine, [2 * PRICE_NS] * 100)
    assert [span.waits for span in spans] == [(2 * PRICE_NS, 0, 0)] * 100


WAITS = [0, 0, LEAST_WAIT_NS, 20 * US, 300 * US]


@pytest.mark.parametrize("seed", range(5))
def test_looks_are_bounded_by_the_waiting_and_see_most_of_it(machine: Machine, seed: int) -> None:
    chance = random.Random(seed)
    waits_ns = [chance.choice(WAITS) for _ in range(500)]
    with scripted() as (clocks, spans):
        run(clocks, machine, waits_ns)
    assert machine.looks <= 5 * sum(waits_ns) / PRICE_NS + 5
    seen = sum(span.waits[0] for span in spans if span.waits is not None)
    assert seen >= 0.7 * sum(waits_ns)


@pytest.mark.parametrize("pattern", [[0, 0, 500], [20, 300], [25, 25], [50, 50], [6, 6], [10, 20, 30]])
def test_spans_of_several_kinds_in_turn_are_seen_in_proportion(machine: Machine, pattern: list[int]) -> None:
    with scripted() as (clocks, spans):
        run(clocks, machine, [US * one for one in pattern] * 2_000)
    seen = [0] * len(pattern)
    for number, span in enumerate(spans):
        seen[number % len(pattern)] += 0 if span.waits is None else span.waits[0]
    assert [one / sum(seen) for one in seen] == pytest.approx([one / sum(pattern) for one in pattern], rel=0.2)


def test_names_without_end_cost_no_look_from_some_number_on(machine: Machine) -> None:
    with scripted() as (clocks, _):
        for number in range(3_000):
            run(clocks, machine, [50 * US], f"GET /{number}")
    assert machine.looks == 2_000


def test_several_threads_share_the_choice(machine: Machine) -> None:
    def work() -> None:
        for _ in range(100):
            with track("work"):
                pass

    with scripted():
        threads = [threading.Thread(target=work) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert machine.looks <= 400


def test_a_span_that_rests_says_who_computed_while_it_ran(machine: Machine) -> None:
    """The generator waits twice for another thread, which also computes while the generator rests."""

    @track("rows")
    def rows() -> Iterator[int]:
        for number in range(2):
            clocks.advance(US, 500 * US)
            machine.now[0] += 400 * US
            yield number

    with scripted() as (clocks, spans):
        for _ in rows():
            clocks.advance(0, 700 * US)
            machine.now[0] += 700 * US
    assert spans[0].waits == (800 * US, 0, 0)


def test_the_waiting_of_a_span_that_nobody_looked_into_is_divided_like_the_rest_of_the_span(machine: Machine) -> None:
    """Between two looks at a name whose waits are short some intervals are left out."""

    @track("rows")
    def rows() -> Iterator[int]:
        for number in range(100):
            clocks.advance(0, 10 * US)
            machine.now[2] += 5 * US
            yield number

    with scripted() as (clocks, spans):
        list(rows())
    assert spans[0].duration_ns == 1_000 * US
    assert spans[0].waits == (0, 0, 500 * US)
    assert machine.looks < 60
