"""What is requested of a measurement, from a baseline of several machines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from comparing import CALM_NS, context

from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline, Key, Line
from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare.baseline import BaselineComparison
from pytest_perfbudget.compare.baseline_commit import BaselineCommitDuet
from pytest_perfbudget.compare.baseline_commits import BaselineCommits
from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.precedence import resolve
from pytest_perfbudget.core.reference import Reference
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.unpaired import BLOCKS
from pytest_perfbudget.errors import GitError

TIME = Reference(1e6, 0.01, 10, 40, 10.0, 0.0, 0.03, (0.4, 0.3, 0.3), CALM_NS)
HERE = this_machine()
OTHER = replace(HERE, cpu="another")
THIRD = replace(HERE, cpu="a third")
OLDER = replace(HERE, python="CPython 3.0")


def line(test: str, machine: str = HERE.key, *, time: Reference | None = TIME, calls: int = 100) -> tuple[Key, Line]:
    key = Key(test, "", machine)
    return key, Line(key, time, {"calls": calls, "peak": calls * 1000})


def comparison(lines: dict[Key, Line], *tests: str, confirm: str = "runs") -> BaselineComparison:
    """Return the comparison of a session of these tests."""
    settings = Settings(alpha=0.01, confirm=confirm)
    baseline = Baseline({one.key: one for one in (HERE, OTHER, THIRD, OLDER)}, lines)
    found = BaselineComparison(context(settings), baseline)
    found.begin(tests)
    return found


def requested(lines: dict[Key, Line], test: str) -> MeasurementRequest:
    return comparison(lines, test).request(test, "", resolve(Settings(), test, (), name=""))


def alpha(lines: dict[Key, Line], *tests: str) -> float:
    found = comparison(lines, *tests)._known("a", "", 0.05).slowdown_test
    assert found is not None
    return found.alpha


def most(request: MeasurementRequest, metric: str) -> int:
    """Return the highest count that is worth no second pass."""
    return next(count for count in range(10**6) if request.counts[metric](count)) - 1


def test_alpha_is_shared_among_the_measurements_that_have_a_time_here() -> None:
    lines = dict([line("a"), line("b"), line("c"), line("d", OTHER.key), line("e", time=None)])
    assert alpha(lines, "a") == pytest.approx(0.01)
    assert alpha(lines, "a", "b") == pytest.approx(0.005)
    assert alpha(lines, "a", "b", "c", "d", "e", "new") == pytest.approx(0.01 / 3)


ROUGH = replace(TIME, spread=0.08)
"""A time that differs from process to process by so much that fresh processes would not find a slowdown by 10 %."""


LOAD = '{"users": 8}'


@pytest.mark.parametrize(
    ("confirm", "changes", "elsewhere", "in_pairs"),
    [
        ("runs", {"time": ROUGH}, "", False),
        ("duet", {}, "till.py", True),
        ("auto", {}, "", True),
        ("auto", {}, "till.py", True),
        ("auto", {"load": LOAD}, "", False),
        ("auto", {"time": ROUGH}, "till.py", True),
        ("auto", {"time": ROUGH, "load": LOAD}, "", True),
        ("auto", {"commit": "3f2a91c+"}, "", False),
        ("auto", {"commit": ""}, "", False),
        ("auto", {"commit": "0000000"}, "", False),
    ],
    ids=lambda one: str(one)[:20],
)
def test_pairs_confirm_if_git_has_the_commit(
    monkeypatch: pytest.MonkeyPatch, confirm: str, changes: dict[str, object], elsewhere: str, *, in_pairs: bool
) -> None:
    """Of loads, only those that fresh processes could not tell. Where pairs may be blind, fresh processes follow."""
    monkeypatch.setattr("pytest_perfbudget.compare.baseline_commits.find_base", known_base)
    monkeypatch.setattr("pytest_perfbudget.compare.baseline_commits.why_not_as_for_baseline", lambda *_: elsewhere)
    key, known = line("a")
    lines = {key: replace(known, **{"commit": "3f2a91c", **changes})}  # type: ignore[arg-type]
    slowdown_test = comparison(lines, "a", confirm=confirm)._known("a", "", 0.05).slowdown_test
    assert slowdown_test is not None
    assert slowdown_test.in_pairs is in_pairs
    assert slowdown_test.then_by_runs is (in_pairs and confirm == "auto" and bool(elsewhere))


def test_the_screening_pair_is_of_a_commit_that_git_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if most lines are of another commit."""
    monkeypatch.setattr("pytest_perfbudget.compare.baseline_commits.find_base", known_base)
    duet = BaselineCommitDuet(context(), BaselineCommits(context(), Path("perf-baseline.json"), HERE.key))
    duet.begin({"0000000": ["a", "b", "c"], "3f2a91c": ["d", "e"]})
    assert (duet._shared_commit, duet._screened_tests) == ("3f2a91c", ["d", "e"])


def known_base(folder: Path, ref: str) -> Base:
    if ref not in ("HEAD", "3f2a91c"):
        message = f"{ref!r} is no commit of this repository"
        raise GitError(message)
    return Base(folder, ref, ref, ref)


def test_blocks_are_requested_where_this_machine_has_a_time() -> None:
    found = requested(dict([line("a")]), "a")
    assert found.more_blocks is not None
    assert found.more_blocks(()) == BLOCKS


def test_counts_are_requested_where_any_machine_with_this_python_and_system_has_them() -> None:
    elsewhere = requested(dict([line("a", OTHER.key)]), "a")
    assert elsewhere.more_blocks is None
    assert elsewhere.wants_data
    assert most(elsewhere, "calls") == 110
    assert not requested(dict([line("a", OLDER.key)]), "a").wants_data


def test_the_highest_counts_of_several_machines_hold_but_this_ones_first() -> None:
    elsewhere = [line("a", OTHER.key, calls=300), line("a", THIRD.key, calls=200), line("a", OLDER.key, calls=900)]
    assert most(requested(dict(elsewhere), "a"), "calls") == 315
    assert most(requested(dict([*elsewhere, line("a")]), "a"), "calls") == 110
    assert most(requested(dict([line("a"), *elsewhere]), "a"), "calls") == 110
