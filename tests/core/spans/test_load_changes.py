"""The change of each component of a load between two sides: requests that wait for each other depend on each other."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from statistics import fmean

import pytest

from pytest_perfbudget.core.pairs import LOAD_SPREAD, PAIR_SPREAD
from pytest_perfbudget.core.spans.batches import SpanBatch, SpanPart
from pytest_perfbudget.core.spans.changes import Match, SpanComparison, compare_pair, compare_spans

JWT_NS, QUERY_NS, BETWEEN_NS = 2e6, 4e6, 9e6
REQUESTS, TURNS = 40, 24

Request = tuple[float, float, float]
"""The times that a request waits for the requests before it, in `jwt`, and in `query`, in ns."""


def window(draw: random.Random, arrivals: random.Random, jwt_ns: float, speed: float = 1.0) -> list[Request]:
    """Return the requests of one window of a load at a fixed rate on a server that answers one at a time."""
    found: list[Request] = []
    now_ns = free_ns = 0.0
    for _ in range(REQUESTS):
        now_ns += arrivals.expovariate(1 / BETWEEN_NS)
        wait_ns = max(free_ns - now_ns, 0.0)
        jwt, query = speed * draw.gauss(jwt_ns, 0.05 * jwt_ns), speed * draw.expovariate(1 / QUERY_NS)
        free_ns = now_ns + wait_ns + jwt + query
        found.append((wait_ns, jwt, query))
    return found


def batch(requests: Sequence[Request], turn: int = 0) -> SpanBatch:
    wait, jwt, query = (fmean(one) for one in zip(*requests, strict=True))
    parts = {"jwt": SpanPart(jwt, 1.0, None), "query": SpanPart(query, 1.0, None)}
    return SpanBatch(len(requests), wait + jwt + query, parts, turn)


Side = list[list[Request]]


def sides(draw: random.Random, jwt_ns: float, spread: float = 0.0) -> tuple[Side, Side]:
    """Return the windows of base and head; both turns of a quad have the same arrivals."""
    speed = 1 + draw.gauss(0, spread)
    seeds = [draw.random() for _ in range(TURNS // 2)]
    starts = [seeds[turn // 2] for turn in range(TURNS)]
    base = [window(draw, random.Random(seed), JWT_NS) for seed in starts]
    return base, [window(draw, random.Random(seed), jwt_ns, speed) for seed in starts]


@cache
def truth_ns(jwt_ns: float) -> dict[str, float]:
    """Return the mean of each component over very many windows, and of the time outside all spans."""
    draw = random.Random(1)
    wait, jwt, query = (
        fmean(one) for one in zip(*(one for _ in range(3_000) for one in window(draw, draw, jwt_ns)), strict=True)
    )
    return {"": wait, "jwt": jwt, "query": query}


def holds(found: SpanComparison | None, jwt_ns: float) -> bool:
    """Return whether each interval contains the true difference."""
    assert found is not None
    before, after = truth_ns(JWT_NS), truth_ns(jwt_ns)
    return all(
        one.lower_ns is not None
        and one.upper_ns is not None
        and one.lower_ns <= after[one.name] - before[one.name] <= one.upper_ns
        for one in found.components
    )


def by_windows(base: Side, head: Side, spread: float) -> SpanComparison | None:
    made = [[batch(requests, turn) for turn, requests in enumerate(side)] for side in (base, head)]
    return compare_pair(made[0], made[1], spread, is_load=True)


def by_requests(base: Side, head: Side) -> SpanComparison | None:
    """Compare as if requests did not depend on each other."""
    each = [[batch([request]) for requests in side for request in requests] for side in (base, head)]
    return compare_spans([Match(*pair) for pair in zip(*each, strict=True)], 0.0, keeps_all=True)


@pytest.mark.parametrize("jwt_ns", [JWT_NS, 3e6], ids=["unchanged", "slower"])
def test_all_intervals_of_windows_hold_together_in_95_percent(jwt_ns: float) -> None:
    draw = random.Random(7)
    made = (sides(draw, jwt_ns, PAIR_SPREAD) for _ in range(100))
    assert sum(holds(by_windows(*pair, LOAD_SPREAD), jwt_ns) for pair in made) >= 0.95 * 100


def test_intervals_that_take_requests_for_independent_hold_much_less_often() -> None:
    """Without room for the difference between processes, which hides the error."""
    draw = random.Random(7)
    made = [sides(draw, 3e6) for _ in range(60)]
    assert sum(holds(by_windows(*pair, 0.0), 3e6) for pair in made) >= 0.9 * 60
    assert sum(holds(by_requests(*pair), 3e6) for pair in made) < 0.6 * 60


def test_unchanged_code_shows_no_component_moved_although_a_queue_multiplies_what_a_process_is_slower_by() -> None:
    draw = random.Random(3)
    found = [by_windows(*sides(draw, JWT_NS, PAIR_SPREAD), LOAD_SPREAD) for _ in range(60)]
    assert sum(any(part.has_moved for part in one.components) for one in found if one is not None) <= 3


def test_a_slower_component_has_moved_and_so_has_the_waiting_behind_it() -> None:
    draw = random.Random(3)
    found = [by_windows(*sides(draw, 4e6, PAIR_SPREAD), LOAD_SPREAD) for _ in range(40)]
    moved = [{part.name for part in one.components if part.has_moved} for one in found if one is not None]
    assert sum("jwt" in one for one in moved) == len(found)
    assert sum("" in one for one in moved) >= 0.9 * len(found)
    assert sum("query" in one for one in moved) <= 0.05 * len(found)


def test_the_mean_of_all_requests_comes_first_and_its_parts_add_up() -> None:
    found = by_windows(*sides(random.Random(5), 4e6), LOAD_SPREAD)
    assert found is not None
    assert not found.is_typical
    assert sum(part.difference_ns for part in found.components) == pytest.approx(found.total.difference_ns)
