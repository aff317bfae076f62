"""`--perf-update-baseline`: what is written, what is kept, and what is said of it."""

from __future__ import annotations

import pytest
from programs import FAST, TWO, in_turn, lines
from scripting import Project

pytestmark = pytest.mark.usefixtures("few_plugins")


def test_it_writes_a_line_for_each_measurement_and_runs_perf_tests_only(based: Project) -> None:
    found = lines(based)
    assert set(found) == {"test_body", "test_call step"}
    assert found["test_body"]["time"]["time_ns"] == 100_000
    assert found["test_call step"]["time"]["time_ns"] == 200_000
    assert found["test_body"]["time"]["runs"] == 2
    assert found["test_body"]["calls"] > 0


@pytest.mark.parametrize("workers", [(), ("-n", "0"), ("-n", "2")], ids=["plain", "n0", "n2"])
def test_it_ends_with_a_table_of_what_changed(project: Project, workers: tuple[str, ...]) -> None:
    result = project.run(TWO, "--perf-update-baseline", *workers, pyproject=FAST)
    result.stdout.fnmatch_lines(
        ["*performance baseline*", "*test_body *time *100 us *new*", "perf-baseline.json: 2 new"]
    )
    assert result.ret == 0
    assert set(lines(project)) == {"test_body", "test_call step"}


def test_a_second_one_changes_nothing(based: Project) -> None:
    before = (based.pytester.path / "perf-baseline.json").read_bytes()
    result = based.run(TWO, "--perf-update-baseline")
    result.stdout.fnmatch_lines(["perf-baseline.json: 2 unchanged"])
    assert (based.pytester.path / "perf-baseline.json").read_bytes() == before


def test_slower_needs_a_reason(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_faster_is_taken(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "0.5")
    based.run(TWO, "--perf-update-baseline").stdout.fnmatch_lines(["*test_body *-50 % *faster"])
    assert lines(based)["test_body"]["time"]["time_ns"] == 50_000


def test_a_selection_updates_what_it_measured(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "0.5")
    before = lines(based)
    based.run(TWO, "--perf-update-baseline", "-k", "call")
    assert lines(based) == before


def test_where_nothing_passes_nothing_is_written(project: Project) -> None:
    result = project.run("def test_plain(): pass", "--perf-update-baseline")
    result.stdout.fnmatch_lines(["no perf test was measured: the baseline stands as it was"])
    assert not (project.pytester.path / "perf-baseline.json").exists()


def test_a_session_that_ends_early_updates_nothing(project: Project) -> None:
    tests = "@pytest.mark.perf_budget\ndef test_bad():\n    assert False\n" + TWO
    result = project.run(tests, "--perf-update-baseline", "-x", pyproject=FAST)
    result.stdout.fnmatch_lines(["the session ended early: the baseline stands as it was"])
    assert not (project.pytester.path / "perf-baseline.json").exists()


def test_a_failed_test_updates_nothing(project: Project) -> None:
    tests = TWO + "\n@pytest.mark.perf_budget\ndef test_bad():\n    advance(1)\n    assert False\n"
    result = project.run(tests, "--perf-update-baseline", pyproject=FAST)
    result.assert_outcomes(passed=2, failed=1, deselected=1)
    assert set(lines(project)) == {"test_body", "test_call step"}


def test_a_test_that_fails_in_its_teardown_updates_nothing(project: Project) -> None:
    fixture = "\n@pytest.fixture\ndef broken():\n    yield\n    assert 'bootstrap' in sys.argv[0]\n"
    tests = TWO + fixture + "\n@pytest.mark.perf_budget\ndef test_bad(broken):\n    advance(1)\n"
    project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=3, errors=1, deselected=1)
    assert set(lines(project)) == {"test_body", "test_call step"}


