"""Observations and summaries in the middle of an observation, as of a finalizer or of a signal handler in its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from pytest_perfbudget.monitor import Monitor

PLACES = [
    "history.empty_counts",
    "history.packed",
    "history.bucket_of",
    "components.Component",
    "monitor.ErrorCause.of",
]


def within(monkeypatch: pytest.MonkeyPatch, place: str, act: Callable[[], object]) -> list[int]:
    """Let an action run before each call of a function of the monitor, but not within itself; return the times."""
    module, _, name = place.partition(".")
    path = f"pytest_perfbudget.monitor.{module}"
    *owners, last = name.split(".")
    holder: Any = __import__(path, fromlist=["x"])
    for one in owners:
        holder = getattr(holder, one)
    function, acted, is_acting = getattr(holder, last), [], [False]

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        if not is_acting[0]:
            is_acting[0] = True
            act()
            acted.append(1)
            is_acting[0] = False
        return function(*args, **kwargs)

    monkeypatch.setattr(f"{path}.{name}", interrupted)
    return acted


def unclosed(clock: Callable[[], int]) -> Monitor:
    """Return a monitor that nothing closes, because that would wait for the lock of a thread that hangs."""
    return Monitor(clock=clock, in_background=False, takes_spans=False)


def finished(work: Callable[[], object]) -> bool:
    """Return whether work comes to its end; a thread that waits for its own lock never does."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(5)
    return not thread.is_alive()


@pytest.mark.parametrize("place", PLACES)
def test_an_observation_within_an_observation_counts(wall: Any, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monitor = unclosed(wall)

    def observe_over_time() -> None:
        for _ in range(4):
            monitor.observe("shop", 0.01, "KeyError: 'x'")
            wall.advance(5)

    acted = within(monkeypatch, place, lambda: monitor.observe("shop", 0.01, "KeyError: 'x'"))
    assert finished(observe_over_time)
    assert acted
    monkeypatch.undo()
    numbers = monitor.summary()["components"]["shop"]
    assert numbers["requests_total"] == numbers["errors_total"] == 4 + len(acted)
    assert numbers["windows"]["1m"]["count"] == 4 + len(acted)


@pytest.mark.parametrize("place", PLACES)
def test_a_summary_within_an_observation_changes_nothing(
    wall: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monitor = unclosed(wall)

    def observe_over_time() -> None:
        for _ in range(4):
            monitor.observe("shop", 0.01, "KeyError: 'x'")
            wall.advance(5)

    within(monkeypatch, place, monitor.summary)
    assert finished(observe_over_time)
    monkeypatch.undo()
    numbers = monitor.summary()["components"]["shop"]
    assert numbers["requests_total"] == numbers["errors_total"] == numbers["windows"]["1m"]["count"] == 4
