"""--perf-output: the files of a session; and the output for GitHub and for JUnit files, which no option asks for."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree as ET

import pytest
from repositories import commit
from scripting import Project

from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult

SLOW = """
@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_slow(): advance(ms=60)
"""


def test_the_json_says_what_the_session_was(each_way: Project) -> None:
    each_way.run(SLOW, "--perf-gate=warn", "--perf-max-time=900ms")
    document = each_way.report
    assert document["schema"] == "perfbudget-report/1"
    session = document["session"]
    assert (session["gate"], session["strict"], session["alpha"], session["confidence"]) == ("warn", False, 0.01, 0.95)
    assert session["versions"]["pytest"] == pytest.__version__
    assert session["exit_status"] == 0
    assert session["max_time_ns"] == 900e6
    assert session["workers"] == (2 if "2" in each_way.arguments else 0)
    one = next(found for found in document["measurements"] if found["nodeid"].endswith("slow"))
    assert one["component"] == "api"
    assert one["statistics"]["p95"] == 60e6
    assert one["overhead_ns"] == 0
    (budget,) = one["budgets"]
    assert budget["limit"] == 50e6
    assert budget["source"].startswith("perf_budget marker in test_it.py:")
    assert budget["verdict"] == "exceeded"


def test_the_json_counts_the_tests_that_failed_by_something_else(each_way: Project) -> None:
    broken = "def test_broken(): assert False\n@pytest.fixture\ndef torn():\n    yield\n    assert False\n"
    each_way.run(SLOW + broken + "def test_torn(torn): pass")
    assert each_way.report["session"]["other_failures"] == 2
    each_way.run(SLOW)
    assert each_way.report["session"]["other_failures"] == 0


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan"])
def test_a_session_that_runs_nothing_keeps_the_report_of_the_last(project: Project, option: str) -> None:
    project.run(SLOW)
    before = project.report
    assert before["measurements"]
    project.run(SLOW, option)
    assert project.report == before


def test_the_json_keeps_the_rounds_in_their_order(each_way: Project) -> None:
    each_way.run(
        "MS = iter(range(1, 1000))\n@pytest.mark.perf_budget(p95_ms=900)\ndef test_it(): advance(ms=next(MS))",
        "--perf-max-time=900ms",
    )
    (one,) = RunResult.from_dict(each_way.report).measurements
    assert one.times is not None
    times_ns = one.times.times_ns()
    assert len(times_ns) == one.rounds
    assert times_ns == sorted(set(times_ns))


def test_several_outputs_and_folders_that_do_not_exist_yet(project: Project) -> None:
    project.run(SLOW, "--perf-output=a.json", "--perf-output=deep/er/b.json")
    written = [json.loads((project.pytester.path / name).read_text("utf-8")) for name in ("a.json", "deep/er/b.json")]
    assert written[0] == written[1] == project.report


def test_two_results_for_one_file_are_refused_before_anything_runs(project: Project) -> None:
    result = project.run(SLOW, "--perf-output=a.md", "--perf-output=csv:a.md")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --perf-output: two results would go to a.md: name another file for one of them"]
    )


def test_a_folder_elsewhere_that_does_not_exist_is_refused_before_anything_runs(each_way: Project) -> None:
    """A mistyped path would create a folder anywhere."""
    path = each_way.pytester.path / "absent/report.json"
    result = each_way.run(SLOW, f"--perf-output={path}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --perf-output: the folder of {path} does not exist: create it, or name another"]
    )
    assert not path.parent.exists()
    path.parent.mkdir()
    each_way.run("def test_plain(): pass", f"--perf-output={path}").assert_outcomes(passed=1)
    assert path.exists()


def test_the_json_of_a_session_without_perf_tests_counts_none(each_way: Project) -> None:
    each_way.run("def test_plain(): pass").assert_outcomes(passed=1)
    assert each_way.report["summary"] == {
        "measurements": 0,
        "budgets": {"exceeded": 0, "undecided": 0, "unmeasured": 0, "within": 0},
        "changes": dict.fromkeys([verdict.value for verdict in RegressionVerdict], 0),
    }


def test_an_output_that_cannot_be_written_is_an_error_of_its_own(project: Project) -> None:
    project.file("taken/x", "")
    result = project.run("def test_plain(): pass", "--perf-output=taken/x/report.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["--perf-output: taken/x/report.json cannot be written: *"])


NO_TERMINAL = ("-p", "no:terminal")


class TestWithoutATerminalPlugin:
    """`-p no:terminal`: nothing prints the summary, and the gate and its outputs stay."""

    @pytest.mark.parametrize("arguments", [(), NO_TERMINAL])
    def test_an_output_that_cannot_be_written_is_named(self, project: Project, arguments: tuple[str, ...]) -> None:
        project.file("taken/x", "")
        result = project.run("def test_plain(): pass", "--perf-output=taken/x/report.json", *arguments)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        said = [line for line in result.errlines if "cannot be written" in line]
        assert [line.partition("taken")[0] for line in said] == (["perfbudget: --perf-output: "] if arguments else [])

    def test_a_session_without_errors_prints_nothing(self, project: Project) -> None:
        result = project.run("def test_plain(): pass", *NO_TERMINAL)
        assert (result.ret, result.errlines) == (pytest.ExitCode.OK, [])
        assert project.report["measurements"] == []

    @pytest.mark.parametrize("arguments", [(), NO_TERMINAL, (*NO_TERMINAL, "--perf-gate=off")])
    def test_github_gets_each_command_once(
        self, project: Project, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
    ) -> None:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        result = project.run(SLOW, *arguments)
        is_off = "--perf-gate=off" in arguments
        assert result.ret == (pytest.ExitCode.OK if is_off else pytest.ExitCode.TESTS_FAILED)
        assert len([line for line in result.outlines if line.startswith("::error ")]) == (0 if is_off else 1)


def test_the_session_of_a_self_test_makes_no_annotations(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has to fail, so its failures are no errors of the job."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("PERFBUDGET_GATE_SELF_TEST", "true")
    result = project.run(SLOW)
    result.assert_outcomes(failed=1)
    assert not [line for line in result.outlines if line.startswith("::")]


def test_a_format_of_loads_says_that_there_is_none(each_way: Project) -> None:
    said = "--perf-output: {} has no numbers: * no test made any with perf_load"
    result = each_way.run(SLOW, "--perf-output=out.hgrm", "--perf-output=out.md")
    result.stdout.fnmatch_lines([said.format("out.hgrm")])
    result.stdout.no_fnmatch_line(said.format("out.md"))


def test_a_folder_is_refused_before_anything_runs(project: Project) -> None:
    (project.pytester.path / "place").mkdir()
    result = project.run(SLOW, "--perf-output=md:place")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --perf-output: place is a folder: name a file in it"])


FILES = {
    "out.md": "## Performance: failed\n\n1 of 1 perf test fails: 1 exceeded.",
    "out.csv": "test,name,component,",
    "out.prom": "# TYPE perfbudget_measured_seconds gauge",
    "gl-code-quality.json": '[\n  {\n    "description": "test_it.py::test_slow: p95 60 ms exceeds',
    "metrics.txt": "# TYPE perfbudget_budgets gauge",
    "codequality:quality.json": '[\n  {\n    "description": "test_it.py::test_slow: p95 60 ms exceeds',
    "metrics:numbers": "# TYPE perfbudget_budgets gauge",
    "rounds.csv": "test,name,side,round,calls [per round],time [s per round]\ntest_it.py::test_slow,,head,1,1,0.060000000\n",
    "nightly.rounds.csv": "test,name,side,round,",
    "rounds:numbers.csv": "test,name,side,round,",
}


def test_a_suffix_a_name_or_a_prefix_picks_the_format(each_way: Project) -> None:
    each_way.run(SLOW, *(f"--perf-output={name}" for name in FILES)).assert_outcomes(failed=1)
    for name, start in FILES.items():
        text = (each_way.pytester.path / name.rpartition(":")[2]).read_text("utf-8")
        assert text.startswith(start), name


def test_a_row_of_the_csv_is_what_the_session_measured(each_way: Project) -> None:
    each_way.run(SLOW, "--perf-output=out.csv")
    (row,) = [
        one
        for one in csv.DictReader(io.StringIO((each_way.pytester.path / "out.csv").read_text("utf-8")))
        if one["metric"] == "p95"
    ]
    assert (row["measured [unit]"], row["limit"], row["budget verdict"]) == ("60000000.0", "50 ms", "exceeded")


class TestGitHub:
    """The page of a job, and annotations at the lines of tests."""

    def test_the_page_of_the_job_gets_the_result_of_each_session(
        self, each_way: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = each_way.file("summary.md", "# of another step\n")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
        for _ in range(2):
            result = each_way.run(SLOW, output=False)
            result.assert_outcomes(failed=1)
        text = page.read_text("utf-8")
        assert text.startswith("# of another step\n## Performance: failed")
        assert "is full" not in result.stdout.str()
        assert text.count("- `test_it.py::test_slow`: `p95 60 ms exceeds its budget of 50 ms (120%)`\n") == 2

    @pytest.mark.parametrize("arguments", [(), ("--perf-gate=off",)])
    def test_a_session_without_results_adds_nothing(
        self, project: Project, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
    ) -> None:
        page = project.file("summary.md", "")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
        project.run(SLOW if arguments else "def test_plain(): pass", *arguments).assert_outcomes(passed=1)
        assert page.read_text("utf-8") == ""

    @pytest.mark.parametrize(("size", "added"), [(999_000, "\n\n## Performance: failed\n\n1 of 1 "), (1_045_000, "")])
    def test_a_full_page_gets_the_verdict_as_long_as_github_shows_it(
        self, project: Project, monkeypatch: pytest.MonkeyPatch, size: int, added: str
    ) -> None:
        page = project.file("summary.md", "x" * size)
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
        result = project.run(SLOW, output=False)
        result.stdout.fnmatch_lines(["GITHUB_STEP_SUMMARY: the page of the job is full: *"])
        text = page.read_text("utf-8")[size:]
        assert text.startswith(added)
        assert len(text) < (500 if added else 1)

    def test_a_page_that_cannot_be_written_is_named_and_fails_nothing(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.pytester.path))
        result = project.run(SLOW.replace("60", "1"), output=False)
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["GITHUB_STEP_SUMMARY: * cannot be written: *"])

    def test_a_failure_is_shown_at_the_line_of_its_test(
        self, each_way: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        commit(each_way.pytester.path, {"README": ""})
        each_way.file("services/pytest.ini", "[pytest]\n")
        marked = "import pytest\n@pytest.mark.perf_budget(max_calls=1)\n"
        each_way.file("services/test_calls.py", f"{marked}def test_many(): [*map(lambda one: one, range(50))]\n")
        result = each_way.pytester.runpytest_inprocess(*each_way.arguments, "services")
        place = "::error file=services/test_calls.py,line=2,title=exceeded%3A test_calls.py%3A%3Atest_many::calls "
        result.stdout.fnmatch_lines([f"{place}*exceeds its budget of 1 *"])

    def test_elsewhere_no_command_is_printed(self, project: Project) -> None:
        project.run(SLOW).stdout.no_fnmatch_line("::error*")


JUNIT = ("--junitxml=junit.xml", "-o", "junit_family=xunit1")


def properties(project: Project) -> list[tuple[str, str]]:
    root = ET.parse(project.pytester.path / "junit.xml")
    return [(one.attrib["name"], one.attrib["value"]) for one in root.iter("property")]


def test_a_junit_file_has_the_budgets_of_each_test_beside_its_own_properties(each_way: Project) -> None:
    tests = SLOW.replace("def test_slow():", "def test_slow(record_property): record_property('mine', '1');")
    each_way.run(tests, *JUNIT)
    found = properties(each_way)
    assert dict(found)["perfbudget.p95"].startswith(
        "exceeded: 60 ms (120%, max of 15 rounds); limit 50 ms from perf_budget marker in test_it.py:"
    )
    assert ("mine", "1") in found


def test_a_rerun_has_the_properties_of_its_own_run_only(project: Project) -> None:
    project.run(
        """
MS = iter([60] * 300)
@pytest.mark.perf_budget(p95_ms=50)
@pytest.mark.flaky(reruns=1)
def test_it(): advance(next(MS, 1) if not again else 1)
again = []
@pytest.fixture(autouse=True)
def second():
    yield
    again.append(1)
""",
        *JUNIT,
    ).assert_outcomes(passed=1)
    # pytest writes the properties of each run of a test into one element.
    assert [text.partition(":")[0] for _, text in properties(project)] == ["exceeded", "within"]


def test_a_junit_file_whose_schema_has_no_properties_gets_none(each_way: Project) -> None:
    each_way.run(SLOW, "--junitxml=junit.xml")
    assert properties(each_way) == []