def test_a_test_that_fails_in_a_fresh_process_is_named_and_kept_out(project: Project) -> None:
    tests = TWO + (
        "\n@pytest.mark.perf_budget\ndef test_once():\n    advance(1)\n    assert 'bootstrap' not in sys.argv[0]\n"
    )
    result = project.run(tests, "--perf-update-baseline", pyproject=FAST)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["not updated: test_it.py::test_once: it fails in a fresh process: AssertionError:*"])
    assert "test_once" not in lines(project)


def test_a_crash_in_a_fresh_process_is_one_line_and_writes_nothing(project: Project) -> None:
    tests = TWO + (
        "\n@pytest.mark.perf_budget\ndef test_crash():\n    advance(1)\n"
        "    if 'bootstrap' in sys.argv[0]: os._exit(7)\n"
    )
    result = project.run(tests, "--perf-update-baseline", pyproject=FAST)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    expected = "the baseline was not updated: a fresh process ended with exit code 7 before it had measured test_it.py::test_crash*"
    result.stdout.fnmatch_lines([expected])
    assert not (project.pytester.path / "perf-baseline.json").exists()


@pytest.mark.parametrize("reason", ["", " ", "..."])
def test_a_reason_says_something(based: Project, reason: str) -> None:
    result = based.run(TWO, "--perf-update-baseline", "--perf-reason", reason)
    result.stderr.fnmatch_lines(["ERROR: --perf-reason: say why it may be slower"])


def test_reason_and_prune_mean_nothing_alone(project: Project) -> None:
    for option in ("--perf-reason=x", "--perf-prune"):
        result = project.run(TWO, option)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: {option.partition('=')[0]} belongs to --perf-update-baseline: add it"])


def test_what_cannot_be_told_from_noise_is_not_accepted_and_that_is_said(based: Project) -> None:
    before = lines(based)["test_body"]
    tests = in_turn(1.0, 1.8)
    update = (tests, "--perf-update-baseline", "-k", "body")
    result = based.run(*update)
    result.stdout.fnmatch_lines(["*undecided (kept)", "perf-baseline.json: 1 undecided (kept)", "undecided: looks *"])
    assert result.ret == 0
    assert based.run(*update, "--perf-reason", "stronger hashes").ret == pytest.ExitCode.TESTS_FAILED
    assert lines(based)["test_body"] == before


def test_runs_that_are_too_far_apart_for_a_line_are_named(project: Project) -> None:
    """A line that could not be read again would end every later session."""
    result = project.run(in_turn(1, 10_000), "--perf-update-baseline", pyproject=FAST)
    result.stdout.fnmatch_lines(["not updated: test_it.py::test_body: its runs are too far apart to be of use: *"])
    assert set(lines(project)) == {"test_call step"}


def test_a_baseline_that_cannot_be_read_is_not_written_over(project: Project) -> None:
    project.file("perf-baseline.json", "precious")
    result = project.run(TWO, "--perf-update-baseline", pyproject=FAST)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: perf-baseline.json:1: is no JSON*"])
    assert (project.pytester.path / "perf-baseline.json").read_text("utf-8") == "precious"


def test_call_profiles_that_cannot_be_read_are_not_written_over(based: Project) -> None:
    profiles = based.pytester.path / "perf-baseline.calls.json"
    broken = profiles.read_text("utf-8").replace('"profiles"', '<<<<<<< HEAD\n"profiles"')
    profiles.write_text(broken, "utf-8")
    more = TWO + "\n@pytest.mark.perf_budget\ndef test_more(): advance(1)\n"
    result = based.run(more, "--perf-update-baseline")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: perf-baseline.calls.json: cannot be understood: restore it from git*"])
    assert profiles.read_text("utf-8") == broken


def test_a_name_that_no_file_can_hold_is_one_line(project: Project) -> None:
    tests = "def test_it(perf): perf(advance, 1, name='caf\\udce9')\n"
    result = project.run(tests, "--perf-update-baseline", pyproject=FAST)
    result.stdout.fnmatch_lines(
        ["the baseline was not updated: perf-baseline.json: cannot hold *caf*udce9*: rename the test"]
    )
