"""The committed baseline, from the command line: every process on the scripted clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scripting import IMPATIENT, Project, add_to_conftest, regression_verdicts, times

FAST = """
[tool.perfbudget]
baseline_runs = 2
"""

TWO = """
import os, sys
SLOW = float(os.environ.get("SLOW", "1"))

@pytest.mark.perf_budget
def test_body():
    advance(0.1 * SLOW)

def test_call(perf):
    perf(advance, 0.2, name="step")

def test_ordinary(): pass
"""


_MADE: dict[str, str] = {}


@pytest.fixture(autouse=True)
def few_plugins(project: Project) -> None:
    """A project starts a dozen fresh processes here: what it does not use is not imported in each of them."""
    blocked = " ".join(f"-p no:{name}" for name in ("hypothesispytest", "trio", "asyncio", "anyio", "rerunfailures"))
    project.file("pytest.ini", f"[pytest]\npythonpath = .\naddopts = {blocked}\n")


@pytest.fixture
def based(project: Project) -> Project:
    """A project with a baseline of `TWO`; made once, for on the scripted clock it is always the same."""
    if not _MADE:
        project.run(TWO, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=2, deselected=1)
        for name in ("perf-baseline.json", "perf-baseline.calls.json"):
            _MADE[name] = (project.pytester.path / name).read_text("utf-8")
    for name, text in {**_MADE, "pyproject.toml": FAST}.items():
        project.file(name, text)
    return project


def lines(project: Project) -> dict[str, dict[str, Any]]:
    document = json.loads((project.pytester.path / "perf-baseline.json").read_text("utf-8"))
    return {
        f"{line['test'].partition('::')[2]} {line.get('name', '')}".rstrip(): line for line in document["measurements"]
    }


def in_turn(*factors: float) -> str:
    """Return `TWO` with a body that takes another multiple of its time in each fresh process."""
    count = "if 'bootstrap' in sys.argv[0]:\n    with open('runs', 'a') as file: file.write('x')\n"
    number = "len(open('runs').read()) if os.path.exists('runs') else 1"
    return TWO.replace("SLOW =", f"{count}SLOW = {list(factors)}[(({number}) - 1) % {len(factors)}] #")


def _forget_helpers() -> None:
    """As a new pytest process would: these run in ours."""
    for name in ("helpers", "test_a", "test_b"):
        sys.modules.pop(name, None)


class TestUpdate:
    def test_it_writes_a_line_for_each_measurement_and_runs_perf_tests_only(self, based: Project) -> None:
        found = lines(based)
        assert set(found) == {"test_body", "test_call step"}
        assert found["test_body"]["time"]["time_ns"] == 100_000
        assert found["test_call step"]["time"]["time_ns"] == 200_000
        assert found["test_body"]["time"]["runs"] == 2
        assert found["test_body"]["calls"] > 0

    @pytest.mark.parametrize("workers", [(), ("-n", "0"), ("-n", "2")], ids=["plain", "n0", "n2"])
    def test_it_ends_with_a_table_of_what_changed(self, project: Project, workers: tuple[str, ...]) -> None:
        result = project.run(TWO, "--perf-update-baseline", *workers, pyproject=FAST)
        result.stdout.fnmatch_lines(
            ["*performance baseline*", "*test_body *time *100 us *new*", "perf-baseline.json: 2 new"]
        )
        assert result.ret == 0
        assert set(lines(project)) == {"test_body", "test_call step"}

    def test_a_second_one_changes_nothing(self, based: Project) -> None:
        before = (based.pytester.path / "perf-baseline.json").read_bytes()
        result = based.run(TWO, "--perf-update-baseline")
        result.stdout.fnmatch_lines(["perf-baseline.json: 2 unchanged"])
        assert (based.pytester.path / "perf-baseline.json").read_bytes() == before

    def test_slower_needs_a_reason(self, based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLOW", "1.5")
        result = based.run(TWO, "--perf-update-baseline")
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(
            [
                "*test_body *time *100 us *150 us *+50 % *slower (kept)",
                "perf-baseline.json: 1 slower (kept), 1 unchanged",
                "to accept what got slower: pytest --perf-update-baseline --perf-reason 'why it may be' test_it.py::test_body",
            ]
        )
        assert lines(based)["test_body"]["time"]["time_ns"] == 100_000
        result = based.run(TWO, "--perf-update-baseline", "--perf-reason", "stronger hashes")
        assert result.ret == 0
        assert lines(based)["test_body"]["time"]["time_ns"] == 150_000
        assert lines(based)["test_body"]["reason"] == "stronger hashes"

    def test_faster_is_taken(self, based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLOW", "0.5")
        based.run(TWO, "--perf-update-baseline").stdout.fnmatch_lines(["*test_body *-50 % *faster"])
        assert lines(based)["test_body"]["time"]["time_ns"] == 50_000

    def test_a_selection_updates_what_it_measured(self, based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLOW", "0.5")
        before = lines(based)
        based.run(TWO, "--perf-update-baseline", "-k", "call")
        assert lines(based) == before

    def test_where_nothing_passes_nothing_is_written(self, project: Project) -> None:
        result = project.run("def test_plain(): pass", "--perf-update-baseline")
        result.stdout.fnmatch_lines(["no perf test was measured: the baseline stands as it was"])
        assert not (project.pytester.path / "perf-baseline.json").exists()

    def test_a_session_that_ends_early_updates_nothing(self, project: Project) -> None:
        tests = "@pytest.mark.perf_budget\ndef test_bad():\n    assert False\n" + TWO
        result = project.run(tests, "--perf-update-baseline", "-x", pyproject=FAST)
        result.stdout.fnmatch_lines(["the session ended early: the baseline stands as it was"])
        assert not (project.pytester.path / "perf-baseline.json").exists()

    def test_a_fresh_process_ends_as_a_session_does(self, project: Project) -> None:
        """What a conftest has to stop at the end of a session is stopped there, too."""
        hook = (
            "\ndef pytest_sessionfinish(session):\n    print('x', file=open(session.config.rootpath / 'ended', 'a'))\n"
        )
        add_to_conftest(project, hook)
        project.run(TWO, "--perf-update-baseline", pyproject=FAST)
        assert (project.pytester.path / "ended").read_text("utf-8").split() == ["x"] * 3

    def test_a_failed_test_updates_nothing(self, project: Project) -> None:
        tests = TWO + "\n@pytest.mark.perf_budget\ndef test_bad():\n    advance(1)\n    assert False\n"
        result = project.run(tests, "--perf-update-baseline", pyproject=FAST)
        result.assert_outcomes(passed=2, failed=1, deselected=1)
        assert set(lines(project)) == {"test_body", "test_call step"}

    def test_a_test_that_fails_in_its_teardown_updates_nothing(self, project: Project) -> None:
        fixture = "\n@pytest.fixture\ndef broken():\n    yield\n    assert 'bootstrap' in sys.argv[0]\n"
        tests = TWO + fixture + "\n@pytest.mark.perf_budget\ndef test_bad(broken):\n    advance(1)\n"
        project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=3, errors=1, deselected=1)
        assert set(lines(project)) == {"test_body", "test_call step"}

    def test_each_fresh_process_has_a_hash_seed_and_an_order_of_its_own(self, project: Project) -> None:
        """Each begins with another test, and every other one goes backwards."""
        note = "\n@pytest.fixture(autouse=True)\ndef note(request):\n    if 'bootstrap' in sys.argv[0]:\n"
        note += "        with open('notes', 'a') as file: print(os.environ['PYTHONHASHSEED'], request.node.name, file=file)\n"
        project.run(TWO + "\ndef test_z(perf): perf(advance, 1)\n" + note, "--perf-update-baseline", pyproject=FAST)
        notes = [line.split() for line in (project.pytester.path / "notes").read_text("utf-8").splitlines()]
        assert [name for _, name in notes] == ["test_body", "test_call", "test_z", "test_call", "test_body", "test_z"]
        assert notes[0][0] == notes[2][0] != notes[3][0] == notes[5][0]

    def test_a_test_that_fails_in_a_fresh_process_is_named_and_kept_out(self, project: Project) -> None:
        tests = TWO + (
            "\n@pytest.mark.perf_budget\ndef test_once():\n    advance(1)\n    assert 'bootstrap' not in sys.argv[0]\n"
        )
        result = project.run(tests, "--perf-update-baseline", pyproject=FAST)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(
            ["not updated: test_it.py::test_once: it fails in a fresh process: AssertionError:*"]
        )
        assert "test_once" not in lines(project)

    def test_prune_removes_what_is_no_longer_there(self, based: Project) -> None:
        renamed = TWO.replace("test_call", "test_renamed")
        based.run(renamed, "--perf-update-baseline")
        assert set(lines(based)) == {"test_body", "test_call step", "test_renamed step"}
        result = based.run(renamed, "--perf-update-baseline", "--perf-prune")
        result.stdout.fnmatch_lines(["*test_call step *removed", "perf-baseline.json: 1 removed, 2 unchanged"])
        assert set(lines(based)) == {"test_body", "test_renamed step"}

    def test_prune_removes_a_measurement_that_its_test_no_longer_makes(self, based: Project) -> None:
        named = TWO.replace('name="step"', 'name="other"')
        based.run(named, "--perf-update-baseline", "--perf-prune")
        assert set(lines(based)) == {"test_body", "test_call other"}

    def test_prune_needs_whole_files(self, based: Project) -> None:
        result = based.run(TWO, "--perf-update-baseline", "--perf-prune", "test_it.py::test_body")
        result.stderr.fnmatch_lines(["ERROR: --perf-prune takes files or folders: with single tests nothing *"])
        assert result.ret == pytest.ExitCode.USAGE_ERROR

    def test_prune_removes_what_is_no_perf_test_any_more(self, based: Project) -> None:
        plain = TWO.replace("@pytest.mark.perf_budget\n", "")
        result = based.run(plain)
        result.stdout.fnmatch_lines(["missing: test_it.py::test_body: *--perf-prune"])
        based.run(plain, "--perf-update-baseline", "--perf-prune")
        assert set(lines(based)) == {"test_call step"}

    @pytest.mark.parametrize("fault", ["pytest.importorskip('not_installed')", "1 / 0"], ids=["skipped", "broken"])
    def test_prune_leaves_what_is_in_a_file_that_is_skipped_or_broken(self, based: Project, fault: str) -> None:
        other = "import pytest\nfrom scripted import advance\n@pytest.mark.perf_budget\ndef test_other(): advance(1)\n"
        based.file("test_other.py", other)
        broken = (fault + "\n" + TWO, "--perf-update-baseline", "--perf-prune", "--continue-on-collection-errors")
        based.run(*broken)
        assert {"test_body", "test_call step"} <= set(lines(based))

    def test_prune_under_xdist(self, based: Project) -> None:
        based.run(TWO.replace("test_call", "test_renamed"), "--perf-update-baseline", "--perf-prune", "-n", "2")
        assert set(lines(based)) == {"test_body", "test_renamed step"}

    def test_prune_leaves_the_call_profile_that_another_machine_needs(self, based: Project) -> None:
        file, profiles = (based.pytester.path / f"perf-baseline{end}" for end in (".json", ".calls.json"))
        document = json.loads(file.read_text("utf-8"))
        (key,) = document["machines"]
        document["machines"]["other"] = {**document["machines"][key], "cpu": "another"}
        document["measurements"] += [{**one, "machine": "other"} for one in document["measurements"]]
        file.write_text(json.dumps(document), "utf-8")
        renamed = TWO.replace("test_call", "test_renamed")
        based.run(renamed, "--perf-update-baseline", "--perf-prune").stdout.fnmatch_lines(["*: 1 new, 1 removed, *"])
        assert "test_it.py::test_call" in profiles.read_text("utf-8")
        del document["measurements"][2:]
        file.write_text(json.dumps(document), "utf-8")
        based.run(renamed, "--perf-update-baseline", "--perf-prune")
        assert "test_it.py::test_call" not in profiles.read_text("utf-8")

    def test_prune_leaves_what_was_only_not_selected(self, based: Project) -> None:
        based.run(TWO, "--perf-update-baseline", "--perf-prune", "-k", "body")
        assert set(lines(based)) == {"test_body", "test_call step"}

    @pytest.mark.parametrize("reason", ["", " ", "..."])
    def test_a_reason_says_something(self, based: Project, reason: str) -> None:
        result = based.run(TWO, "--perf-update-baseline", "--perf-reason", reason)
        result.stderr.fnmatch_lines(["ERROR: --perf-reason: say why it may be slower"])

    def test_what_cannot_be_told_from_noise_is_not_accepted_and_that_is_said(self, based: Project) -> None:
        before = lines(based)["test_body"]
        tests = in_turn(1.0, 1.8)
        update = (tests, "--perf-update-baseline", "-k", "body")
        result = based.run(*update)
        result.stdout.fnmatch_lines(
            ["*undecided (kept)", "perf-baseline.json: 1 undecided (kept)", "undecided: looks *"]
        )
        assert result.ret == 0
        assert based.run(*update, "--perf-reason", "stronger hashes").ret == pytest.ExitCode.TESTS_FAILED
        assert lines(based)["test_body"] == before

    def test_runs_that_are_too_far_apart_for_a_line_are_named(self, project: Project) -> None:
        """A line that could not be read again would end every later session."""
        result = project.run(in_turn(1, 10_000), "--perf-update-baseline", pyproject=FAST)
        result.stdout.fnmatch_lines(["not updated: test_it.py::test_body: its runs are too far apart to be of use: *"])
        assert set(lines(project)) == {"test_call step"}

    def test_reason_and_prune_mean_nothing_alone(self, project: Project) -> None:
        for option in ("--perf-reason=x", "--perf-prune"):
            result = project.run(TWO, option)
            assert result.ret == pytest.ExitCode.USAGE_ERROR
            result.stderr.fnmatch_lines(
                [f"ERROR: {option.partition('=')[0]} belongs to --perf-update-baseline: add it"]
            )

    def test_a_baseline_that_cannot_be_read_is_not_written_over(self, project: Project) -> None:
        project.file("perf-baseline.json", "precious")
        result = project.run(TWO, "--perf-update-baseline", pyproject=FAST)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: perf-baseline.json:1: is no JSON*"])
        assert (project.pytester.path / "perf-baseline.json").read_text("utf-8") == "precious"

    def test_fresh_processes_inherit_the_invocation_and_survive_what_prints(self, project: Project) -> None:
        project.file("mark.ini", "[pytest]\npythonpath = .\npython_functions = check_*\n")
        project.file("more.py", "import pytest\n@pytest.fixture\ndef extra():\n    return 1\n")
        conftest = project.pytester.path / "conftest.py"
        conftest.write_text(
            conftest.read_text("utf-8") + "\nimport os\nprint('loud'); os.write(1, b'louder')\n", "utf-8"
        )
        tests = """
