"""A snapshot: everything that a process of the service has seen, or several processes together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_perfbudget.monitor.components import MOST_COMPONENTS, OTHER
from pytest_perfbudget.monitor.error_log import ErrorEntry, merged
from pytest_perfbudget.monitor.history import History


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a service at one moment.

    Attributes:
        start_ns: the time of the start, in ns since 1970.
        histories: the history of each component.
        errors: the last errors, the latest first.
        processes: the number of processes that go on.
    """

    start_ns: int
    histories: Mapping[str, History]
    errors: Sequence[ErrorEntry] = ()
    processes: int = 1

    def with_ended(self, ended: Snapshot, always_kept: Collection[str]) -> Snapshot:
        """Return the snapshot of the processes that have ended together with a further such process.

        The memory is bounded as in a process: of the components that are not always kept, the first 100 are.
        """
        names = {*self.histories}
        renamed: dict[str, History] = {}
        for name, history in ended.histories.items():
            is_kept = name in names or name in always_kept or len(names.difference(always_kept)) < MOST_COMPONENTS
            owner = name if is_kept else OTHER
            names.add(owner)
            renamed[owner] = renamed[owner] + history if owner in renamed else history
        together = self.with_others([replace(ended, histories=renamed)])
        pruned = {name: history.pruned() for name, history in together.histories.items()}
        return replace(together, histories=pruned, processes=0)

    def with_others(self, others: Iterable[Snapshot]) -> Snapshot:
        """Return the snapshot of this process and others together."""
        found = [self, *others]
        histories: dict[str, History] = {}
        for name, history in ((name, one) for snapshot in found for name, one in snapshot.histories.items()):
            histories[name] = histories[name] + history if name in histories else history
        return Snapshot(
            min(one.start_ns for one in found),
            dict(sorted(histories.items())),
            merged(one.errors for one in found),
            sum(one.processes for one in found),
        )
