"""`perfbudget history push` and `pull`: sessions of several jobs meet in git's notes, and none is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from histories import DAY_S, START_S, point, session
from repositories import commit, git

from pytest_perfbudget.cli import main
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.history.notes import NOTES, Keeping, pull, push
from pytest_perfbudget.history.store import append, sessions

TABLE = '[tool.perfbudget]\nhistory = "kept.db"\nhistory_days = 3650\n'


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Return a bare repository with one commit of a project."""
    commit(tmp_path / "first", {"pyproject.toml": TABLE, ".gitignore": "*.db*\n"})
    git(tmp_path, "clone", "-q", "--bare", "first", "origin.git")
    return tmp_path / "origin.git"


def clone(origin: Path, name: str) -> Path:
    git(origin.parent, "clone", "-q", str(origin), name)
    return origin.parent / name


def ids(folder: Path) -> list[str]:
    return [one.circumstances.id for one in pull(folder, "origin")[0]]


def test_eight_jobs_that_push_together_lose_nothing(
    origin: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [clone(origin, f"job{number}") for number in range(8)]
    same = git(jobs[0], "rev-parse", "HEAD")
    made = [session(number, commit=same) for number in range(8)]
    assert push(jobs[0], "origin", [session(100 + number, at_s=number) for number in range(8)]) == 8  # too old
    for job, one in zip(jobs, made, strict=True):
        append(job / "kept.db", [one], 0)
    command = [sys.executable, "-m", "pytest_perfbudget", "history", "push"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    started = [
        subprocess.Popen(command, cwd=job, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for job in jobs
    ]
    said = [one.communicate()[0] for one in started]
    assert said == [f"1 new session pushed to {NOTES} of origin\n"] * 8
    monkeypatch.chdir(jobs[0])
    assert main(["history", "pull"]) == 0
    assert capsys.readouterr().out == f"7 new sessions pulled from {NOTES} of origin\n"
    assert sessions(jobs[0] / "kept.db", 0) == made
    assert len(ids(jobs[0])) == 16
    assert git(jobs[0], "for-each-ref", "refs/perfbudget") == ""


class TestUnion:
    """What is pushed is added to what is there."""

    def test_a_session_counts_once_and_old_sessions_stay(self, origin: Path) -> None:
        job = clone(origin, "job")
        assert push(job, "origin", [session(0), session(1)]) == 2
        assert push(job, "origin", [session(1), session(2, commit=session(1).circumstances.commit)]) == 1
        assert push(job, "origin", [session(2)]) == 0
        assert pull(job, "origin")[0][1] == session(1)
        assert len(ids(job)) == 3

    def test_a_push_removes_what_is_too_old_but_not_the_anchor_nor_what_others_wrote(self, origin: Path) -> None:
        job = clone(origin, "job")
        git(job, "notes", "--ref=perfbudget", "add", "-m", '{"version": 99, "id": "later", "at_s": 0}', "HEAD")
        git(job, "push", "-q", "origin", NOTES)
        made = [session(0), session(1), session(2, commit=session(1).circumstances.commit)]
        assert push(job, "origin", [*made, *(session(at) for at in range(7, 13))]) == 9
        now_s, oldest_s = (session(at).circumstances.at_s for at in (12, 9))
        anchor = session(0).circumstances.commit
        assert push(job, "origin", [], Keeping(now_s, oldest_s)) == 0
        assert len(ids(job)) == 9
        assert push(job, "origin", [session(12, id="a")], Keeping(now_s, oldest_s, anchor)) == 1
        found, unread = pull(job, "origin")
        assert (found[:2], unread) == ([session(0), session(7)], 1)  # three days of sessions more than are shown
        assert push(job, "origin", [session(12, id="b")], Keeping(now_s, oldest_s)) == 1
        assert pull(job, "origin")[0][0] == session(7)
        git(job, "fetch", "-q", "--force", "origin", f"{NOTES}:{NOTES}")
        assert len(git(job, "ls-tree", "-r", NOTES).splitlines()) == 7

    def test_a_clock_that_is_ahead_removes_nothing_of_others(self, origin: Path) -> None:
        job = clone(origin, "job")
        for day in range(6):
            ahead_s = START_S + (365 + day) * DAY_S
            push(job, "origin", [session(day)], Keeping(START_S + day * DAY_S, START_S + (day - 4) * DAY_S))
            ahead = session(100 + day, at_s=ahead_s)
            assert push(job, "origin", [ahead], Keeping(ahead_s, ahead_s - 4 * DAY_S)) == 1
        assert {session(day).circumstances.id for day in range(1, 6)} <= {*ids(job)}

    def test_an_anchor_that_git_does_not_have_removes_nothing(
        self, origin: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = clone(origin, "job")
        head = git(job, "rev-parse", "HEAD")
        now_s = time.time()
        assert push(job, "origin", [session(age, at_s=now_s - age * DAY_S) for age in range(1, 10)]) == 9
        table = '[tool.perfbudget]\nhistory = "kept.db"\nhistory_days = 1\n'
        (job / "pyproject.toml").write_text(f'{table}anchor = "v9"\n', "utf-8")
        monkeypatch.chdir(job)
        append(job / "kept.db", [session(20, at_s=now_s, commit=head)], 0)
        assert main(["history", "push"]) == 0
        assert len(ids(job)) == 10
        (job / "pyproject.toml").write_text(f'{table}anchor = "HEAD"\n', "utf-8")
        append(job / "kept.db", [session(21, at_s=now_s, commit=head)], 0)
        assert main(["history", "push"]) == 0
        assert {int(one, 16) for one in ids(job)} == {1, 2, 3, 20, 21}

    def test_a_session_outside_git_is_left_out(self, origin: Path) -> None:
        job = clone(origin, "job")
        assert push(job, "origin", [session(0, commit="")]) == 0
        assert pull(job, "origin") == ([], 0)

    def test_lines_that_begin_like_a_header_of_git_stay(self, origin: Path) -> None:
        job = clone(origin, "job")
        head = git(job, "rev-parse", "HEAD")
        lines = ["@someone looked at this", "slow", f"@{head}", "@", "since June"]
        git(job, "notes", "--ref=perfbudget", "add", "-m", "\n".join(lines), "HEAD")
        git(job, "push", "-q", "origin", NOTES)
        assert push(job, "origin", [session(0, commit=head)]) == 1
        git(job, "fetch", "-q", "--force", "origin", f"{NOTES}:{NOTES}")
        assert git(job, "notes", "--ref=perfbudget", "show", "HEAD").splitlines()[:-1] == lines
        assert pull(job, "origin") == ([session(0, commit=head)], len(lines))

    def test_a_line_that_is_nested_too_deeply_stops_no_job(self, origin: Path) -> None:
        job = clone(origin, "job")
        git(job, "notes", "--ref=perfbudget", "add", "-m", "[" * 100_000, "HEAD")
        git(job, "push", "-q", "origin", NOTES)
        assert push(job, "origin", [session(0)]) == 1
        assert pull(job, "origin") == ([session(0)], 1)

    @pytest.mark.parametrize(
        ("damage", "left"),
        [({"points": [[1, 2]]}, 0), ({"at_s": None}, 0), ({"version": 99, "points": "of a later version"}, 1)],
        ids=["points", "date", "later"],
    )
    def test_a_damaged_line_keeps_no_session_from_being_pushed(
        self, origin: Path, damage: dict[str, object], left: int
    ) -> None:
        job = clone(origin, "job")
        head = git(job, "rev-parse", "HEAD")
        made = session(0, commit=head)
        git(job, "notes", "--ref=perfbudget", "add", "-m", json.dumps({**made.to_dict(), **damage}), "HEAD")
        git(job, "push", "-q", "origin", NOTES)
        assert push(job, "origin", [made]) == 1 - left
        assert push(job, "origin", [made]) == 0
        assert pull(job, "origin") == ([] if left else [made], left)

    def test_a_session_of_version_1_is_known(self, origin: Path) -> None:
        job = clone(origin, "job")
        made = session(0, commit=git(job, "rev-parse", "HEAD"))
        old = {**made.to_dict(), "version": 1, "points": [row[:-1] for row in made.to_dict()["points"]]}
        git(job, "notes", "--ref=perfbudget", "add", "-m", json.dumps(old), "HEAD")
        git(job, "push", "-q", "origin", NOTES)
        assert push(job, "origin", [made]) == 0
        assert pull(job, "origin") == ([replace(made, points=[point(canaries=False)])], 0)

    def test_notes_that_git_wrote_stay_as_they_are(self, origin: Path) -> None:
        job = clone(origin, "job")
        head = git(job, "rev-parse", "HEAD")
        git(job, "notes", "--ref=perfbudget", "add", "-m", "slow since the new database", "HEAD")
        git(job, "push", "-q", "origin", NOTES)
        assert push(job, "origin", [session(0, [point(test="tests/test_ä.py::test_ß")], commit=head)]) == 1
        git(job, "fetch", "-q", "--force", "origin", f"{NOTES}:{NOTES}")
        assert git(job, "notes", "--ref=perfbudget", "show", "HEAD").startswith("slow since the new database\n{")
        found, unread = pull(job, "origin")
        assert (found[0].points[0].test, unread) == ("tests/test_ä.py::test_ß", 1)


class TestOneLine:
    """What git cannot do is one line."""

    def test_a_remote_that_there_is_not(self, origin: Path) -> None:
        with pytest.raises(
            HistoryError, match=r"^history: the remote 'upstream' cannot be read: git ls-remote: "
        ) as found:
            pull(clone(origin, "job"), "upstream")
        assert "\n" not in str(found.value)

    def test_a_remote_that_refuses(self, origin: Path) -> None:
        hook = origin / "hooks" / "pre-receive"
        hook.write_text("#!/bin/sh\necho no notes here >&2\nexit 1\n", "utf-8")
        hook.chmod(0o755)
        with pytest.raises(
            HistoryError, match=r"^history push: git push: \[remote rejected\] .*hook declined\)$"
        ) as found:
            push(clone(origin, "job"), "origin", [session(0)])
        assert "\n" not in str(found.value)
