"""What is asked of a measurement, from a baseline of several machines."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline, Key, Line
from pytest_perfbudget.compare.baseline import BaselineComparison, _Compare
from pytest_perfbudget.core.limits import Settings, resolve
from pytest_perfbudget.core.reference import Reference
from pytest_perfbudget.plugin.session import PerfSession

TIME = Reference(1e6, 0.01, 10, 40, 10.0, 0.0, 0.03, (0.4, 0.3, 0.3), (4e4, 2e4, 3e4))
HERE = this_machine()
OTHER = replace(HERE, cpu="another")
THIRD = replace(HERE, cpu="a third")
OLDER = replace(HERE, python="CPython 3.0")


def asked(lines: dict[Key, Line], test: str, *, session: tuple[str, ...] = (), confirm: str = "runs") -> _Compare:
    """Return what is asked of a test, in a session of the given tests."""
    settings = Settings(alpha=0.01, confirm=confirm)
    baseline = Baseline({one.key: one for one in (HERE, OTHER, THIRD, OLDER)}, lines)
    comparison = BaselineComparison(cast("PerfSession", SimpleNamespace(settings=settings)), baseline)
    comparison.begin(session or (test,))
    found = comparison.ask(test, "", resolve(settings, test, (), name=""))
    assert isinstance(found, _Compare)
    return found


def line(test: str, machine: str = HERE.key, *, time: Reference | None = TIME, calls: int = 100) -> tuple[Key, Line]:
    key = Key(test, "", machine)
    return key, Line(key, time, calls=calls, peak=calls * 1000)


def alpha(found: _Compare) -> float:
    assert found.slowdown_test is not None
    return found.slowdown_test.alpha


def test_alpha_is_shared_among_the_measurements_of_the_session_that_have_a_time_here() -> None:
    lines = dict([line("a"), line("b"), line("c"), line("d", OTHER.key), line("e", time=None)])
    assert alpha(asked(lines, "a")) == pytest.approx(0.01)
    assert alpha(asked(lines, "a", session=("a", "b"))) == pytest.approx(0.005)
    assert alpha(asked(lines, "a", session=("a", "b", "c", "d", "e", "new"))) == pytest.approx(0.01 / 3)


@pytest.mark.parametrize(("confirm", "in_pairs"), [("runs", False), ("duet", True), ("auto", True)])
def test_suspects_are_chosen_for_what_confirms_them(confirm: str, *, in_pairs: bool) -> None:
    slowdown_test = asked(dict([line("a")]), "a", confirm=confirm).slowdown_test
    assert slowdown_test is not None
    assert slowdown_test.in_pairs is in_pairs


def test_times_are_asked_of_this_machine_and_counts_of_any_with_the_same_python_and_system() -> None:
    found = asked(dict([line("a", OTHER.key)]), "a")
    assert not found.is_timed
    assert found.most_calls == 110
    assert asked(dict([line("a", OLDER.key)]), "a").most_calls is None


def test_of_several_machines_the_highest_counts_hold_and_this_ones_before_them() -> None:
    elsewhere = [line("a", OTHER.key, calls=300), line("a", THIRD.key, calls=200), line("a", OLDER.key, calls=900)]
    assert asked(dict(elsewhere), "a").most_calls == 315
    assert asked(dict([*elsewhere, line("a")]), "a").most_calls == 110
    assert asked(dict([line("a"), *elsewhere]), "a").most_calls == 110
