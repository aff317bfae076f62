"""The summary of a service from the minutes in its history, in the form in which the service itself answers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.core.alerts import AlertState
from pytest_perfbudget.core.history.service_window import DAY_S, HOUR_S, MINUTE_S, ServiceProcess, ServiceWindow
from pytest_perfbudget.core.service_gate import is_monitored
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.tally import Tally
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import HistoryError, MonitorError
from pytest_perfbudget.history.windows import last_processes, windows_since
from pytest_perfbudget.monitor.alert_watch import unknown_components
from pytest_perfbudget.monitor.error_log import ErrorEntry, merged
from pytest_perfbudget.monitor.history import HOURS, LEVELS, History
from pytest_perfbudget.monitor.snapshot import Snapshot
from pytest_perfbudget.monitor.summary import JudgedService
from pytest_perfbudget.report.numbers import age

JUDGED_OVER: Final = "1h"
_S: Final = NS_PER["s"]
_PRESENT_S: Final = 2 * MINUTE_S
"""The time since its last minute for which a process counts as one that goes on."""
_AHEAD_S: Final = HOUR_S
"""The time after the present from which a minute can only come from a clock that is ahead."""
_BY_WEIGHT: Final = [AlertState.FIRING.value, AlertState.PENDING.value, AlertState.CLEAR.value]


class RecordedService:
    """A service as its history shows the service: the last hour judged, and the trends of a day.

    The present is the end of the last minute in the file, so the history of a service that has ended stays readable. A
    process whose clock is ahead is left out if there are others.

    Args:
        file: the history.
        settings: the budgets by which the hour is judged.
        clock: the present time, in s since 1970.
    """

    def __init__(self, file: Path, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._settings = settings
        self._clock = clock
        self._read: Sequence[ServiceProcess] = ()
        self._summary: dict[str, Any] = {}

    def summary(self) -> dict[str, Any]:
        """Return the summary; a history without a new minute is not read again.

        Raises:
            MonitorError: the file is missing or no history, or no service has written to it.
        """
        try:
            processes, ahead_s = self._processes()
            if processes != self._read:
                self._summary, self._read = self._fresh(processes), processes
        except HistoryError as error:
            raise MonitorError(str(error)) from None
        end_s = processes[0].at_s
        notes = [*self._summary["notes"], self._source(end_s)]
        if ahead_s:
            notes.append(f"left out: the minutes of a machine whose clock is {age(ahead_s)} ahead: set its clock")
        ago_s = self._clock() - end_s
        return {**self._summary, "ended_s": ago_s if ago_s > _PRESENT_S else None, "notes": notes}

    def _processes(self) -> tuple[list[ServiceProcess], float]:
        """Return the processes of the last day, and how far ahead the clock of one is that is left out; else 0."""
        if not self._file.is_file():
            message = f"{self._file}: there is no such file"
            raise MonitorError(message)
        found = last_processes(self._file, DAY_S) if self._file.stat().st_size else []
        if not found:
            message = (
                f"{self._file}: no service has written to this history: set history = true in [tool.perfbudget.monitor]"
                " of the service, and restart the service"
            )
            raise MonitorError(message)
        now_s = self._clock()
        ahead_s = found[0].at_s - now_s
        on_time = last_processes(self._file, DAY_S, now_s + _AHEAD_S) if ahead_s > _AHEAD_S else []
        return (on_time, ahead_s) if on_time else (found, 0)

    def _fresh(self, processes: Sequence[ServiceProcess]) -> dict[str, Any]:
        end_s = processes[0].at_s
        present = [one for one in processes if one.at_s > end_s - _PRESENT_S]
        windows = [one for one in windows_since(self._file, end_s - DAY_S - HOUR_S) if one.start_s < end_s]
        start_s = min((one.start_s for one in windows), default=end_s)
        snapshot = Snapshot(
            round(min(one.start_s for one in present) * _S),
            _histories(windows, round(start_s * _S), end_s),
            merged(map(ErrorEntry.from_dict, one.state.get("errors", ())) for one in processes),
            len(present),
        )
        service = JudgedService(snapshot, self._settings, JUDGED_OVER, round(end_s * _S) - 1, HOURS)
        notes = [*self._settings.notes, *unknown_components(self._settings), *_without_requests(service)]
        return service.to_dict(_alerts(present), notes)

    def _source(self, end_s: float) -> str:
        now_s = self._clock()
        ago_s = now_s - end_s
        # Earlier versions wrote the end of the minute in which a service ended, which may not have passed yet.
        at_s = end_s if -ago_s > _AHEAD_S else min(end_s, now_s)
        when = datetime.fromtimestamp(at_s, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        ended = f"ended {age(ago_s)} ago" if ago_s > -_AHEAD_S else f"lies {age(-ago_s)} ahead of this machine's clock"
        return f"from the history in {self._file.name}, whose last minute {ended}, at {when}"


def _without_requests(service: JudgedService) -> Iterator[str]:
    """Yield a note for each component that has a limit of its own on requests, and none of which the history knows."""
    for rule in service.settings.components:
        name = rule.limits.component
        is_known = any(f"{one}.".startswith(f"{name}.") for one in service.components)
        if not is_known and any(map(is_monitored, rule.limits.budgets)):
            yield f"{name}: has limits, and no requests in the last day of this history"


def _histories(windows: Iterable[ServiceWindow], start_ns: int, end_s: float) -> dict[str, History]:
    by_component: dict[str, list[ServiceWindow]] = defaultdict(list)
    for one in windows:
        by_component[one.component].append(one)
    return {name: _history(found, start_ns, end_s) for name, found in sorted(by_component.items())}


def _history(windows: Iterable[ServiceWindow], start_ns: int, end_s: float) -> History:
    """Return the history of a component; a window is in the slots in which it ends, or of the present."""
    slots: tuple[dict[int, Tally], ...] = tuple({} for _ in LEVELS)
    total = Tally()
    for one in windows:
        total += one.tally
        for level, kept in zip(LEVELS, slots, strict=True):
            slot = (min(one.end_s, round(end_s)) * _S - 1) // level.width_ns
            kept[slot] = kept[slot] + one.tally if slot in kept else one.tally
    return History(slots, total, start_ns).pruned()


def _alerts(processes: Iterable[ServiceProcess]) -> list[Mapping[str, Any]]:
    """Return the state of each alert: of several processes, that of the process in which the alert is worst."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in chain.from_iterable(process.state.get("alerts", ()) for process in processes):
        known = found.setdefault(one["alert"], one)
        found[one["alert"]] = min(known, one, key=lambda state: _BY_WEIGHT.index(state["state"]))
    return list(found.values())
