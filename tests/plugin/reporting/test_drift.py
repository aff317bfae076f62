"""`anchor` and `max_drift`: small steps that no gate sees fail the session, or warn."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from histories import DAY_S
from repositories import commit, git
from scripting import Project

from pytest_perfbudget.core.history.session import HistorySession
from pytest_perfbudget.history.store import append, sessions

TESTS = """
@pytest.mark.perf_budget(p95_ms=100)
def test_it():
    advance({cost})
"""
TABLE = '[tool.perfbudget]\nhistory = "kept.db"\nanchor = "last-tag"\n'
IGNORED = {".gitignore": "*.db*\n__pycache__\n.pytest_cache\nreport.json\n"}


Between = Callable[[HistorySession, HistorySession], list[HistorySession]]


def nothing(_first: HistorySession, _kept: HistorySession) -> list[HistorySession]:
    return []


def at_the_anchor(project: Project, pyproject: str) -> HistorySession:
    """Run the tests at the tag v1.0, and return the session that the history has of it."""
    project.write_tests(TESTS.format(cost=4))
    commit(project.pytester.path, {**IGNORED, "pyproject.toml": pyproject})
    git(project.pytester.path, "tag", "v1.0")
    assert project.run(TESTS.format(cost=4)).ret == 0
    (kept,) = sessions(project.pytester.path / "kept.db", 0)
    return kept


def later(first: HistorySession, at: int, name: str, growth: float, kind: str = "") -> HistorySession:
    """Return a session of a commit, `at` hundredths of a second after the first session."""
    made = replace(first.circumstances, id=f"{at} {name} {kind}", at_s=first.circumstances.at_s + at / 100, commit=name)
    return HistorySession(made, [replace(one, value=one.value * growth) for one in first.points])


def crept(
    project: Project,
    growth: float,
    pyproject: str = TABLE,
    also: str = "",
    between: Between = nothing,
    *,
    last: float = 1.0,
) -> pytest.RunResult:
    """Run the tests at the twelfth commit after the tag, each of which made the code slower.

    Args:
        project: the project.
        growth: the time of each commit / that of the commit before.
        pyproject: the settings.
        also: a test that is written after the steps.
        between: a function that returns further sessions, by that of the anchor and by each of the steps.
        last: the time of the twelfth commit / what the growth makes it.
    """
    first = at_the_anchor(project, pyproject)
    spread = [1.003 if at % 2 else 0.997 for at in range(12)]
    steps = [(commit(project.pytester.path, {"step.txt": f"{at}"}), growth**at * spread[at]) for at in range(1, 12)]
    for at, step in enumerate(steps):
        kept = later(first, at, *step)
        append(project.pytester.path / "kept.db", [kept, *between(first, kept)], 0)
    tests = TESTS.format(cost=4 * growth**12 * last) + also
    project.write_tests(tests)
    commit(project.pytester.path, {})
    return project.run(tests)


def drifts(project: Project) -> list[tuple[str, str, str]]:
    return [
        (one["severity"], one["test"], one["headline"]) for one in project.report["findings"] if one["kind"] == "drift"
    ]


def test_twelve_small_steps_fail_the_session(each_way: Project) -> None:
    result = crept(each_way, 1.01, TABLE + 'max_drift = "5%"\n')
    result.assert_outcomes(passed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines([
        "drift exceeded: test_it.py::test_it: +12.7 % since v1.0 (95 % interval *), above max_drift = 5 %: median 4 ms -> 4.51 ms",
        "health 59 of 100; at most 59, because a number drifted above max_drift",
        "not ready: 1 number drifted above max_drift; *",
        "1 budget of 1 measurement: 1 within",
        "1 number drifted above max_drift, which fails the session and no test. "
        "No single commit: pytest test_it.py::test_it --perf-against v1.0 names what grew",
        "*= 1 passed in *",
    ], consecutive=False)  # fmt: skip
    assert len(sessions(each_way.pytester.path / "kept.db", 0)) == 13


def test_without_a_limit_they_warn(lean: Project) -> None:
    result = crept(lean, 1.01)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "drift warning: test_it.py::test_it: +12.7 % *",
            "No single commit: pytest test_it.py::test_it --perf-against v1.0 *",
        ]
    )
    result.stdout.no_fnmatch_line("*fails the session*")
    ((severity, test, headline),) = drifts(lean)
    assert (severity, test) == ("warning", "test_it.py::test_it")
    assert ", above 5 %: median 4 ms -> 4.51 ms" in headline


def test_steps_that_stay_within_are_quiet(lean: Project) -> None:
    assert crept(lean, 1.002, TABLE + 'max_drift = "5%"\n').ret == 0
    assert drifts(lean) == []


def noisy(project: Project, spread: float, settings: str = 'max_drift = "5%"\n') -> pytest.RunResult:
    """Run unchanged code at a commit after the tag, whose sessions differ by a spread, up and down in turns."""

    def of_anchor(first: HistorySession, kept: HistorySession) -> list[HistorySession]:
        at = int(kept.circumstances.id.partition(" ")[0])
        return [later(first, at, kept.circumstances.commit, 1 + (spread if at % 2 else -spread), "noisy")]

    return crept(project, 1.0, TABLE + settings, between=of_anchor)


def test_a_drift_that_may_be_above_its_limit_is_undecided_and_a_reason(lean: Project) -> None:
    result = noisy(lean, 0.06)
    assert result.ret == 0
    ((severity, _, headline),) = drifts(lean)
    assert severity == "warning"
    begin, _, end = headline.partition(" (95 % interval ")
    assert begin == "undecided: test_it.py::test_it: +0.0 % since v1.0"
    assert "with max_drift = 5 % inside of the interval: " in end
    assert re.search(
        r": \d+ sessions of v1.0( and \d+ of each commit)? would decide for unchanged code \(so far 1", end
    )
    assert "conditional: " in result.stdout.str()
    assert "drift not decided (the line on drift says why)" in result.stdout.str()
    assert lean.run(TESTS.format(cost=4), "--perf-strict").ret == 1


@pytest.mark.parametrize(("spread", "settings"), [(0.006, 'max_drift = "5%"\n'), (0.06, "")])
def test_a_drift_without_a_limit_or_surely_below_it_is_no_reason(lean: Project, spread: float, settings: str) -> None:
    result = noisy(lean, spread, settings)
    assert drifts(lean) == []
    assert "drift not decided" not in result.stdout.str()


@pytest.mark.parametrize("is_of_branch", [False, True])
def test_sessions_of_another_branch_hide_no_drift_and_those_of_the_branch_are_noise(
    lean: Project, *, is_of_branch: bool
) -> None:
    def twice_as_slow(first: HistorySession, kept: HistorySession) -> list[HistorySession]:
        name = kept.circumstances.commit if is_of_branch else "f" * 40
        return [later(first, int(kept.circumstances.id.partition(" ")[0]), name, 2, "slow")]

    result = crept(lean, 1.01, TABLE + 'max_drift = "5%"\n', between=twice_as_slow)
    assert result.ret == (0 if is_of_branch else 1)
    assert [one[0] for one in drifts(lean)] == ["warning" if is_of_branch else "failure"]
    assert drifts(lean)[0][2].startswith("undecided: ") is is_of_branch


@pytest.mark.parametrize(("again", "now"), [("HEAD", "4.68 ms"), ("HEAD~5", "4.51 ms")])
def test_all_sessions_of_the_commit_count_although_an_old_commit_ran_between_them(
    lean: Project, again: str, now: str
) -> None:
    crept(lean, 1.01)
    file = lean.pytester.path / "kept.db"
    first, *_, last = sessions(file, 0)
    at = round(100 * (last.circumstances.at_s - first.circumstances.at_s)) + 1
    append(file, [later(first, at, git(lean.pytester.path, "rev-parse", again), 1.12 * 1.127)], 0)
    append(file, [later(first, at + 1, git(lean.pytester.path, "rev-parse", "HEAD~3"), 1.09)], 0)
    lean.run(TESTS.format(cost=4 * 1.01**12))
    ((_, _, headline),) = drifts(lean)
    assert headline.endswith(f" -> {now}")


def test_the_limit_of_an_entry_wins_over_that_of_the_table(lean: Project) -> None:
    entry = '[tool.perfbudget.budgets]\n"test_it.py::test_it" = { max_drift = "20%", max_regression = "15%" }\n'
    assert crept(lean, 1.01, f'{TABLE}max_drift = "5%"\n{entry}').ret == 0
    assert drifts(lean) == []


def test_a_gate_that_only_warns_fails_nothing(lean: Project) -> None:
    crept(lean, 1.01, TABLE + 'max_drift = "5%"\n')
    assert lean.run(TESTS.format(cost=4.51), "--perf-gate=warn").ret == 0
    assert drifts(lean)[0][0] == "warning"


@pytest.mark.parametrize(
    ("anchor", "problem"),
    [
        (
            "last-tag",
            'anchor = "last-tag": git has no tag at or before this commit: fetch the tags, or name a commit',
        ),
        ("v9", 'anchor = "v9": git does not have this commit here: fetch it, or name another'),
        (
            "HEAD^",
            "nothing to hold against HEAD^: the history has no session yet: pytest --perf-against 'HEAD^' judges it "
            "now, in one session; for each later session, check out HEAD^ and run pytest --perf-history=kept.db: drift is "
            "judged from 8 sessions on; sessions of others: perfbudget history pull",
        ),
    ],
)
def test_an_anchor_that_cannot_be_held_against_is_one_line(lean: Project, anchor: str, problem: str) -> None:
    lean.write_tests(TESTS.format(cost=4))
    commit(lean.pytester.path, {**IGNORED, "pyproject.toml": TABLE.replace("last-tag", anchor)})
    commit(lean.pytester.path, {"other.txt": ""})
    result = lean.run(TESTS.format(cost=4))
    assert result.ret == 0
    assert f"drift: not judged: {problem}" in result.outlines
    assert "drifted" not in result.stdout.str()
    reason = "drift not decided (the line on drift says why)"
    assert reason in result.stdout.str()
    strict = lean.run(TESTS.format(cost=4), "--perf-strict")
    assert strict.ret == 1
    assert reason in strict.stdout.str()
    why = "Drift was not judged, which fails the session and no test because of --perf-strict (or strict = true)."
    assert why in strict.outlines
    assert why not in result.outlines


NEWER = """
@pytest.mark.perf_budget(p95_ms=100)
def test_newer():
    advance(4)
