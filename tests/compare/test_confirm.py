"""`confirm = "duet"`: what looks slower than the baseline is held against the commit that it was made at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from baselines import baseline_file, lines
from programs import shop
from repositories import Repository
from scripting import Project, times

from pytest_perfbudget.baseline.call_profiles import calls_file
from pytest_perfbudget.compare import versions
from pytest_perfbudget.measure.affinity import cpus

TESTS = """
import shop

def test_call(perf):
    perf(shop.work, name="step")
"""
CONFIRM = '[tool.perfbudget]\nbaseline_runs = 2\nconfirm = "{}"\n'
NOTING = """advance(1.1)
if FRESH:
    with open(os.environ["NOTES"], "a") as file:
        print(len(os.sched_getaffinity(0)), file=file)
"""
_MADE: list[Path] = []


@pytest.fixture
def confirming(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository with a baseline that was made at its last commit; made once, and copied."""
    folder = repository.pytester.path
    if _MADE:
        shutil.copytree(_MADE[0], folder, dirs_exist_ok=True)
        return repository
    repository.commit({"pyproject.toml": CONFIRM.format("duet")}, tests=TESTS)
    repository.run(TESTS, "--perf-update-baseline").assert_outcomes(passed=1)
    _MADE.append(shutil.copytree(folder, tmp_path_factory.mktemp("confirming") / "copy"))
    return repository


SLOWER = [
    "step: 10.0 % slower than the baseline (95 % *",
    "  1.10 ms, base 1 ms (commit *); [34] fresh pairs of processes",
]


