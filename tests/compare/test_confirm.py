"""`confirm = "duet"`: what looks slower than the baseline is held against the commit that it was made at."""

from __future__ import annotations

import json

import pytest
from repositories import commit
from scripting import Project, times

from pytest_perfbudget.measure.affinity import cpus

SHOP = "from scripted import advance\n\ndef work():\n    advance({})\n"
TESTS = """
import shop

def test_call(perf):
    perf(shop.work, name="step")
"""
CONFIRM = '[tool.perfbudget]\nbaseline_runs = 2\nconfirm = "{}"\n'


@pytest.fixture
def based(lean: Project) -> Project:
    """A project with a baseline that was made at its first commit."""
    lean.file("shop.py", SHOP.format(1))
    lean.file("test_it.py", "import pytest\nfrom scripted import advance\n" + TESTS)
    lean.file("pyproject.toml", CONFIRM.format("duet"))
    commit(lean.pytester.path, {".gitignore": "report.json\n__pycache__\nrunpytest-*\nstdout\nstderr\n.pytest_cache\n"})
    lean.run(TESTS, "--perf-update-baseline", subprocess=True).assert_outcomes(passed=1)
    return lean


@pytest.mark.parametrize("how", ["duet", "auto"])
def test_code_that_got_slower_fails(based: Project, how: str) -> None:
    based.file("shop.py", SHOP.format(1.1))
    result = based.run(TESTS, pyproject=CONFIRM.format(how), subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "step: 10.0 % slower than the baseline (95 % *",
            "  1.10 ms, baseline 1 ms (commit *); 3 fresh pairs of processes",
        ]
    )


def rebase(project: Project, factor: float) -> None:
    """Let the baseline say that everything once took another time."""
    file = project.pytester.path / "perf-baseline.json"
    lines = file.read_text("utf-8").splitlines()
    changed = []
    for line in lines:
        if '"time"' in line:
            entry = json.loads(line.rstrip(","))
            entry["time"]["time_ns"] *= factor
            line = json.dumps(entry) + ("," if line.endswith(",") else "")  # noqa: PLW2901
        changed.append(line)
    file.write_text("\n".join(changed) + "\n", "utf-8")


def test_what_is_slower_for_both_commits_is_no_regression(based: Project) -> None:
    """The machine, or what is installed on it."""
    rebase(based, 0.7)
    result = based.run(TESTS, subprocess=True)
    result.assert_outcomes(passed=1)
    assert times(based) == {"test_call step": "unconfirmed"}
    assert based.run(TESTS, pyproject=CONFIRM.format("runs"), subprocess=True).ret == 1


@pytest.mark.parametrize(("how", "said"), [("duet", "regressed"), ("auto", "regressed")])
def test_without_that_commit_fresh_processes_decide(based: Project, how: str, said: str) -> None:
    file = based.pytester.path / "perf-baseline.json"
    text = file.read_text("utf-8")
    place = text.index('"commit": "') + len('"commit": "')
    file.write_text(text[:place] + "0" * 9 + text[place + 9 :], "utf-8")
    based.file("shop.py", SHOP.format(1.1))
    result = based.run(TESTS, pyproject=CONFIRM.format(how), subprocess=True)
    assert times(based) == {"test_call step": said}
    if how == "duet":
        result.stdout.fnmatch_lines(["note: *: confirmed by fresh processes, not by a duet: '000000000' is no commit*"])


@pytest.mark.skipif(len(cpus()) < 2, reason="there is nothing to pin to")
@pytest.mark.parametrize("pin", [True, False])
def test_pairs_are_kept_on_one_cpu_unless_the_test_is_not_to_be(
    based: Project, pin: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = based.pytester.path.parent / f"notes-{pin}"
    monkeypatch.setenv("NOTES", str(notes))
    noting = """
import os, sys
from scripted import advance

def work():
    advance(1.1)
    if 'bootstrap' in sys.argv[0]:
        with open(os.environ['NOTES'], 'a') as file:
            print(len(os.sched_getaffinity(0)), file=file)
"""
    based.file("shop.py", noting)
    pyproject = CONFIRM.format("duet") + f"pin = {str(pin).lower()}\n"
    based.run(TESTS, pyproject=pyproject, subprocess=True).assert_outcomes(failed=1)
    assert ("1" in notes.read_text("utf-8").split()) is pin