"""


@pytest.mark.parametrize(
    ("at_anchor", "reason", "is_conditional"),
    [
        (None, "test_it.py::test_newer has no session of v1.0 with this machine, Python and dependencies", False),
        (0.0, "test_it.py::test_newer: zero in a session since v1.0, and nothing grows from zero by a share", False),
        (
            4e6,
            "8 sessions of this branch with this machine, Python and dependencies are needed to see how much unchanged "
            "code varies, and there are 2 of test_it.py::test_newer, this one among them (1 of v1.0); "
            "pytest --perf-against v1.0 judges it now, in one session",
            True,
        ),
    ],
    ids=["newer", "zero", "few"],
)
def test_a_number_that_is_not_judged_beside_judged_numbers_is_a_line(
    lean: Project, at_anchor: float | None, reason: str, *, is_conditional: bool
) -> None:
    def newer(first: HistorySession, kept: HistorySession) -> list[HistorySession]:
        at = kept.circumstances.id.partition(" ")[0]
        if at_anchor is None or at != "0":
            return []
        points = [replace(one, test="test_it.py::test_newer", value=at_anchor) for one in first.points]
        return [HistorySession(replace(first.circumstances, id="newer"), points)]

    result = crept(lean, 1.002, TABLE + 'max_drift = "5%"\n', also=NEWER, between=newer)
    assert result.ret == 0
    assert f"drift: not judged: {reason}" in result.outlines
    assert ("drift not decided (" in result.stdout.str()) is is_conditional


@pytest.mark.parametrize("is_comparable", [False, True])
def test_a_number_that_is_newer_than_the_anchor_is_judged_by_one_that_was_timed_in_the_same_way(
    lean: Project, *, is_comparable: bool
) -> None:
    """With a baseline, the weather is read between the rounds, which may make them slower."""
    crept(lean, 1.01, TABLE + 'max_drift = "5%"\n')
    tests = TESTS.format(cost=4 * 1.01**12)
    lean.run(tests, "--perf-update-baseline")
    commit(lean.pytester.path, {})
    with closing(sqlite3.connect(lean.pytester.path / "kept.db")) as connection, connection:
        connection.execute("UPDATE point SET canaries = ?", (is_comparable,))  # as if by --perf-comparable
    result = lean.run(tests)
    *_, kept = sessions(lean.pytester.path / "kept.db", 0)
    assert {one.metric: one.canaries for one in kept.points}["time"] is True
    assert result.ret == is_comparable
    ((severity, _, headline),) = drifts(lean)
    assert severity == ("failure" if is_comparable else "warning")
    if not is_comparable:
        assert headline == (
            "not judged: nothing to hold against v1.0: the sessions of v1.0 timed without readings of the weather, and "
            "this session between readings of the weather (with a baseline): pytest --perf-against v1.0 judges it now, in "
            "one session; for each later session, check out v1.0 and run pytest --perf-comparable --perf-history=kept.db"
        )


def test_a_session_without_the_anchors_baseline_says_how_to_time_as_then(lean: Project) -> None:
    def of_anchor(first: HistorySession, _kept: HistorySession) -> list[HistorySession]:
        at = replace(first.circumstances, id="newer")
        return [
            HistorySession(at, [replace(one, test="test_it.py::test_newer", canaries=True) for one in first.points])
        ]

    result = crept(lean, 1.002, TABLE, also=NEWER, between=of_anchor)
    said = (
        "drift: not judged: the sessions of v1.0 timed test_it.py::test_newer between readings of the weather (with a "
        "baseline), and this session without readings of the weather: run pytest --perf-comparable --perf-history=kept.db"
    )
    assert said in result.outlines


@pytest.mark.parametrize(
    ("changed", "tests", "reason"),
    [
        (
            {"commit": "f" * 40},
            TESTS,
            "the history has no session of v1.0: pytest --perf-against v1.0 judges it now, in one session; for each "
            "later session, check out v1.0 and run pytest --perf-history=kept.db: drift is judged from 8 sessions on; "
            "sessions of others: perfbudget history pull",
        ),
        (
            {"is_dirty": True},
            TESTS,
            "the sessions of v1.0 had uncommitted changes: pytest --perf-against v1.0 judges it now, in one session; "
            "for each later session, check out v1.0 and run pytest --perf-history=kept.db without changes",
        ),
        (
            {"python": "CPython 2.7.18"},
            TESTS,
            "the sessions of v1.0 had another Python (CPython 2.7.18, now *): pytest --perf-against v1.0 judges it now, in one session"
            "; for each later session, name a later anchor, or check out v1.0 and run pytest --perf-history=kept.db again",
        ),
        (
            {"machine": "another", "lock": "0" * 8},
            TESTS,
            "the sessions of v1.0 had another machine (another, now *) and other dependencies (00000000, now *): pytest "
            "--perf-against v1.0 judges it now, in one session; for each later session, name a later anchor",
        ),
        (
            {},
            NEWER,
            "the sessions of v1.0 have none of these measurements, which are newer or were not run there: "
            "name a later anchor, or run them there",
        ),
    ],
    ids=["other commits", "uncommitted", "another Python", "another machine", "newer tests"],
)
def test_nothing_to_hold_against_the_anchor_has_its_reason_and_its_remedy(
    lean: Project, changed: dict[str, Any], tests: str, reason: str
) -> None:
    lean.file("uv.lock", "1")
    first = at_the_anchor(lean, TABLE)
    file = lean.pytester.path / "kept.db"
    file.unlink()
    append(file, [HistorySession(replace(first.circumstances, **changed), first.points)], 0)
    lean.write_tests(tests.format(cost=4))
    commit(lean.pytester.path, {"other.txt": ""})
    result = lean.run(tests.format(cost=4))
    result.stdout.fnmatch_lines([f"drift: not judged: nothing to hold against v1.0: {reason}"])
    assert "drift not decided (the line on drift says why)" in result.stdout.str()


def test_a_session_of_the_anchor_itself_says_that_nothing_is_judged(lean: Project) -> None:
    at_the_anchor(lean, TABLE)
    result = lean.run(TESTS.format(cost=4), "--perf-strict")
    assert result.ret == 0
    line = "drift: not judged: this commit is the anchor, v1.0, with which later commits are compared"
    assert line in result.outlines
    assert "drift not decided (" not in result.stdout.str()
    commit(lean.pytester.path, {"other.txt": ""})
    few = (
        "8 sessions of this branch with this machine, Python and dependencies are needed to see how much unchanged code "
        "varies, and there are 3, this one among them (2 of v1.0); pytest --perf-against v1.0 judges it now, in one session"
    )
    later = lean.run(TESTS.format(cost=4))
    assert f"drift: not judged: {few}" in later.outlines
    assert "drift not decided (" in later.stdout.str()


def test_the_sessions_of_the_anchor_are_kept_for_ever(lean: Project) -> None:
    first = at_the_anchor(lean, f"{TABLE}history_days = 1\n")
    file = lean.pytester.path / "kept.db"
    file.unlink()
    at_s = first.circumstances.at_s
    made = [replace(first.circumstances, id="old", at_s=at_s - 12 * DAY_S)]
    made += [replace(made[0], id=f"{age}", at_s=at_s - age * DAY_S, commit=f"{age:040x}") for age in (11, 3, 2, 1)]
    append(file, [HistorySession(one, first.points) for one in made], 0)
    commit(lean.pytester.path, {"other.txt": ""})
    lean.run(TESTS.format(cost=4))
    assert [one.circumstances.id for one in sessions(file, 0)][:-1] == ["old", "3", "2", "1"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('anchor = "last-tag"\nmax_drift = "5%"', "max_drift needs a history: history = *, or --perf-history"),
        ('anchor = "last-tag"', "anchor needs a history: history = *, or --perf-history"),
        ('history = "kept.db"\nmax_drift = "5%"', 'max_drift needs an anchor, such as anchor = "last-tag" in *'),
    ],
)
def test_drift_that_lacks_its_history_or_anchor_is_a_line_and_fails_when_strict(
    lean: Project, lines: str, problem: str
) -> None:
    result = lean.run(TESTS.format(cost=4), pyproject=f"[tool.perfbudget]\n{lines}\n")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [f"drift: not judged: {problem.replace('[', '[[]')}*", "conditional: *drift not decided*"]
    )
    assert lean.run(TESTS.format(cost=4), "--perf-strict").ret == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("anchor = 5", "anchor must be 'last-tag' or a tag, a branch or a commit of git, found 5"),
        ('anchor = "--all"', "anchor must be 'last-tag' or a tag, a branch or a commit of git, found '--all'"),
        ('max_drift = "much"', "max_drift: *"),
    ],
)
def test_a_wrong_setting_is_one_line(lean: Project, line: str, problem: str) -> None:
    lean.file("pyproject.toml", f"[tool.perfbudget]\n{line}\n")
    lean.run(TESTS.format(cost=4)).stderr.fnmatch_lines([f"ERROR: pyproject.toml [[]tool.perfbudget]: {problem}"])


def test_a_marker_and_a_call_may_have_a_limit(lean: Project) -> None:
    lean.run(
        """