@pytest.mark.perf_budget
def check_it(extra, capfd):
    print("in the test")
    advance(0.1)
"""
        arguments = ("-c", "mark.ini", "-p", "more", "-o", "python_files=test_*.py", "-s")
        result = project.run(tests, "--perf-update-baseline", *arguments, pyproject=FAST)
        assert result.ret == 0, result.stdout.str()
        assert set(lines(project)) == {"check_it"}

    def test_the_sessions_own_files_are_left_alone_by_fresh_processes(self, project: Project) -> None:
        tests = """
def test_keeps(tmp_path, perf):
    perf(advance, 1)
    logging.error("said %s", "bootstrap" in sys.argv[0])
    (tmp_path / str("bootstrap" in sys.argv[0])).write_text("x")
"""
        files = ("--junitxml=j.xml", "--log-file=log.txt", "--basetemp=base")
        result = project.run("import logging\n" + TWO + tests, "--perf-update-baseline", "--lf", *files, pyproject=FAST)
        assert result.ret == 0, result.stdout.str()
        assert (project.pytester.path / "base" / "test_keeps0" / "False").exists()
        assert (project.pytester.path / "log.txt").read_text("utf-8").count("said False") == 1
        assert 'tests="3"' in (project.pytester.path / "j.xml").read_text("utf-8")

    def test_files_that_do_not_go_together_are_measured_apart(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two services of one repository, each with a module `helpers` of its own, tested folder by folder."""
        for service, cost in (("a", 1.0), ("b", 2.0)):
            project.file(f"{service}/helpers.py", f"cost = {cost}\n")
            project.file(
                f"{service}/test_{service}.py",
                "import helpers, os, pytest\nfrom scripted import advance\n@pytest.mark.perf_budget\n"
                f"def test_{service}(): advance(helpers.cost * float(os.environ.get('SLOW', 1)))\n",
            )
        for service in "ab":
            _forget_helpers()
            project.run("", service, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=1)
        found = lines(project)
        assert (found["test_a"]["time"]["time_ns"], found["test_b"]["time"]["time_ns"]) == (1_000_000, 2_000_000)
        monkeypatch.setenv("SLOW", "1.5")
        _forget_helpers()
        project.run("", "b").assert_outcomes(failed=1)

    def test_conftests_of_several_folders_are_no_other_code(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """pytest calls each of them `conftest`, and the one that was loaded last has the name."""
        for folder in ("one", "two"):
            project.file(f"{folder}/conftest.py", "")
            project.file(
                f"{folder}/test_{folder}.py",
                "import os\nfrom scripted import advance\n"
                f"def test_{folder}(perf): perf(advance, float(os.environ.get('SLOW', 1)))\n",
            )
        project.run("", "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=2)
        monkeypatch.setenv("SLOW", "2")
        project.run("").assert_outcomes(failed=2)

    def test_a_name_that_no_file_can_hold_is_one_line(self, project: Project) -> None:
        tests = "def test_it(perf): perf(advance, 1, name='caf\\udce9')\n"
        result = project.run(tests, "--perf-update-baseline", pyproject=FAST)
        result.stdout.fnmatch_lines(
            ["the baseline was not updated: perf-baseline.json: cannot hold *caf*udce9*: rename the test"]
        )

    def test_call_profiles_that_cannot_be_read_are_not_written_over(self, based: Project) -> None:
        profiles = based.pytester.path / "perf-baseline.calls.json"
        broken = profiles.read_text("utf-8").replace('"profiles"', '<<<<<<< HEAD\n"profiles"')
        profiles.write_text(broken, "utf-8")
        more = TWO + "\n@pytest.mark.perf_budget\ndef test_more(): advance(1)\n"
        result = based.run(more, "--perf-update-baseline")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: perf-baseline.calls.json: cannot be understood: restore it from git*"])
        assert profiles.read_text("utf-8") == broken

    def test_a_crash_in_a_fresh_process_is_one_line_and_writes_nothing(self, project: Project) -> None:
        tests = TWO + (
            "\n@pytest.mark.perf_budget\ndef test_crash():\n    advance(1)\n"
            "    if 'bootstrap' in sys.argv[0]: os._exit(7)\n"
        )
        result = project.run(tests, "--perf-update-baseline", pyproject=FAST)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        expected = "the baseline was not updated: a fresh process ended with exit code 7 before it had measured test_it.py::test_crash*"
        result.stdout.fnmatch_lines([expected])
        assert not (project.pytester.path / "perf-baseline.json").exists()


class TestGate:
    def test_what_is_as_fast_as_it_was_passes(self, based: Project) -> None:
        based.run(TWO).assert_outcomes(passed=3)
        assert times(based) == {"test_body": "unchanged", "test_call step": "unchanged"}

    @pytest.mark.parametrize("workers", [(), ("-n", "0"), ("-n", "2")], ids=["plain", "n0", "n2"])
    def test_what_got_slower_fails_with_the_numbers(
        self, based: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
    ) -> None:
        monkeypatch.setenv("SLOW", "1.1")
        result = based.run(TWO, *workers)
        result.assert_outcomes(passed=2, failed=1)
        assert times(based) == {"test_body": "regressed", "test_call step": "unchanged"}
        result.stdout.fnmatch_lines(
            [
                "10.0 % slower than the baseline (95 % interval *% .. *%)",
                "  110 us, baseline 100 us (*); 3 fresh processes",
                "  limit 5 % from the default",
                "Make it faster, or accept it: pytest --perf-update-baseline --perf-reason '...' test_it.py::test_body",
            ]
        )
        result.stdout.fnmatch_lines(["against the baseline: 1 regressed, *"])

    def test_a_slowdown_of_one_process_alone_is_not_confirmed(self, based: Project) -> None:
        """Such as a noisy neighbour's who has left since."""
        tests = TWO.replace("SLOW =", "SLOW = 2.0 if 'bootstrap' not in sys.argv[0] else")
        result = based.run(tests)
        result.assert_outcomes(passed=3)
        assert times(based)["test_body"] == "unconfirmed"
        result.stdout.fnmatch_lines(
            ["unconfirmed: test_it.py::test_body: looked slower here; +0.0 % in 1 fresh process"]
        )

    def test_what_a_test_does_to_the_environment_is_not_passed_on_to_fresh_processes(self, based: Project) -> None:
        tests = TWO.replace("SLOW =", "SLOW = 2 if 'bootstrap' not in sys.argv[0] or 'LEAK' in os.environ else 1 #")
        tests = tests.replace("def test_body():", "def test_body(leak):")
        tests += "\n@pytest.fixture\ndef leak(monkeypatch):\n    monkeypatch.setenv('LEAK', '1')\n"
        based.run(tests).assert_outcomes(passed=3)
        assert times(based)["test_body"] == "unconfirmed"

    def test_a_test_that_replaces_what_we_use_is_unmeasured_and_breaks_nothing(self, based: Project) -> None:
        tests = TWO.replace("SLOW =", "SLOW = 2 #").replace("def test_body():", "def test_body(odd):")
        tests += (
            "\n@pytest.fixture\ndef odd(monkeypatch):\n    import tempfile, time\n"
            "    monkeypatch.setattr(tempfile, 'tempdir', '/nonexistent')\n"
            "    monkeypatch.setattr(time, 'monotonic', lambda: 1e12)\n"
        )
        result = based.run(tests)
        result.assert_outcomes(passed=3)
        result.stdout.fnmatch_lines(["unmeasured: *test_body: *: no fresh process: FileNotFoundError: *"])

    def test_a_test_that_stops_the_clock_of_time_is_confirmed_all_the_same(self, based: Project) -> None:
        """And what it took by that clock, a million years, is not how long a fresh process may be silent."""
        tests = TWO.replace("SLOW =", "SLOW = 2 #").replace("def test_body():", "def test_body(frozen):")
        tests += "\n@pytest.fixture\ndef frozen(monkeypatch):\n    import time\n    monkeypatch.setattr(time, 'monotonic', lambda: 1e13)\n"
        based.run(tests).assert_outcomes(passed=2, failed=1)

    def test_a_test_that_mocks_what_removes_folders_is_confirmed_all_the_same(self, based: Project) -> None:
        tests = TWO.replace("SLOW =", "SLOW = 2 #").replace("def test_body():", "def test_body(mocked):")
        tests += (
            "\n@pytest.fixture\ndef mocked():\n    from unittest import mock\n    with mock.patch('os.open'): yield\n"
        )
        based.run(tests, subprocess=True).assert_outcomes(passed=2, failed=1)

    def test_the_command_is_to_be_typed_where_pytest_was_started(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.file("inner/test_in.py", "from scripted import advance\ndef test_in(perf): perf(advance, 1)\n")
        project.run("", "inner", "--perf-update-baseline", pyproject=FAST)
        slower = "from scripted import advance\ndef test_in(perf): perf(advance, 2)\n"
        project.file("inner/test_in.py", slower)
        monkeypatch.chdir(project.pytester.path / "inner")
        result = project.pytester.runpytest_inprocess("test_in.py")
        result.stdout.fnmatch_lines(["Make it faster, or accept it: *'...' test_in.py::test_in"])

    def test_after_a_stop_nothing_is_missing(self, based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLOW", "2")
        based.run(TWO, "-x").assert_outcomes(failed=1)
        assert based.report["missing"] == []

    def test_the_timeout_of_a_test_does_not_run_while_it_is_confirmed(
        self, based: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By the hook of pytest-timeout."""
        add_to_conftest(
            based,
            "\nclass Specs:\n    @pytest.hookspec(firstresult=True)\n    def pytest_timeout_cancel_timer(item): pass\n"
            "def pytest_addhooks(pluginmanager): pluginmanager.add_hookspecs(Specs)\n"
            "def pytest_timeout_cancel_timer(item):\n    with open('cancelled', 'a') as file: print(item.name, file=file)\n"
            "    return True\n",
        )
        based.run(TWO).assert_outcomes(passed=3)
        assert not (based.pytester.path / "cancelled").exists()
        monkeypatch.setenv("SLOW", "2")
        based.run(TWO).assert_outcomes(passed=2, failed=1)
        assert (based.pytester.path / "cancelled").read_text("utf-8").split() == ["test_body"]

    def test_a_slower_test_that_is_expected_to_fail_does(self, based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLOW", "2")
        tests = TWO.replace("def test_body", "@pytest.mark.xfail(strict=True)\ndef test_body")
        based.run(tests).assert_outcomes(passed=2, xfailed=1)

    def test_a_file_of_the_baseline_that_does_not_go_with_this_one_is_left_out(
        self, based: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        based.file("test_more.py", "from scripted import advance\ndef test_more(perf): perf(advance, 1)\n")
        based.run(TWO, "--perf-update-baseline")
        based.file("test_more.py", "import os, sys\nif 'bootstrap' in sys.argv[0]: os._exit(3)\n")
        monkeypatch.setenv("SLOW", "2")
        based.run(TWO, "test_it.py").assert_outcomes(passed=2, failed=1)

    def test_a_hook_that_leaves_tests_out_does_not_in_a_fresh_process(
        self, based: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Such as one that runs a share of the tests, by their number."""
        left_out = "items[:0 if 'bootstrap' in sys.argv[0] else 1]"
        hook = f"\nimport sys\ndef pytest_collection_modifyitems(items):\n    items[:] = {left_out}\n"
        add_to_conftest(based, hook)
        monkeypatch.setenv("SLOW", "2")
        based.run(TWO).assert_outcomes(failed=1)

    def test_limits_come_from_the_nearest_place(self, based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLOW", "1.1")
        based.run(TWO.replace("perf_budget\n", "perf_budget(max_regression='20%')\n")).assert_outcomes(passed=3)
        table = FAST + 'max_regression = "20%"\n'
        based.run(TWO, pyproject=table).assert_outcomes(passed=3)
        result = based.run(TWO.replace("perf_budget\n", "perf_budget(max_regression='3%')\n"), pyproject=table)
        result.assert_outcomes(passed=2, failed=1)
        result.stdout.fnmatch_lines(
            ["  limit 3 % from max_regression = '3%' of perf_budget marker of test_it.py::test_body"]
        )

    def test_a_gate_that_warns_says_the_same_and_fails_nothing(
        self, based: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLOW", "1.5")
        result = based.run(TWO, "--perf-gate=warn")
        result.assert_outcomes(passed=3)
        result.stdout.fnmatch_lines(["test_it.py::test_body: 50 % slower than the baseline*"])

    def test_calls_are_judged_and_the_culprit_is_named(self, based: Project) -> None:
        tests = (
            TWO.replace("advance(0.1 * SLOW)", "advance(0.1)\n    for _ in range(40): verify()")
            + "\ndef verify(): pass\n"
        )
        result = based.run(tests)
        result.assert_outcomes(passed=2, failed=1)
        result.stdout.fnmatch_lines(
            ["11.0 times the function calls of the baseline", "*0 -> 40 calls of test_it:verify"]
        )
        assert regression_verdicts(based)["test_body calls"] == "regressed"
        assert times(based)["test_body"] == "unchanged"

    def test_calls_that_other_tests_have_brought_about_are_none(self, project: Project) -> None:
        tests = """
HANDLERS = []
def test_registers(): HANDLERS.extend(["".upper] * 50)
@pytest.mark.perf_budget
def test_dispatch():
    advance(0.1)
    for handler in HANDLERS: handler()
"""
        project.run(tests, "--perf-update-baseline", pyproject=FAST)
        project.run(tests).assert_outcomes(passed=2)

    def test_what_another_file_brings_about_when_imported_is_the_same_in_a_session_without_it(
        self, project: Project
    ) -> None:
        project.file("work.py", "from scripted import advance\ncost = 1.0\ndef run(): advance(cost)\n")
        project.file(
            "test_fast.py",
            "import pytest, work\nwork.cost = 0.5\n@pytest.mark.perf_budget\ndef test_fast(): work.run()\n",
        )
        tests = "import work\n@pytest.mark.perf_budget\ndef test_it(): work.run()\n"
        project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=2)
        project.run(tests, "test_it.py").assert_outcomes(passed=1)
        assert times(project) == {"test_it": "unconfirmed"}

    @pytest.mark.parametrize("fault", ["os._exit(7)", "sys.setprofile(lambda *_: None)"], ids=["dies", "cannot-count"])
    def test_a_count_that_no_fresh_process_confirms_is_unmeasured(self, based: Project, fault: str) -> None:
        tests = TWO.replace(
            "advance(0.1 * SLOW)",
            f"advance(0.1)\n    if 'bootstrap' in sys.argv[0]: {fault}\n    for _ in range(40): len('')",
        )
        result = based.run(tests)
        result.assert_outcomes(passed=3)
        assert regression_verdicts(based)["test_body calls"] == "unmeasured"
        result.stdout.fnmatch_lines(
            ["unmeasured: *::test_body: more function calls than allowed, which could not be confirmed: *"]
        )
        based.run(tests, "--perf-strict").assert_outcomes(passed=2, failed=1)

    def test_a_count_that_something_is_in_the_way_of_is_unmeasured(self, based: Project) -> None:
        tests = TWO.replace("def test_body():", "def test_body():\n    sys.setprofile(lambda *_: None)")
        result = based.run(
            tests + "\n@pytest.fixture(autouse=True)\ndef undone():\n    yield\n    sys.setprofile(None)"
        )
        result.assert_outcomes(passed=3)
        assert regression_verdicts(based)["test_body calls"] == "unmeasured"
        result.stdout.fnmatch_lines(
            ["unmeasured: *::test_body: its function calls could not be counted: another profiler is active*"]
        )

    def test_memory_is_judged(self, based: Project) -> None:
        tests = TWO.replace("advance(0.1 * SLOW)", "advance(0.1)\n    bytearray(1_000_000)")
        result = based.run(tests)
        result.assert_outcomes(passed=2, failed=1)
        result.stdout.fnmatch_lines(["* the peak memory of the baseline"])

    def test_a_count_that_one_pass_alone_sees_is_none(self, based: Project) -> None:
        tests = TWO.replace(
            "advance(0.1 * SLOW)", "advance(0.1)\n    filled.update(fill() if passes() == 45 else {})"
        ) + (
            "\nfilled = {}\ncount = iter(range(10**6))\ndef passes(): return next(count)\n"
            "def fill(): return {str(n): str(n) for n in range(100)}\n"
        )
        based.run(tests, "--perf-update-baseline", "--perf-reason=x")
        based.run(tests).assert_outcomes(passed=3)

    def test_fixtures_and_timers_are_compared_too(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        tests = (
            TWO
            + """
def test_timer(perf):
    for _ in range(30):
        with perf.timer("block"): advance(0.1 * SLOW)

@pytest.mark.perf_budget
def test_benchmark(benchmark):
    benchmark.pedantic(lambda: advance(0.1 * SLOW), rounds=3)
"""
        )
        project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=4, deselected=1)
        assert {"test_timer block", "test_benchmark"} <= set(lines(project))
        project.run(tests).assert_outcomes(passed=5)
        monkeypatch.setenv("SLOW", "1.5")
        project.run(tests).assert_outcomes(passed=2, failed=3)
        assert times(project)["test_timer block"] == times(project)["test_benchmark"] == "regressed"
        (benchmark,) = (one for one in project.report["measurements"] if one["kind"] == "benchmark")
        assert benchmark["profile"]

    def test_a_timer_has_a_limit_of_its_own(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        timer = """
import os
def test_timer(perf):
    for _ in range(400):
        with perf.timer("block", max_regression="90%"): advance(float(os.environ.get("SLOW", "1")))
"""
        project.run(timer, "--perf-update-baseline", pyproject=FAST)
        monkeypatch.setenv("SLOW", "1.4")
        project.run(timer).assert_outcomes(passed=1)

    def test_a_benchmark_test_without_a_marker_is_compared_if_the_baseline_has_it(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tests = "import os\n{}\ndef test_old(benchmark):\n    benchmark.pedantic(lambda: advance(float(os.environ.get('SLOW', '1'))), rounds=3)\n"
        project.run(tests.format("@pytest.mark.perf_budget"), "--perf-update-baseline", pyproject=FAST)
        project.run(tests.format("")).assert_outcomes(passed=1)
        assert times(project) == {"test_old": "unchanged"}
        monkeypatch.setenv("SLOW", "2")
        # Nothing else says that there is anything to do.
        project.run(tests.format(""), pyproject="# empty", output=False).assert_outcomes(failed=1)

    def test_an_imported_benchmark_without_a_marker_can_be_updated(self, project: Project) -> None:
        tests = "{}\ndef test_old(benchmark):\n    benchmark.pedantic(lambda: advance(1), rounds=3)\n"
        project.run(tests.format("@pytest.mark.perf_budget"), "--perf-update-baseline", pyproject=FAST)
        project.run(tests.format(""), "--perf-update-baseline").stdout.fnmatch_lines(["*: 1 unchanged"])

    def test_a_benchmark_that_is_disabled_is_neither_compared_nor_judged(self, project: Project) -> None:
        tests = "@pytest.mark.perf_budget(p95_ms=5)\ndef test_old(benchmark):\n    benchmark.pedantic(lambda: advance(1), rounds=60)\n"
        project.run(tests, "--perf-update-baseline", pyproject=FAST)
        project.run(tests, "--benchmark-disable")
        assert project.verdicts() == {"test_old p95": "unmeasured"}
        assert times(project) == {}
        assert project.report["summary"]["baseline"]["missing"] == 1

    def test_a_baseline_that_could_find_nothing_is_said(self, based: Project) -> None:
        file = based.pytester.path / "perf-baseline.json"
        file.write_text(file.read_text("utf-8").replace('"spread": 0.0', '"spread": 0.9'), "utf-8")
        result = based.run(TWO)
        result.stdout.fnmatch_lines(
            [
                "note: test_it.py::test_body: its baseline is uncertain: a slowdown of less than *% would not be found; update it"
            ]
        )


class TestAccounts:
    """What was not compared is counted and named, and red with --perf-strict."""

    def test_without_a_baseline_nothing_is_said(self, project: Project) -> None:
        result = project.run(TWO)
        result.stdout.no_fnmatch_line("*against the baseline*")

    def test_a_baseline_that_pyproject_names_has_to_be_there(self, project: Project) -> None:
        named = '[tool.perfbudget]\nbaseline = "perf/base.json"\nbaseline_runs = 2\n'
        result = project.run(TWO, pyproject=named)
        result.stdout.fnmatch_lines(
            [
                "new: *: there is no perf/base.json: make it with pytest --perf-update-baseline",
                "against the baseline: 2 new",
            ]
        )
        project.run(TWO, "--perf-strict").assert_outcomes(passed=1, failed=2)
        project.run(TWO, "--perf-update-baseline").assert_outcomes(passed=2, deselected=1)
        assert (project.pytester.path / "perf" / "base.json").exists()
        project.run(TWO, "--perf-strict").assert_outcomes(passed=3)

    def test_nothing_is_missing_where_nothing_runs(self, based: Project) -> None:
        result = based.run(TWO, "--collect-only", "--perf-strict")
        assert result.ret == 0
        assert "missing:" not in result.stdout.str()

    def test_a_baseline_that_another_root_folder_leaves_unread_is_said(self, project: Project) -> None:
        project.file("pytest.ini", "[pytest]\npythonpath = .\n")
        project.file("inner/test_in.py", "from scripted import advance\ndef test_in(perf): perf(advance, 1)\n")
        project.run("", "inner", "--perf-update-baseline", pyproject=FAST)
        project.file("inner/pytest.ini", "[pytest]\npythonpath = ..\n")
        moved = ("-c", "inner/pytest.ini", "-W", "default", "inner")
        result = project.run("", *moved)
        result.stdout.fnmatch_lines(["*perf-baseline.json has these tests and is not used: the root folder is *inner*"])
        assert project.run("", *moved, "--perf-strict").ret == pytest.ExitCode.USAGE_ERROR
        project.file("inner/test_in.py", "from scripted import advance\ndef test_new(perf): perf(advance, 1)\n")
        assert "is not used" not in project.run("", *moved).stdout.str()

    def test_so_is_one_below_the_root_folder(self, project: Project) -> None:
        project.file("inner/pyproject.toml", FAST)
        project.file("inner/pytest.ini", "[pytest]\npythonpath = ..\n")
        project.file("inner/test_in.py", "from scripted import advance\ndef test_in(perf): perf(advance, 1)\n")
        project.run("", "-c", "inner/pytest.ini", "inner", "--perf-update-baseline")
        assert (project.pytester.path / "inner" / "perf-baseline.json").exists()
        result = project.run("", "-W", "default", "inner", "--rootdir=.", "-c", "pytest.ini")
        result.stdout.fnmatch_lines(["*inner/perf-baseline.json has these tests and is not used: the root folder is *"])

    def test_a_link_that_leads_nowhere_is_one_line(self, based: Project) -> None:
        file = based.pytester.path / "perf-baseline.json"
        file.unlink()
        file.symlink_to("gone.json")
        result = based.run(TWO)
        result.stderr.fnmatch_lines(["ERROR: perf-baseline.json: is a link to gone.json, which is not there: *"])

    def test_new(self, based: Project) -> None:
        tests = TWO + "\n@pytest.mark.perf_budget\ndef test_added(): advance(1)\n"
        result = based.run(tests)
        result.assert_outcomes(passed=4)
        assert times(based)["test_added"] == "new"
        result.stdout.fnmatch_lines(["new: test_it.py::test_added: the baseline does not have it"])
        based.run(tests, "--perf-strict").assert_outcomes(passed=3, failed=1)

    def test_the_group_that_xdist_adds_to_a_node_id_is_none_of_it(self, project: Project) -> None:
        tests = TWO.replace("@pytest.mark.perf", "@pytest.mark.xdist_group('db')\n@pytest.mark.perf")
        budget = FAST + '[tool.perfbudget.budgets]\n"test_it.py::test_body" = {p95_ms = 5}\n'
        grouped = ("-n", "2", "--dist", "loadgroup")
        project.run(tests, "--perf-update-baseline", *grouped, pyproject=budget)
        assert set(lines(project)) == {"test_body", "test_call step"}
        project.run(tests, "--perf-strict", *grouped).assert_outcomes(passed=3)
        assert times(project) == {"test_body": "unchanged", "test_call step": "unchanged"}
        assert list(project.verdicts()) == ["test_body p95"]

    @pytest.mark.usefixtures("based")
    def test_missing_because_it_was_renamed(self, each_way: Project) -> None:
        result = each_way.run(TWO.replace("test_call", "test_renamed"))
        assert result.ret == 0
        result.stdout.fnmatch_lines(
            ["missing: test_it.py::test_call step: *", "against the baseline: 1 new, 1 missing, *"]
        )
        assert each_way.report["missing"][0]["id"] == "test_it.py::test_call step"
        assert each_way.run(TWO.replace("test_call", "test_body2"), "--perf-strict").ret == pytest.ExitCode.TESTS_FAILED

    def test_missing_because_it_was_skipped_is_red_if_strict(self, based: Project) -> None:
        tests = TWO.replace("def test_call(perf):", "def test_call(perf):\n    pytest.skip('today')")
        assert based.run(tests).ret == 0
        assert based.report["summary"]["baseline"]["missing"] == 1
        assert based.run(tests, "--perf-strict").ret == pytest.ExitCode.TESTS_FAILED

    def test_missing_because_its_file_gives_no_tests(self, based: Project) -> None:
        result = based.run("pytest.importorskip('not_installed_anywhere')\n" + TWO)
        assert based.report["summary"]["baseline"]["missing"] == 2
        result.stdout.fnmatch_lines(["missing: test_it.py::test_body, test_it.py::test_call step: *"])
        assert based.run("", "--perf-strict").ret != 0

    def test_missing_because_a_hook_dropped_it_without_a_word(self, based: Project) -> None:
        hook = "\ndef pytest_collection_modifyitems(items):\n    items[:] = [one for one in items if 'body' not in one.name]\n"
        add_to_conftest(based, hook)
        based.run(TWO)
        assert [one["id"] for one in based.report["missing"]] == ["test_it.py::test_body"]

    def test_a_baseline_that_is_lost_is_missed(self, based: Project) -> None:
        (based.pytester.path / "perf-baseline.json").unlink()
        result = based.run(TWO)
        result.stdout.fnmatch_lines(
            ["new: *: there is no perf-baseline.json: make it with pytest --perf-update-baseline"]
        )
        based.run(TWO, "--perf-strict").assert_outcomes(passed=1, failed=2)

    def test_a_baseline_of_a_machine_of_quite_another_speed_is_stale(
        self, based: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = based.pytester.path / "perf-baseline.json"
        file.write_text(file.read_text("utf-8").replace('"calm_ns": [1, 1, 1]', '"calm_ns": [9, 9, 9]'), "utf-8")
        monkeypatch.setenv("SLOW", "3")
        result = based.run(TWO)
        assert times(based)["test_body"] == "unmeasured"
        result.stdout.fnmatch_lines(
            ["unmeasured: *: the canaries take 0.11 times what they took for the baseline: update it"]
        )

    def test_what_is_not_part_of_the_session_is_counted(self, based: Project) -> None:
        based.run(TWO, "-k", "body").stdout.fnmatch_lines(
            ["1 other measurement of the baseline: not selected or not collected"]
        )

    def test_what_was_not_asked_for_is_not_missing(self, based: Project) -> None:
        based.run(TWO, "-k", "body")
        assert based.report["missing"] == []
        based.run(TWO, "test_it.py::test_body")
        assert based.report["missing"] == []
        based.file("test_other.py", "def test_x(): pass")
        based.run(TWO, "test_other.py")
        assert based.report["missing"] == []

    def test_foreign(self, based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """Times of another machine are not judged; counts are, for the Python is the same."""
        file = based.pytester.path / "perf-baseline.json"
        document = json.loads(file.read_text("utf-8"))
        (key,) = document["machines"]
        file.write_text(file.read_text("utf-8").replace(key, "elsewhere"), "utf-8")
        monkeypatch.setenv("SLOW", "3")
        result = based.run(TWO)
        result.assert_outcomes(passed=3)
        assert based.report["missing"] == []
        assert times(based) == {"test_body": "foreign", "test_call step": "foreign"}
        result.stdout.fnmatch_lines(["foreign: *: the baseline has no times of this machine (*)"])
        assert regression_verdicts(based)["test_body calls"] == "unchanged"
        based.run(TWO, "--perf-strict").assert_outcomes(passed=1, failed=2)
        tests = (
            TWO.replace("advance(0.1 * SLOW)", "advance(0.1)\n    for _ in range(40): verify()")
            + "\ndef verify(): pass\n"
        )
        based.run(tests).assert_outcomes(passed=2, failed=1)

    def test_another_python_is_another_machine_for_counts_as_well(self, based: Project) -> None:
        file = based.pytester.path / "perf-baseline.json"
        (key,) = json.loads(file.read_text("utf-8"))["machines"]
        text = file.read_text("utf-8").replace(key, "elsewhere").replace('"CPython ', '"PyPy ')
        file.write_text(text, "utf-8")
        based.run(TWO)
        assert regression_verdicts(based) == {"test_body time": "foreign", "test_call step time": "foreign"}

    def test_a_suspect_that_cannot_be_confirmed_is_unmeasured(
        self, based: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLOW", "2")
        tests = TWO.replace("SLOW =", "if 'bootstrap' in sys.argv[0]: 1 / 0\nSLOW =")
        result = based.run(tests)
        result.assert_outcomes(passed=3)
        assert times(based)["test_body"] == "unmeasured"
        result.stdout.fnmatch_lines(
            ["unmeasured: *test_body: it looked slower, and could not be confirmed: *ZeroDivisionError*"]
        )
        based.run(tests, "--perf-strict").assert_outcomes(passed=2, failed=1)

    def test_with_the_gate_off_nothing_is_compared(self, based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLOW", "3")
        based.run(TWO, "--perf-gate=off").assert_outcomes(passed=3)


class TestFaults:
    @pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
    def test_a_broken_baseline_is_one_line(self, based: Project, workers: tuple[str, ...]) -> None:
        file = based.pytester.path / "perf-baseline.json"
        file.write_text(file.read_text("utf-8")[:-200], "utf-8")
        result = based.run(TWO, *workers)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: perf-baseline.json:*: is cut off: restore it from git"])

    def test_odd_node_ids(self, project: Project) -> None:
        tests = """
import os
@pytest.mark.perf_budget
@pytest.mark.parametrize("name", ["a::b", "x [y] z", "ünï", "q'\\"uote", "back\\\\slash", "a/b"])
def test_odd(name): advance(float(os.environ.get("SLOW", "0.1")))
"""
        project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=6)
        assert len(lines(project)) == 6
        project.run(tests).assert_outcomes(passed=6)
        assert set(times(project).values()) == {"unchanged"}
        os.environ["SLOW"] = "0.2"
        try:
            project.run(tests).assert_outcomes(failed=6)
        finally:
            del os.environ["SLOW"]

    def test_a_worker_that_hangs_is_ended(self, based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLOW", "2")
        add_to_conftest(based, IMPATIENT)
        tests = TWO.replace(
            "SLOW =",
            "import signal\nif 'bootstrap' in sys.argv[0]: signal.pause()\nSLOW =",
        )
        result = based.run(tests)
        result.assert_outcomes(passed=3)
        result.stdout.fnmatch_lines(["unmeasured: *: a fresh process said nothing for 3 s and was ended*"])

    def test_after_two_that_hung_no_other_is_started(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """What they waited for, a lock or a port, the session holds to its end."""
        tests = """
import os, signal, sys
SLOW = float(os.environ.get("SLOW", "1"))
if SLOW > 1 and "bootstrap" in sys.argv[0]: signal.pause()
@pytest.mark.perf_budget
@pytest.mark.parametrize("name", "abc")
def test_it(name): advance(0.2 * SLOW)
"""
        project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=3)
        monkeypatch.setenv("SLOW", "2")
        add_to_conftest(project, IMPATIENT)
        result = project.run(tests)
        result.stdout.fnmatch_lines(
            [
                "unmeasured: *test_it[[]a], *test_it[[]b]: *confirmed: a fresh process said nothing for 3 s and was ended",
                "unmeasured: *test_it[[]c]: *an earlier fresh process hung (*), so none was*",
            ]
        )

    @pytest.mark.skipif(sys.platform == "win32", reason="signals")
    def test_an_interrupt_while_confirming_leaves_nothing(
        self, based: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLOW", "2")
        pids = based.pytester.path / "pids"
        tests = TWO.replace(
            "SLOW =",
            "import signal, time\nif 'bootstrap' in sys.argv[0]:\n"
            f"    open({str(pids)!r}, 'a').write(str(os.getpid()) + ' ')\n"
            "    os.kill(os.getppid(), signal.SIGINT)\n    signal.pause()\n"
            # A shell's background job ignores it, and Python with it.
            "else: signal.signal(signal.SIGINT, signal.default_int_handler)\nSLOW =",
        )
        before = (based.pytester.path / "perf-baseline.json").read_bytes()
        result = based.run(tests, subprocess=True)
        assert result.ret == pytest.ExitCode.INTERRUPTED
        for pid in pids.read_text("utf-8").split():
            shown = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout
            assert not shown.strip() or shown.startswith("Z")
        assert (based.pytester.path / "perf-baseline.json").read_bytes() == before
        left = [one.name for one in Path(based.pytester.path).iterdir() if "lock" in one.name]
        assert left == []
