"""Counts wrong verdicts on simulated servers whose exact quantiles are known, as a Markdown table.

Each limit is the exact quantile, so each verdict is wrong. The last two columns are those of bounds for independent
values. A second table has a server that changes its state seldom: wrong verdicts on a limit of 10 for a median of 1 and
a p95 of 60, in runs in which both states occurred, and in the others. Takes three minutes: python tests/benchmarks/load_bounds.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from queues import IN_TURNS, SERVERS, Latencies, two_states

from pytest_perfbudget.core.criteria import Criterion, Errors
from pytest_perfbudget.core.criteria.dependent import DependentQuantileCriterion
from pytest_perfbudget.core.criteria.quantile import QuantileCriterion
from pytest_perfbudget.core.results import BudgetVerdict

ERRORS = Errors(exceeded=0.01, within=0.05)
RUNS = 1_000
REQUESTS = 5_000
SHARES = {0.5: "median", 0.95: "p95", 0.99: "p99"}
STATES = [(150, 30), (150, 100), (150, 1_000), (1_000, 30), (1_000, 100), (1_000, 1_000), (5_000, 100), (5_000, 1_000)]
"""Numbers of requests, and mean numbers of requests in a slow state."""


def wrong(
    latencies: Callable[[int, np.random.Generator], Latencies], limit: float, criterion: Criterion
) -> tuple[int, int]:
    """Return the numbers of false `exceeded` and of false `within`."""
    found = dict.fromkeys(BudgetVerdict, 0)
    for run in range(RUNS):
        values = latencies(REQUESTS, np.random.default_rng((11, run))).tolist()
        found[criterion.decide(values, limit, final=True).verdict] += 1
    return found[BudgetVerdict.EXCEEDED], found[BudgetVerdict.WITHIN]


def wrong_of_states(requests: int, length: float) -> str:
    """Return a row of the second table."""
    runs, exceeded, within = [0, 0], [0, 0], [0, 0]
    for run in range(RUNS):
        latencies, has_both = two_states(requests, length, np.random.default_rng((11, run)))
        values = latencies.tolist()
        median, p95 = (DependentQuantileCriterion(one, ERRORS).decide(values, 10.0, final=True) for one in (0.5, 0.95))
        runs[has_both] += 1
        exceeded[has_both] += median.verdict is BudgetVerdict.EXCEEDED
        within[has_both] += p95.verdict is BudgetVerdict.WITHIN
    both, single = (f"{exceeded[one]} / {within[one]} of {runs[one]:,}" for one in (True, False))
    return f"| {requests:,} | {length:,} | {both} | {single} |"


def main() -> None:
    """Print the tables."""
    print(f"{RUNS:,} runs of {REQUESTS:,} requests; false `exceeded` / false `within`")
    print("| server | quantile | dependent | independent |\n|---|---|---|---|")
    rows = [(server, latencies, share, exact) for server, (latencies, share, exact) in IN_TURNS.items()]
    for server, (latencies, quantile) in SERVERS.items():
        rows += [(server, latencies, share, quantile(share)) for share in SHARES]
    for server, latencies, share, limit in rows:
        ours = wrong(latencies, limit, DependentQuantileCriterion(share, ERRORS))
        plain = wrong(latencies, limit, QuantileCriterion(share, ERRORS, None))
        print(f"| {server} | {SHARES[share]} | {ours[0]} / {ours[1]} | {plain[0]} / {plain[1]} |", flush=True)
    print("\n| requests | requests in a slow state | both states occurred | one state |\n|---|---|---|---|")
    for requests, length in STATES:
        print(wrong_of_states(requests, length), flush=True)


if __name__ == "__main__":
    main()
