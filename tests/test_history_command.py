"""`perfbudget history`: the list, a test, a component, JSON, and names and files that there are not.

`PERFBUDGET_GOLDEN=write pytest tests/test_history_command.py` writes the golden files anew.
"""

from __future__ import annotations

import json
import math
import os
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from histories import history, point, session
from repositories import commit, git
from snippets import snippets

from pytest_perfbudget.cli import main
from pytest_perfbudget.core.history.session import HistoryPoint
from pytest_perfbudget.core.history.trend import Line
from pytest_perfbudget.history.line import line_of
from pytest_perfbudget.history.store import append

GOLDEN = Path(__file__).parent / "report" / "golden"
TABLE = '[tool.perfbudget]\nhistory = "kept.db"\nhistory_days = 3650\n'


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(TABLE, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    return tmp_path


@pytest.fixture
def kept(project: Path) -> Path:
    append(project / "kept.db", history(), 0)
    return project


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["history", *arguments]) == code
    found = capsys.readouterr()
    return found.out if code == 0 else found.err


@pytest.mark.usefixtures("kept")
class TestText:
    """What a user reads, in at most 60 columns."""

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [("list", []), ("test", ["test_login"]), ("trend", ["test_search"]), ("candidate", ["test_query"])],
    )
    def test_the_text_fits_into_60_columns(
        self, capsys: pytest.CaptureFixture[str], name: str, arguments: list[str]
    ) -> None:
        text = said(capsys, *arguments)
        file = GOLDEN / f"history_{name}.txt"
        if os.environ.get("PERFBUDGET_GOLDEN") == "write":
            file.write_text(text, "utf-8")
        assert text == file.read_text("utf-8")
        assert max(map(len, text.splitlines())) <= 60

    def test_an_output_in_ascii_has_digits_for_bars(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pytest_perfbudget.history_command.shows_bars", lambda _: False)
        text = said(capsys, "test_login")
        assert text.isascii()
        assert "  322" in text

    @pytest.mark.parametrize("name", ["db", "tests/test_db.py", "*test_db*"])
    def test_a_component_a_file_and_a_pattern_name_several_tests(
        self, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        text = said(capsys, name)
        assert text.startswith("3 measurements from")
        assert "test_login" not in text

    def test_a_metric_is_shown_that_does_not_stand_for_the_test(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = said(capsys, "test_login", "--metric=p95")
        assert "  p95, 30 sessions" in text
        assert "median, 30" not in text


@pytest.mark.parametrize(
    ("with_time", "metric", "changes"),
    [(range(20, 30), "median", [15]), (range(12), "median", [15]), (range(30), "time", []), (range(1, 30), "time", [])],
    ids=["since_a_baseline", "until_its_end", "always", "nearly"],
)
def test_a_number_stands_for_a_test_only_if_most_sessions_have_it(
    capsys: pytest.CaptureFixture[str], with_time: range, metric: str, changes: list[int]
) -> None:
    def points(day: int) -> list[HistoryPoint]:
        median = point((4e6 if day < 15 else 5e6) * (1.002 if day % 2 else 0.998))
        return [median, point(3e6, metric="time")] if day in with_time else [median]

    append(Path("kept.db"), [session(day, points(day)) for day in range(30)], 0)
    for arguments in (["--json"], ["test_login", "--json"]):
        (trend,) = json.loads(said(capsys, *arguments))["trends"]
        assert (trend["metric"], [one["index"] for one in trend["changes"]]) == (metric, changes)


@pytest.mark.parametrize(
    ("last", "text"), [(4e6 / 37, "? 1/37 of the level before at the last"), (13e6, "? 3.2 times the level before at")]
)
def test_a_last_point_far_off_is_told_beside_the_level_before(
    capsys: pytest.CaptureFixture[str], last: float, text: str
) -> None:
    append(Path("kept.db"), [session(day, [point(last if day == 11 else 4e6)]) for day in range(12)], 0)
    assert text in said(capsys, "test_login")


@pytest.mark.parametrize(
    ("bounds", "line"),
    [
        ({"std_error": 0.0}, "  now 4 ms\n"),
        ({"std_error": None, "lower": 4e6, "upper": 4e6}, "  now 4 ms\n"),
        ({"std_error": 0.01}, "  now 4 ms (95 % interval 3.92 ms .. 4.08 ms)\n"),
        ({"std_error": None, "lower": 3.9e6, "upper": 4.1e6}, "  now 4 ms (95 % interval 3.90 ms .. 4.10 ms)\n"),
        ({"std_error": None, "lower": 6e6, "upper": 9e6}, "  now 4 ms\n"),
        ({"std_error": 0.3}, "  now 4 ms (95 % interval 2.22 ms .. 7.20 ms)\n"),
        ({"std_error": 3.2}, "  now 4 ms (uncertain: other work on the machine, or few rounds)\n"),
    ],
)
def test_an_interval_is_shown_if_it_has_a_width_and_a_meaning(
    capsys: pytest.CaptureFixture[str], bounds: dict[str, float | None], line: str
) -> None:
    append(Path("kept.db"), [session(0, [point(4e6, **bounds)])], 0)
    assert line in said(capsys, "test_login")


@pytest.mark.parametrize(
    ("days", "line"),
    [(1, "1 measurement of 2026-09-21 14:13 UTC, none"), (2, "1 measurement from 2026-09-21 to 2026-09-22, none")],
)
def test_the_list_of_a_single_session_names_its_moment_once(
    capsys: pytest.CaptureFixture[str], days: int, line: str
) -> None:
    append(Path("kept.db"), [session(day) for day in range(days)], 0)
    assert said(capsys).startswith(line)


@pytest.mark.parametrize(
    ("apart_s", "text"),
    [
        (1.0, "  crosses 3 ms about 2026-09-21 14:13 UTC\n"),
        (3600.0, "  crosses 3 ms about 2026-09-22 "),
    ],
)
def test_a_forecast_within_a_minute_is_a_moment_and_within_hours_has_the_time_of_day(
    capsys: pytest.CaptureFixture[str], apart_s: float, text: str
) -> None:
    chosen = random.Random(25)
    values = [2e6 * 1.02**at * math.exp(chosen.gauss(0, 0.001)) for at in range(15)]
    made = [
        session(at, [point(value, limit=3e6)], at_s=1_790_000_000.0 + at * apart_s) for at, value in enumerate(values)
    ]
    append(Path("kept.db"), made, 0)
    shown = said(capsys, "test_login")
    assert text in shown
    assert ("    between 2026-09-22 " in shown) is (apart_s > 60)


@pytest.mark.usefixtures("kept")
def test_json_has_the_points_the_changes_and_the_markers(capsys: pytest.CaptureFixture[str]) -> None:
    trends = json.loads(said(capsys, "--json"))["trends"]
    found = {one["test"].partition("::")[2]: one for one in trends}
    login = found["test_login"]
    assert (login["state"], [one["index"] for one in login["changes"]]) == ("worse", [18])
    assert login["markers"] == [{"index": 5, "changed": {"Python": ["CPython 3.11.7", "CPython 3.11.8"]}}]
    assert len(login["points"]) == 30
    early, middle, late = found["test_search[large]"]["crosses_at_s"]
    assert early < middle < late
    assert found["test_logout"]["crosses_at_s"] is None


class TestDrift:
    """The growth since the anchor, by the limits of the table."""

    @pytest.fixture
    def crept(self, project: Path) -> Path:
        first = commit(project, {"pyproject.toml": f'{TABLE}anchor = "last-tag"\nmax_drift = "5%"\n'})
        git(project, "tag", "v1.0")
        commits = [first, *(commit(project, {"code.py": f"{day}\n"}) for day in range(1, 13))]
        made = [session(day, one.points, commit=commits[day]) for day, one in enumerate(history(13))]
        append(project / "kept.db", made, 0)
        return project

    @pytest.mark.usefixtures("crept")
    def test_the_growth_stands_in_the_list_and_with_the_test(self, capsys: pytest.CaptureFixture[str]) -> None:
        shown = said(capsys, "test_search")
        assert "  +13.0 % since v1.0 (95 % interval +" in shown
        assert "      above max_drift = 5 %\n" in shown
        assert max(map(len, shown.splitlines())) <= 60
        listed = said(capsys)
        assert "Getting worse bit by bit\n  tests/test_api.py::test_search[large]\n" in listed
        assert ", +13.0 % since v1.0\n" in listed
        assert "v1.0" not in listed.partition("No change found")[2]

    @pytest.mark.usefixtures("crept")
    def test_json_has_the_drift(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = {one["test"]: one["drift"] for one in json.loads(said(capsys, "--json"))["trends"]}
        assert found["tests/test_api.py::test_search[large]"]["verdict"] == "exceeded"
        assert found["tests/test_api.py::test_logout"]["verdict"] == "within"
        assert found["tests/test_db.py::test_new"] is None

    def test_the_growth_of_another_number_than_that_of_the_chart_has_its_name(
        self, capsys: pytest.CaptureFixture[str], project: Path
    ) -> None:
        """The session judges the time against the baseline, which the sessions before the anchor do not have."""
        commits = [commit(project, {"code.py": f"{day}\n"}) for day in range(16)]
        git(project, "tag", "v1.0", commits[6])
        (project / "pyproject.toml").write_text(f'{TABLE}anchor = "last-tag"\nmax_drift = "5%"\n', "utf-8")
        chosen = random.Random(3)
        for day, name in enumerate(commits):
            value = 4e6 * 1.02 ** max(day - 6, 0) * math.exp(chosen.gauss(0, 0.003))
            also = [point(0.9 * value, metric="time")] if day >= 6 else []
            append(project / "kept.db", [session(day, [point(value), *also], commit=name)], 0)
        shown = said(capsys, "test_login")
        assert "  median, 16 sessions" in shown
        assert "\n  time +1" in shown
        assert "      above max_drift = 5 %\n" in shown
        assert " time +1" in said(capsys)
        (trend,) = json.loads(said(capsys, "--json"))["trends"]
        assert (trend["metric"], trend["drift"]["metric"], trend["drift"]["verdict"]) == ("median", "time", "exceeded")
        beside = said(capsys, "test_login", "--metric=median")  # which no session judges
        assert "max_drift" not in beside
        assert "\n  +1" in beside

    def test_an_anchor_that_git_does_not_have_is_a_line_above_the_list(
        self, capsys: pytest.CaptureFixture[str], crept: Path
    ) -> None:
        (crept / "pyproject.toml").write_text(f'{TABLE}anchor = "v9"\n', "utf-8")
        assert main(["history"]) == 0
        shown = capsys.readouterr()
        assert shown.err == 'perfbudget: anchor = "v9": git does not have this commit here: fetch it, or name another\n'
        assert "since v1.0" not in shown.out


def append_sessions(project: Path, made: Iterable[tuple[str, str, float]]) -> None:
    """Append a session for each commit, branch and number, with noise of 1 %."""
    chosen = random.Random(25)
    found = [
        session(day, [point(value * math.exp(chosen.gauss(0, 0.01)))], commit=name, branch=branch)
        for day, (name, branch, value) in enumerate(made)
    ]
    append(project / "kept.db", found, 0)


class TestBranches:
    """The sessions of the present line of commits, without those of other branches."""

    @pytest.fixture
    def branched(self, project: Path) -> Path:
        """Return a project whose branch was 30 % slower for six sessions and was merged, after which main is as before."""
        git(project, "init", "-q", "-b", "main")
        main = [commit(project, {"code.py": f"{day}\n", ".gitignore": "kept.db\n"}) for day in range(8)]
        git(project, "switch", "-qc", "slow")
        slow = [commit(project, {"slow.py": f"{day}\n"}) for day in range(6)]
        git(project, "switch", "-q", "main")
        git(project, "merge", "-q", "--no-ff", "slow", "-m", "merge")
        main_again = [
            git(project, "rev-parse", "HEAD"),
            *(commit(project, {"code.py": f"_{day}\n"}) for day in range(7)),
        ]
        made = [*((one, "main", 4e6) for one in main), *((one, "slow", 5.2e6) for one in slow)]
        append_sessions(project, [*made, *((one, "main", 4e6) for one in main_again)])
        return project

    @pytest.mark.usefixtures("branched")
    def test_a_slow_branch_is_no_change_of_main(self, capsys: pytest.CaptureFixture[str]) -> None:
        shown = said(capsys, "test_login")
        assert "  median, 16 sessions" in shown
        assert "^" not in shown
        assert shown.endswith("\n6 sessions of other branches left out; --all-branches shows them\n")
        assert "No change found\n" in said(capsys)

    @pytest.mark.usefixtures("branched")
    def test_with_all_branches_it_is_a_change_and_back(self, capsys: pytest.CaptureFixture[str]) -> None:
        (trend,) = json.loads(said(capsys, "--json", "--all-branches"))["trends"]
        assert [one["index"] for one in trend["changes"]] == [8, 14]

    def test_on_the_branch_it_is_a_change_since_main(self, capsys: pytest.CaptureFixture[str], branched: Path) -> None:
        git(branched, "switch", "-q", "slow")
        found = json.loads(said(capsys, "--json"))
        assert found["of_other_branches"] == 8
        (trend,) = found["trends"]
        assert (trend["state"], [one["index"] for one in trend["changes"]]) == ("worse", [8])

    def test_a_shallow_clone_leaves_nothing_out(self, branched: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        clone = tmp_path_factory.mktemp("clone") / "shallow"
        git(branched, "clone", "-q", "--depth=1", branched.as_uri(), str(clone))
        assert line_of(clone) == Line(is_shallow=True)
        assert len(line_of(branched).commits) == 16

    @pytest.mark.parametrize(("arguments", "is_told"), [((), True), (("--all-branches",), False)])
    def test_a_shallow_clone_says_so(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        branched: Path,
        tmp_path_factory: pytest.TempPathFactory,
        arguments: tuple[str, ...],
        *,
        is_told: bool,
    ) -> None:
        clone = tmp_path_factory.mktemp("clone") / "shallow"
        git(branched, "clone", "-q", "--depth=1", branched.as_uri(), str(clone))
        monkeypatch.chdir(clone)
        said_last = said(capsys, f"--file={branched / 'kept.db'}", *arguments).splitlines()[-1]
        told = "this clone is shallow: sessions of other branches are among these (git fetch --unshallow)"
        assert (said_last == told) is is_told


class TestSubject:
    """The commit of a change has its subject, if git has the commit and the session ran its code."""

    @pytest.mark.parametrize(
        ("changed", "shown"),
        [
            ({}, True),
            ({"is_dirty": True}, False),
            ({"commit": "0" * 40}, False),
        ],
        ids=["known", "dirty", "unknown"],
    )
    def test_the_subject_stands_below_the_hash(
        self, capsys: pytest.CaptureFixture[str], project: Path, changed: dict[str, object], *, shown: bool
    ) -> None:
        slow = commit(project, {"code.py": ""}, "Search the list for each word, again and again, until it is found")
        made = [session(day, [point(4e6)]) for day in range(6)]
        made += [session(day, [point(6e6)], **{"commit": slow, **changed}) for day in range(6, 12)]
        append(project / "kept.db", made, 0)
        text = said(capsys, "test_login", "--all-branches")
        assert ("\n      Search the list for each word, again and again, until…\n" in text) is shown
        assert text.count("Search") == shown


class TestOldCommit:
    """A checkout of an old commit that runs again: its session is of the old code, not of the present."""

    @pytest.fixture
    def commits(self, project: Path) -> list[str]:
        return [commit(project, {"code.py": f"{day}\n", ".gitignore": "kept.db\n"}) for day in range(13)]

    def test_the_session_moves_back_to_its_commit(
        self, capsys: pytest.CaptureFixture[str], project: Path, commits: list[str]
    ) -> None:
        ran = [(one, "main", 4e6 if at < 6 else 6e6) for at, one in enumerate(commits)]
        append_sessions(project, [*ran, (commits[0], "main", 4e6)])
        shown = said(capsys, "test_login")
        assert "  ▁▁▁▁▁▁▁███████\n         ^\n  now 6" in shown
        assert "?" not in shown

    def test_a_last_commit_far_off_is_a_candidate(
        self, capsys: pytest.CaptureFixture[str], project: Path, commits: list[str]
    ) -> None:
        append_sessions(project, [(one, "main", 4e6 if at < 12 else 6e6) for at, one in enumerate(commits)])
        assert "at the last point" in said(capsys, "test_login")


class TestPull:
    """The sessions of main stay after a `git pull` that made a merge, by whichever parent the merge has them."""

    @pytest.fixture
    def pulled(self, project: Path) -> Path:
        """Return a clone with a commit of its own, which has pulled eight commits, the last of which merge a branch."""
        kept = {"pyproject.toml": TABLE, ".gitignore": "kept.db\nclone\n"}
        first = commit(project, kept)
        git(project, "branch", "-qM", "main")
        git(project, "clone", "-q", ".", "clone")
        theirs = [commit(project, {"code.py": f"{day}\n"}) for day in range(5)]
        git(project, "switch", "-qc", "slow")
        slow = [commit(project, {"slow.py": f"{day}\n"}) for day in range(3)]
        git(project, "switch", "-q", "main")
        git(project, "merge", "-q", "--no-ff", "slow")
        theirs += [git(project, "rev-parse", "HEAD"), commit(project, {"code.py": "6\n"})]
        clone = project / "clone"
        mine = commit(clone, {"other.py": ""})
        git(clone, "pull", "-q", "--no-rebase", "--no-edit")
        merge = git(clone, "rev-parse", "HEAD")
        names = [first, *theirs[:5], *slow, *theirs[5:], mine, merge]
        made = [(one, "slow", 5.2e6) if one in slow else (one, "main", 4e6) for one in names]
        append_sessions(clone, made)
        return clone

    @pytest.mark.parametrize("head", ["main", "feature", "--detach"])
    def test_only_the_sessions_of_the_merged_branch_are_left_out(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pulled: Path, head: str
    ) -> None:
        monkeypatch.chdir(pulled)
        git(pulled, "switch", "-q", *(["--create", head] if head == "feature" else [head]))
        found = json.loads(said(capsys, "--json"))
        (trend,) = found["trends"]
        assert (len(trend["points"]), found["of_other_branches"], trend["changes"]) == (10, 3, [])

    def test_a_merge_in_other_words_is_known_by_the_branch_of_the_sessions(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pulled: Path
    ) -> None:
        monkeypatch.chdir(pulled)
        git(pulled, "commit", "-q", "--amend", "-m", "the work of today")
        found = json.loads(said(capsys, "--json"))
        assert (len(found["trends"][0]["points"]), found["of_other_branches"]) == (9, 4)  # the old merge is no ancestor


@pytest.mark.usefixtures("kept")
def test_the_query_of_the_guide_answers() -> None:
    (query,) = snippets("sql")
    append(Path("kept.db"), [session(40, [point(verdict="exceeded", limit=3e6)])], 0)
    with closing(sqlite3.connect("kept.db")) as opened:
        medians = opened.execute(query.text).fetchall()
    assert len(medians) == 31
    assert medians[-1][2] == 4.0


class TestOneLine:
    """What cannot be shown is one line with what to do."""

    @pytest.mark.usefixtures("kept")
    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (["test_logn"], "no test or component 'test_logn': did you mean 'tests/test_api.py::test_login' or "),
            (["db.raed"], "no test or component 'db.raed': did you mean 'db.read'"),
            (["zzz"], "no test or component 'zzz'\n"),
            (["test_login", "--metric=p99"], "no 'p99' here: use median, p95\n"),
            (
                ["--file=other.db"],
                "history other.db: there is no such file here: pytest --perf-history=other.db begins one, and "
                "perfbudget history pull --file=other.db fetches the sessions of other clones",
            ),
            (["--file=."], "history .: this is a folder: name a file in it\n"),
            (["--file=empty.db"], "the file is empty: pytest --perf-history=empty.db writes a session to it\n"),
            (["pull", "--remote=nowhere"], "git ls-remote: 'nowhere' does not appear to be a git repository; --remote"),
            (["--file=pyproject.toml"], "this file is of another program: name another file"),
        ],
    )
    def test_a_name_or_a_file_that_there_is_not(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
    ) -> None:
        Path("empty.db").touch()
        problem = said(capsys, *arguments, code=2)
        assert line in problem
        assert problem.count("\n") == 1

    def test_a_future_schema(self, capsys: pytest.CaptureFixture[str], kept: Path) -> None:
        with closing(sqlite3.connect(kept / "kept.db")) as later:
            later.execute("PRAGMA user_version = 99")
        assert "its schema 99 is of a later pytest-perfbudget: upgrade" in said(capsys, code=2)

    def test_a_clone_without_the_history_of_its_project(self, capsys: pytest.CaptureFixture[str]) -> None:
        line = (
            "kept.db: there is no such file here: pytest begins one, and perfbudget history pull fetches the sessions"
        )
        assert line in said(capsys, code=2)
        assert line in said(capsys, "push", code=2)

    def test_a_project_without_a_history(self, capsys: pytest.CaptureFixture[str], project: Path) -> None:
        (project / "pyproject.toml").write_text("", "utf-8")
        assert 'no history: set history = ".perfbudget/history.db"' in said(capsys, code=2)

    def test_a_history_whose_sessions_are_all_too_old(self, capsys: pytest.CaptureFixture[str], project: Path) -> None:
        append(project / "kept.db", [session(at_s=1e9, points=[point()])], 0)
        assert "no session of the last 3650 days has a number" in said(capsys, code=2)


@pytest.mark.parametrize("own", ["", "service_a"], ids=["beside another project", "seen from another folder"])
def test_sessions_of_another_project_of_the_repository_are_left_out(
    project: Path, capsys: pytest.CaptureFixture[str], own: str
) -> None:
    for at in range(12):
        append(project / "kept.db", [session(at, [point(4e6)], id=f"a{at}", folder=own)], 0)
        append(project / "kept.db", [session(at, [point(9e6)], id=f"b{at}", folder="service_b")], 0)
    shown = json.loads(said(capsys, "test_login", "--json"))
    (trend,) = shown["trends"]
    values = {one["value"] for one in trend["points"]}
    assert shown["of_other_folders"] == (12 if own == "" else 0)
    told = "12 sessions of other folders of the repository left out\n"
    assert values == ({4e6} if own == "" else {4e6, 9e6})
    assert said(capsys, "test_login").endswith(told) is (own == "")
