"""The maker of pairs of processes: which tests, which CPU, which side comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_perfbudget.compare.base_checkout import BaseCheckout
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.spans.changes import FEWEST_MATCHES
from pytest_perfbudget.measure.affinity import cpus
from pytest_perfbudget.processes.duet import Duet
from pytest_perfbudget.processes.duet_side import Side


class PairMaker:
    """The maker of all pairs of a session.

    Args:
        context: the session.
        checkout: the checkout of the base.
    """

    def __init__(self, context: ComparisonContext, checkout: BaseCheckout) -> None:
        self._launcher = context.launcher
        self._checkout = checkout
        self._made = 0

    def make(
        self,
        nodeids: Sequence[str],
        more_files: Sequence[str] = (),
        *,
        slot: int = 0,
        own_file_only: bool = False,
        with_spans: bool = False,
        counting: Counting = Counting.ALL,
        number: int = 0,
        releases: bool = False,
    ) -> Duet:
        """Return a new pair of processes, not yet started.

        Args:
            nodeids: the tests that the pair measures.
            more_files: see `BaseCheckout.launches`.
            slot: see there.
            own_file_only: see there.
            with_spans: whether the pair records spans and counts nothing.
            counting: the counts of executions.
            number: see `Duet`.
            releases: see `Duet`.

        Raises:
            WorkerError: see `BaseCheckout.launches`.
        """
        seed = self._launcher.seed()
        launches = self._checkout.launches(nodeids, seed, more_files, slot=slot, own_file_only=own_file_only)
        asked = [replace(one.request, in_turns=True, with_spans=with_spans, counting=counting) for one in launches]
        head, base = (Side(request, one.start) for request, one in zip(asked, launches, strict=True))
        usable = cpus()
        # Each CPU has two pairs in a row, one of either order: else the order and the CPU would change together.
        cpu = usable[self._made // 2 % len(usable)] if usable else None
        self._made += 1
        fewest = FEWEST_MATCHES if with_spans else 2
        return Duet(head, base, cpu=cpu, fewest_turns=fewest, number=number, releases=releases)
