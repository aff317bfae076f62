"""`perfbudget bisect` on scripted duets: its text, its JSON, its exit codes, and the refusal of bad input."""

from __future__ import annotations

import json
import re

import pytest
from repositories import commit, git
from scripted_duets import TEST, ScriptedDuets, estimate, session

from pytest_perfbudget.bisection.duet import Duet, Session
from pytest_perfbudget.cli import main
from pytest_perfbudget.core.bisection_result import BisectionResult, Commit
from pytest_perfbudget.report.bisection import result_lines

ASKED = "tests/test_api.py::test_login"


def bisect(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run the command, and return its output; of a command that fails, the error."""
    assert main(["bisect", ASKED, *(arguments or ("--good=good",))]) == code
    shown = capsys.readouterr()
    return shown.err if code == 2 else shown.out


def without_hashes(text: str) -> list[str]:
    return [re.sub(r"\d{4}-\d\d-\d\d", "DATE", re.sub(r"\b[0-9a-f]{9}\b", "HASH", line)) for line in text.splitlines()]


class TestFound:
    """The first slow commit is known."""

    def test_each_duet_is_a_line_and_the_last_lines_name_the_commit(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert without_hashes(bisect(capsys)) == [
            "tests/test_api.py::test_login: 8 commits after HASH, up to HASH",
            "how much slower HASH is than each commit (95 % interval); a fast commit precedes the slowdown",
            " 1  HASH  +10.0 % (+8.9 % .. +11.1 %)    fast       Begin",
            " 2  HASH  +10.0 % (+8.9 % .. +11.1 %)    fast       Change 4",
            " 3  HASH   +0.0 % (-1.0 % .. +1.0 %)     slow       Change 6",
            " 4  HASH   +0.0 % (-1.0 % .. +1.0 %)     slow       Change 5",
            "HASH is the first slow commit (99 % sure)",
            "  DATE  Change 5",
            "  10.0 % slower than the commit before (95 % interval +8.5 % .. +11.6 %); 4 duets",
            "  slower functions: shop.api:login",
            "  changed files: src/shop/api.py, note_5.txt",
        ]
        assert duets.asked == [0, 4, 6, 5]

    def test_a_skipped_commit_is_a_line_with_the_reason(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        duets.broken = {2: "the test fails in the process of x: ImportError: no shop"}
        duets.slow = 7
        git(duets.folder, "branch", "main-2", duets.commits[4])
        shown = bisect(capsys, "--good=good", "--bad=HEAD")
        assert "Change 7" in shown.partition("first slow commit")[2]
        duets.slow, duets.asked = 4, []
        duets.broken = {3: "", 4: "ImportError: no shop"}
        shown = bisect(capsys, code=1)
        assert f" -  {duets.commits[4][:9]}  skipped: ImportError: no shop  (Change 4)" in shown.splitlines()

    def test_the_result_is_the_only_output_with_json(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = json.loads(bisect(capsys, "--good=good", "--json"))
        assert found["schema"] == "perfbudget-bisection/1"
        assert (found["test"], found["name"], found["found"], found["duets"]) == (ASKED, "", True, 4)
        assert [one["commit"] for one in found["candidates"]] == [duets.commits[5]]
        assert found["slowdown"]["ratio"] == pytest.approx(1.1)
        assert found["slowdown"]["lower"] < 1.1 < found["slowdown"]["upper"]
        assert found["files"] == ["note_5.txt", "src/shop/api.py"]
        assert found["slower_functions"][0]["function"] == "shop.api:login"
        assert [(one["subject"], one["level"]) for one in found["steps"]] == [
            ("Begin", "fast"),
            ("Change 4", "fast"),
            ("Change 6", "slow"),
            ("Change 5", "slow"),
        ]

    @pytest.mark.parametrize("slow", range(1, 9))
    def test_each_commit_can_be_the_first_slow_commit(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str], slow: int
    ) -> None:
        duets.slow = slow
        assert f"{duets.commits[slow][:9]} is the first slow commit" in bisect(capsys)

    def test_bad_may_be_another_commit_than_head(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        duets.slow = 3
        shown = bisect(capsys, "--good=good", "--bad=HEAD~2")
        assert f"6 commits after {duets.commits[0][:9]}, up to {duets.commits[6][:9]}" in shown
        assert f"{duets.commits[3][:9]} is the first slow commit" in shown

    def test_a_merge_comes_with_the_command_for_its_branch(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        git(duets.folder, "switch", "-q", "-c", "branch", "HEAD~1")
        other = commit(duets.folder, {"other.py": ""}, "On the branch")
        git(duets.folder, "switch", "-q", "main")
        git(duets.folder, "merge", "-q", "--no-ff", "-m", "Merge the branch", "branch")
        duets.commits.append(git(duets.folder, "rev-parse", "HEAD"))
        duets.slow = 9
        shown = bisect(capsys)
        assert "  changed files: other.py\n" in shown
        command = f"perfbudget bisect {ASKED} --good {duets.commits[7][:9]} --bad {other[:9]}"
        assert f"  a merge; to search the merged branch: {command}\n" in shown

    def test_the_working_tree_is_neither_touched_nor_read(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        changed = duets.folder / "src" / "shop" / "api.py"
        changed.write_text("a change that is not committed", "utf-8")
        before = git(duets.folder, "status", "--porcelain", "--ignored")
        bisect(capsys)
        assert changed.read_text("utf-8") == "a change that is not committed"
        assert git(duets.folder, "status", "--porcelain", "--ignored") == before
        assert git(duets.folder, "worktree", "list").count("\n") == 0
        assert not any(tree.exists() for tree in duets.trees)
        assert all(tree != duets.folder for tree in duets.trees)


class TestRange:
    """Commits that cannot be measured leave a range, with exit code 1."""

    def test_the_range_has_a_line_for_each_commit(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        duets.broken = {4: "ImportError: no shop", 5: "ImportError: no shop"}
        shown = without_hashes(bisect(capsys, code=1))
        at = shown.index("the first slow commit is one of these 3 (99 % sure):")
        assert shown[at + 1 :] == [
            "  HASH  DATE  Change 4  (skipped: ImportError: no shop)",
            "  HASH  DATE  Change 5  (skipped: ImportError: no shop)",
            "  HASH  DATE  Change 6",
            "  10.0 % slower than the commit before them (95 % interval +8.5 % .. +11.6 %); 3 duets, 2 commits skipped",
            "  slower functions: shop.api:login",
            "  changed files: src/shop/api.py, note_4.txt, note_5.txt, note_6.txt",
        ]

    def test_a_range_beside_commits_that_run_has_the_same_commits_without_them(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The twin: the broken commits are not beside the slowdown."""
        duets.broken = {2: "ImportError: no shop", 7: "ImportError: no shop"}
        assert f"{duets.commits[5][:9]} is the first slow commit" in bisect(capsys)

    def test_the_search_stops_after_so_many_duets(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shown = bisect(capsys, "--good=good", "--max-duets=2", code=1)
        assert duets.asked == [0, 4]
        assert "one of these 4 (99 % sure):" in shown
        assert "  stopped after 2 duets: --max-duets allows more\n" in shown

    def test_an_interrupted_search_says_its_range_so_far(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def answer(at: int) -> Session:
            if len(duets.asked) == 3:
                raise KeyboardInterrupt
            return session(duets.duet(at))

        duets.answer = answer
        assert main(["bisect", ASKED, "--good=good"]) == 130
        output, errors = capsys.readouterr()
        first, last = duets.commits[5][:9], duets.commits[8][:9]
        assert output.endswith(f"so far: the first slow commit is one of 4, {first} to {last} (99 % sure)\n")
        assert errors == "perfbudget: interrupted\n"

    def test_two_slowdowns_are_a_range_that_says_so(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Commits 3 to 5 have half of the slowdown."""
        duets.answer = lambda at: session(Duet(estimate(0.1 if at < 3 else 0.049 if at < 6 else 0.0)))
        shown = without_hashes(bisect(capsys, code=1))
        assert "the first slow commit is one of these 4 (99 % sure):" in shown
        assert shown[-2].startswith("  several slowdowns are likely: commits among these are neither as fast")
        assert " undecided  Change 4" in "\n".join(shown)

    def test_of_a_long_range_the_first_commits_and_the_last_are_shown(self) -> None:
        commits = [Commit(f"{at:040}", f"{at:09}", "2026-01-01", f"Change {at}") for at in range(30)]
        found = BisectionResult("test_api.py::test_login", "", commits[0], commits[-1], [], commits[1:], None)
        lines = list(result_lines(found))
        assert lines[20:22] == ["  000000020  2026-01-01  Change 20", "  and 9 more, up to 000000029"]


class TestRefused:
    """The first duet compares bad with good: what is wrong is said before any other."""

    def test_bad_that_is_not_slower(self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]) -> None:
        duets.by = 0.0
        assert main(["bisect", ASKED, "--good=good"]) == 2
        shown = capsys.readouterr()
        assert without_hashes(shown.out)[2:] == [" 1  HASH   +0.0 % (-1.0 % .. +1.0 %)     slow       Begin"]
        (line,) = shown.err.splitlines()
        assert line == (
            f"perfbudget: bad HEAD ({duets.commits[8][:9]}) is not slower than good good ({duets.commits[0][:9]}): "
            "+0.0 % (95 % interval -1.0 % .. +1.0 %) in 1 duet. "
            "Name a good commit before the slowdown, and a bad commit with it"
        )
        assert duets.asked == [0]

    def test_bad_of_which_duets_do_not_tell(self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]) -> None:
        duets.answer = lambda _: session(Duet(estimate(0.01, error=0.02)))
        assert main(["bisect", ASKED, "--good=good"]) == 2
        shown = capsys.readouterr()
        assert f"bad HEAD ({duets.commits[8][:9]}) is not shown to be slower than good good" in shown.err
        assert "+1.0 % (95 % interval -1.3 % .. +3.4 %) in 3 duets" in shown.err
        rows = shown.out.splitlines()[2:]
        assert [(row[:2], row.split()[-2]) for row in rows] == [(f" {at}", "undecided") for at in (1, 2, 3)]
        assert duets.asked == [0, 0, 0]

    @pytest.mark.parametrize("looked_slower", [False, True])
    def test_with_json_the_duets_that_show_no_slowdown_are_a_result(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str], *, looked_slower: bool
    ) -> None:
        duets.slow = 0
        first = [session(Duet(estimate(0.05, error=0.02)))] if looked_slower else []
        duets.answer = lambda at: first.pop() if first else session(duets.duet(at))
        assert main(["bisect", ASKED, "--good=good", "--json"]) == 2
        shown = capsys.readouterr()
        found = json.loads(shown.out)
        assert (found["found"], found["candidates"], found["stopped"]) == (False, [], False)
        assert found["duets"] == len(found["steps"]) == len(duets.asked)
        assert shown.err.splitlines()[-1] == f"perfbudget: {found['problem']}"
        assert found["problem"].startswith("good good" if looked_slower else "bad HEAD")
        assert found["slowdown"]["lower"] < 1.02

    def test_good_that_turns_out_slow(self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]) -> None:
        """The first duet had a process that was off."""
        duets.slow = 0
        first = [session(Duet(estimate(0.05, error=0.02)))]
        duets.answer = lambda at: first.pop() if first else session(duets.duet(at))
        assert "looked faster than bad HEAD" in bisect(capsys, code=2)

    def test_a_test_that_good_does_not_have(self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]) -> None:
        duets.answer = lambda _: session(Duet(None, "new", is_new=True))
        line = bisect(capsys, code=2)
        assert f"good good ({duets.commits[0][:9]}) does not have {TEST}: name a later good commit, or let" in line

    def test_a_test_that_fails_at_good(self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str]) -> None:
        duets.broken = {0: "the test fails in the process of good: assert 1 == 2"}
        assert "cannot be compared with bad HEAD" in (line := bisect(capsys, code=2))
        assert line.endswith(": the test fails in the process of good: assert 1 == 2\n")

    @pytest.mark.parametrize(
        ("problem", "end"),
        [
            ("not found: tests/test_api.py::test_login", "not found: tests/test_api.py::test_login\n"),
            ("No module named 'shop._built'", "let setup of [tool.perfbudget.duet] make them\n"),
        ],
    )
    def test_a_test_that_cannot_be_measured_at_bad(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str], problem: str, end: str
    ) -> None:
        duets.answer = lambda _: Session({}, "", problem)
        line = bisect(capsys, code=2)
        assert f"bad HEAD ({duets.commits[8][:9]}) has no measurement of {ASKED}: {problem}" in line
        assert line.endswith(end)

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (("--good=v9",), "'v9' is no commit of this repository: fetch it, or correct the name"),
            (("--good=good", "--bad=v9"), "'v9' is no commit of this repository: fetch it, or correct the name"),
            (("--good=HEAD",), "good HEAD and bad HEAD are the same commit "),
            (("--good=HEAD", "--bad=good"), "bad is an ancestor of good; exchange the two to search for a slowdown"),
        ],
    )
    def test_names_that_are_no_two_commits_in_a_row(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], line: str
    ) -> None:
        problem = bisect(capsys, *arguments, code=2)
        assert line in problem
        assert problem.count("\n") == 1
        assert duets.asked == []

    def test_a_folder_that_bad_does_not_have(
        self, duets: ScriptedDuets, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (duets.folder / "new").mkdir()
        monkeypatch.chdir(duets.folder / "new")
        assert "does not have the folder new\n" in bisect(capsys, code=2)


class TestSeveralMeasurements:
    """A test that makes several measurements is searched for one of them."""

    @pytest.fixture
    def several(self, duets: ScriptedDuets) -> ScriptedDuets:
        def answer(at: int) -> Session:
            return session(Duet(estimate(0.0)), parse=duets.duet(at), render=Duet(estimate(0.02)))

        duets.answer = answer
        return duets

    def test_the_measurement_that_is_most_surely_slower_is_taken(
        self, several: ScriptedDuets, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shown = bisect(capsys)
        assert shown.startswith(f"{ASKED} parse: 8 commits")
        assert f"{several.commits[5][:9]} is the first slow commit" in shown

    @pytest.mark.usefixtures("several")
    def test_a_name_chooses_another(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "is not slower than" in bisect(capsys, "--good=good", "--name=", code=2)

    @pytest.mark.usefixtures("several")
    def test_an_unknown_name_lists_the_known(self, capsys: pytest.CaptureFixture[str]) -> None:
        line = bisect(capsys, "--good=good", "--name=prase", code=2)
        assert line == "perfbudget: --name: the test has no measurement 'prase', but '', 'parse', 'render'\n"