def test_code_that_pairs_confirm_to_be_slower_fails(confirming: Repository) -> None:
    confirming.file("shop.py", shop(1.1))
    result = confirming.run(TESTS, pyproject=CONFIRM.format("duet"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(SLOWER)
    (slow,) = (one for one in confirming.report["measurements"] if one["id"].endswith(" step"))
    assert slow["call_graphs"]["base"]["functions"]  # a report shows the calls and the rounds of both sides
    assert slow["side_times"]["base_rounds"] == slow["side_times"]["head_rounds"]


@pytest.fixture
def versioned(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The versions of what is installed; the modules of these tests, which lie elsewhere, do not count."""
    found = {"numpy": "2.1"}
    monkeypatch.setattr(versions, "code_without_version", lambda *_: "")
    monkeypatch.setattr(versions, "installed_versions", lambda _: found)
    monkeypatch.setattr(versions, "used_distributions", lambda _: found)
    monkeypatch.setattr(versions, "may_be_used", lambda _, names: [*names])
    return found


def let_baseline_be_of(project: Project, **installed: str) -> None:
    file = calls_file(baseline_file(project))
    document = json.loads(file.read_text("utf-8"))
    document["installed"] = dict.fromkeys(document["installed"], installed)
    file.write_text(json.dumps(document), "utf-8")


AUTO = CONFIRM.format("auto")


def test_pairs_confirm_where_only_the_code_of_the_repository_can_have_changed(
    confirming: Repository, versioned: dict[str, str]
) -> None:
    let_baseline_be_of(confirming, **versioned)
    confirming.file("shop.py", shop(1.1))
    result = confirming.run(TESTS, pyproject=AUTO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(SLOWER)
    result.stdout.no_fnmatch_line("note: *")


@pytest.mark.usefixtures("versioned")
def test_another_version_of_a_package_is_a_change_that_pairs_would_not_see(confirming: Repository) -> None:
    let_baseline_be_of(confirming, numpy="2.0")
    rebase(confirming, 0.7)
    result = confirming.run(TESTS, pyproject=AUTO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  1.00 ms, baseline 700 us (commit *); [234] fresh processes",
            "  not slower beside the code of the baseline (+0.0 % in pairs), but than its numbers: numpy 2.0 -> 2.1 since the baseline*",
        ]
    )


@pytest.mark.usefixtures("versioned")
def test_code_that_pairs_find_slower_fails_also_where_they_may_be_blind(confirming: Repository) -> None:
    """A slowdown in the repository, and another version of a package in the same change."""
    let_baseline_be_of(confirming, numpy="2.0")
    confirming.file("shop.py", shop(1.1))
    result = confirming.run(TESTS, pyproject=AUTO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(SLOWER)
    result.stdout.no_fnmatch_line("note: *")


@pytest.mark.usefixtures("versioned")
@pytest.mark.parametrize(("before", "verdict"), [(0.7, "undecided"), (0.5, "regressed")])
def test_a_time_that_changes_its_level_is_undecided_where_only_pairs_that_may_be_blind_could_tell(
    confirming: Repository, before: float, verdict: str
) -> None:
    """The same code, and another version of a package, which may be slower or not."""
    let_baseline_be_of(confirming, numpy="2.0")
    rebase(confirming, before, spread=0.04)
    result = confirming.run(TESTS, pyproject=AUTO)
    assert times(confirming) == {"test_call step": verdict}
    if verdict == "undecided":
        result.stdout.fnmatch_lines(
            [
                "undecided: *: looked slower, +42.* % in * fresh processes, but the processes of the baseline differ, so that "
                "the time may move by as much; pairs, which do not show a slowdown, may not tell: numpy 2.0 -> 2.1 since "
                "the baseline; update the baseline on a calmer machine"
            ]
        )


def test_code_of_another_folder_counts_also_if_only_the_test_imports_that_code(
    confirming: Repository, versioned: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    let_baseline_be_of(confirming, **versioned)
    rebase(confirming, 0.7)
    looks = iter([""])  # before the first test; the test then imports the module
    monkeypatch.setattr(versions, "code_without_version", lambda *_: next(looks, "../till.py"))
    result = confirming.run(TESTS, pyproject=AUTO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  not slower beside the code of the baseline (+0.0 % in pairs), but than its numbers: ../till.py is "
            "not in the repository, and has no version that would tell a change"
        ]
    )


def test_a_session_that_no_weather_explains_says_that_both_commits_are_slower(
    confirming: Repository, versioned: dict[str, str]
) -> None:
    """The data, or the settings: the code of the baseline's commit takes as long beside this code."""
    let_baseline_be_of(confirming, **versioned)
    rebase(confirming, 0.6)
    result = confirming.run(TESTS, pyproject=AUTO)
    result.assert_outcomes(passed=1)
    assert times(confirming) == {"test_call step": "unconfirmed"}
    result.stdout.fnmatch_lines(
        [
            "*+67 % in this session, but +0.0 % in fresh pairs of processes beside the commit of the baseline: what both "
            "commits share is slower here, such as libraries, data, settings, or the machine"
        ]
    )


def test_without_a_duet_a_slowdown_says_why(confirming: Repository, versioned: dict[str, str]) -> None:
    let_baseline_be_of(confirming, **versioned)
    text = baseline_file(confirming).read_text("utf-8")
    place = text.index('"commit": "') + len('"commit": "') + 9
    baseline_file(confirming).write_text(f"{text[:place]}+{text[place:]}", "utf-8")
    confirming.file("shop.py", shop(1.1))
    result = confirming.run(TESTS, pyproject=AUTO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "note: *: confirmed by fresh processes, not by a duet: the baseline was made with changes that are in no "
            "commit (*+), and no later commit has the same files: commit, and update the baseline",
            "Without pairs, which find more and err less, for each number of the baseline: the baseline was made with *.",
        ]
    )
    confirming.file("shop.py", shop(1.0))
    confirming.run(TESTS, pyproject=AUTO).stdout.no_fnmatch_line("note: *")


@pytest.mark.parametrize(("slower", "verdict"), [(1.4, "undecided"), (1.6, "regressed")])
def test_without_the_commit_a_time_that_changes_its_level_is_undecided_unless_far_slower(
    confirming: Repository, slower: float, verdict: str
) -> None:
    """Code that depends on memory: fresh processes of the same code were 27 % slower than an hour before."""
    rebase(confirming, 1.0, spread=0.04)
    lose_commit(confirming)
    confirming.file("shop.py", shop(slower))
    result = confirming.run(TESTS, pyproject=AUTO)
    assert times(confirming) == {"test_call step": verdict}
    told = {
        "undecided": "undecided: *: looked slower, +40.0 % in * fresh processes, but the processes of the baseline differ, so that the time may move by as much; pairs "
        "would tell, but git does not have 000000000, at which the baseline was made: fetch the commit *",
        "regressed": "note: *: confirmed by fresh processes, not by a duet: git does not have 000000000, *",
    }
    result.stdout.fnmatch_lines([told.pop(verdict)])
    result.stdout.no_fnmatch_line(*told.values())
    assert result.ret == (verdict == "regressed")


def test_an_update_gives_an_unchanged_line_of_a_lost_commit_the_commit_of_now(confirming: Repository) -> None:
    """A squash merge leaves the commits of a branch behind."""
    (before,) = lines(confirming).values()
    lose_commit(confirming)
    result = confirming.run(TESTS, "--perf-update-baseline")
    result.stdout.fnmatch_lines(["perf-baseline.json: 1 unchanged"])
    (after,) = lines(confirming).values()
    assert (after["time"], after["commit"]) == (before["time"], before["commit"])


def test_an_update_with_a_new_module_is_of_uncommitted_code(confirming: Repository) -> None:
    tests = f"import contextlib\n{TESTS}\nwith contextlib.suppress(ImportError):\n    import fast\n"
    confirming.commit(tests=tests)
    for is_new in (False, True):
        if is_new:
            confirming.file("fast.py", "FACTOR = 1\n")
        baseline_file(confirming).unlink()
        confirming.run(tests, "--perf-update-baseline")
        (line,) = lines(confirming).values()
        assert line["commit"].endswith("+") is is_new


def test_the_name_of_a_branch_is_no_commit_of_a_line(confirming: Repository, versioned: dict[str, str]) -> None:
    """A branch moves on, and its code with the branch."""
    let_baseline_be_of(confirming, **versioned)
    text = baseline_file(confirming).read_text("utf-8")
    place = text.index('"commit": "') + len('"commit": "')
    baseline_file(confirming).write_text(f"{text[:place]}HEAD{text[place + 9 :]}", "utf-8")
    confirming.file("shop.py", shop(1.1))
    result = confirming.run(TESTS, pyproject=AUTO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["note: *, not by a duet: the baseline was made at 'HEAD', which is no commit"])


def lose_commit(project: Project) -> None:
    """Let the baseline be of a commit that git does not have."""
    text = baseline_file(project).read_text("utf-8")
    place = text.index('"commit": "') + len('"commit": "')
    baseline_file(project).write_text(text[:place] + "0" * 9 + text[place + 9 :], "utf-8")


def rebase(project: Project, factor: float, *, spread: float | None = None) -> None:
    """Let the baseline say that everything once took another time, or differed by more from process to process."""
    changed = []
    for line in baseline_file(project).read_text("utf-8").splitlines():
        if '"time"' in line:
            entry = json.loads(line.rstrip(","))
            entry["time"]["time_ns"] *= factor
            entry["time"]["spread"] = entry["time"]["spread"] if spread is None else spread
            line = json.dumps(entry) + ("," if line.endswith(",") else "")  # noqa: PLW2901
        changed.append(line)
    baseline_file(project).write_text("\n".join(changed) + "\n", "utf-8")


def test_what_is_slower_for_both_commits_is_no_regression(confirming: Repository) -> None:
    """The machine, or what is installed on it."""
    rebase(confirming, 0.7)
    confirming.run(TESTS).assert_outcomes(passed=1)
    assert times(confirming) == {"test_call step": "unconfirmed"}
    assert confirming.run(TESTS, pyproject=CONFIRM.format("runs")).ret == 1


def test_without_the_baselines_commit_nothing_is_suspect_that_fresh_processes_cannot_tell(
    confirming: Repository, versioned: dict[str, str]
) -> None:
    """Pairs would tell whether a process that was 1 % slower was a fast one."""
    let_baseline_be_of(confirming, **versioned)
    rebase(confirming, 0.99, spread=0.08)
    confirming.run(TESTS, pyproject=AUTO).assert_outcomes(passed=1)
    assert times(confirming) == {"test_call step": "unconfirmed"}
    lose_commit(confirming)
    confirming.run(TESTS, pyproject=AUTO).assert_outcomes(passed=1)
    assert times(confirming) == {"test_call step": "undecided"}


@pytest.mark.parametrize("how", ["duet", "auto"])
def test_without_the_baselines_commit_fresh_processes_decide(confirming: Repository, how: str) -> None:
    lose_commit(confirming)
    confirming.file("shop.py", shop(1.1))
    result = confirming.run(TESTS, pyproject=CONFIRM.format(how))
    assert times(confirming) == {"test_call step": "regressed"}
    if how == "duet":
        result.stdout.fnmatch_lines(
            ["note: *: confirmed by fresh processes, not by a duet: git does not have 000000000, *"]
        )


@pytest.mark.skipif(len(cpus()) < 2, reason="there is nothing to pin to")
@pytest.mark.parametrize("pin", [True, False])
def test_pairs_that_confirm_run_on_one_cpu_unless_pin_is_false(
    confirming: Repository, pin: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = confirming.pytester.path.parent / f"notes-{pin}"
    monkeypatch.setenv("NOTES", str(notes))
    confirming.file("shop.py", shop(work=NOTING))
    pyproject = CONFIRM.format("duet") + f"pin = {str(pin).lower()}\n"
    result = confirming.run(TESTS, pyproject=pyproject)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(SLOWER)
    assert ("1" in notes.read_text("utf-8").split()) is pin