@pytest.mark.perf_budget(p95_ms=100, max_drift="3%")
def test_marker():
    advance(4)

def test_call(perf):
    perf(advance, 4, max_drift="2%")
"""
    ).assert_outcomes(passed=2)
    assert [one["max_drift"] for one in lean.report["measurements"]] == [0.03, 0.02]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("text.db", "this file is of another program: name another file"),
        ("folder.db", "this is a folder: name a file*"),
    ],
)
def test_a_history_that_cannot_be_read_is_one_line(lean: Project, name: str, problem: str) -> None:
    lean.write_tests(TESTS.format(cost=4))
    table = TABLE.replace("last-tag", "HEAD^").replace("kept.db", name)
    commit(lean.pytester.path, {**IGNORED, "pyproject.toml": table})
    commit(lean.pytester.path, {"other.txt": ""})
    Path(lean.pytester.path / "text.db").write_text("text", "utf-8")
    Path(lean.pytester.path / "folder.db").mkdir()
    result = lean.run(TESTS.format(cost=4))
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"drift: not judged: history *{name}: {problem}", "conditional: *drift not decided*"])


def test_with_sessions_enough_for_unchanged_code_a_growth_near_the_limit_needs_more_of_its_commit(
    lean: Project,
) -> None:
    crept(lean, 1.004, TABLE + 'max_drift = "5%"\n')
    ((severity, _, headline),) = drifts(lean)
    assert severity == "warning"
    assert headline.startswith("undecided: test_it.py::test_it: +4.9 % since v1.0 (95 % interval ")
    assert headline.endswith(
        "with max_drift = 5 % inside of the interval: further sessions of this commit would tell; "
        "pytest --perf-against v1.0 judges it now, in one session"
    )


@pytest.mark.parametrize(("growth", "code"), [(1.0, 0), (1.01, 1)])
def test_sessions_of_another_project_of_the_repository_do_not_count(project: Project, growth: float, code: int) -> None:
    def of_another_project(first: HistorySession, kept: HistorySession) -> list[HistorySession]:
        own = kept.circumstances
        other = replace(own, id=f"b {own.id}", folder="service_b")
        return [HistorySession(other, [replace(one, value=one.value * 2) for one in first.points])]

    result = crept(project, growth, TABLE + 'max_drift = "5%"\n', between=of_another_project)
    assert result.ret == code
    assert [severity for severity, test, _ in drifts(project) if test] == ["failure"] * code


def test_a_session_of_the_anchor_in_another_folder_is_told(project: Project) -> None:
    first = at_the_anchor(project, TABLE)
    database = project.pytester.path / "kept.db"
    database.unlink()
    append(database, [replace(first, circumstances=replace(first.circumstances, folder="service_b"))], 0)
    commit(project.pytester.path, {"step.txt": "1"})
    project.run(TESTS.format(cost=4))
    ((_, _, headline),) = drifts(project)
    assert headline.startswith("not judged: ")
    assert headline.endswith(" (1 session of the anchor left out, of another folder of the repository)")


def test_one_slow_session_fails_nothing_until_another_shows_the_same(project: Project) -> None:
    result = crept(project, 1.0, f'{TABLE}max_drift = "10%"\n', last=1.3)
    assert result.ret == 0
    [(severity, test, headline)] = drifts(project)
    assert (severity, test) == ("warning", "")
    assert headline.startswith("undecided: test_it.py::test_it: +30 % since v1.0 (95 % interval ")
    assert headline.endswith(
        ", above max_drift = 10 % by one session alone, which is far from the others: "
        "a further session of this commit decides; pytest --perf-against v1.0 judges it now, in one session"
    )
    assert project.run(TESTS.format(cost=4 * 1.3)).ret == 1
    assert [(severity, test) for severity, test, _ in drifts(project)] == [("failure", "test_it.py::test_it")]
