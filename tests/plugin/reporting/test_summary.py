"""What the terminal shows at the end."""

from __future__ import annotations

import pytest
from scripting import Project

TESTS = """
@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_quick(): advance(ms=10)

@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_near(): advance(ms=45)

@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_slow(): advance(ms=60)
"""


def test_the_summary_has_a_table_and_counts(each_way: Project) -> None:
    result = each_way.run(TESTS, "--perf-max-time=10s")
    result.stdout.fnmatch_lines_random(
        [
            "*= performance budgets =*",
            "verdict     component  test * metric  measured  limit  used * p50 * p95",
            "within      api * test_quick * p95 * 10*ms * 50 ms * 20% *",
            "near limit  api * test_near * p95 * 45*ms * 50 ms * 90% *",
            "exceeded    api * test_slow * p95 * 60 ms[*]  50 ms * 120% *",
            "health 59 of 100: api 59",
            "3 budgets of 3 measurements: 1 exceeded, 2 within",
        ]
    )
    (api,) = each_way.report["health"]["components"]
    assert (api["component"], api["score"], api["within"], api["exceeded"]) == ("api", 59, 2, 1)


def test_warn_at_decides_from_where_it_warns(project: Project) -> None:
    result = project.run(TESTS, "--perf-max-time=10s", pyproject="[tool.perfbudget]\nwarn_at = 0.95\n")
    assert "near" not in result.stdout.str().replace("test_near", "")


@pytest.mark.parametrize("tests", ["def test_it(): pass", "import pytest\n@pytest.mark.skip\ndef test_it(): pass"])
def test_without_perf_tests_there_is_no_summary(project: Project, tests: str) -> None:
    assert "performance" not in project.run(tests).stdout.str()


def test_color_on_a_terminal_and_none_where_it_is_not_wanted(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033[" in project.run(TESTS, "--color=yes").stdout.str()
    assert "\033[" not in project.run(TESTS).stdout.str()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[" not in project.run(TESTS, "--color=auto").stdout.str()


CALM = "@pytest.mark.perf_budget(p95_ms=50)\ndef test_calm(): advance(ms=10)\n"
LAST = "@pytest.mark.perf_budget(p95_ms=50)\ndef test_last(): advance(ms=10)\n"


@pytest.mark.parametrize(
    ("stop", "arguments", "text"),
    [
        ("raise Stop", (), "The session was interrupted: 1 of 2 perf tests has not run."),
        ("pytest.exit('no', 0)", (), "The session ended early, with exit code 0: 1 of 2 perf tests has not run."),
        ("pytest.exit('no', 7)", (), None),  # pytest shows no summary then
        ("assert False", ("-x",), "The session ended early, with exit code 1: 1 of 2 perf tests has not run."),
    ],
)
def test_a_session_that_ends_early_is_incomplete(
    project: Project, stop: str, arguments: tuple[str, ...], text: str | None
) -> None:
    # pytester raises a KeyboardInterrupt again, but none of a class of its own.
    result = project.run(
        f"class Stop(KeyboardInterrupt): pass\n{CALM}def test_stop(): {stop}\n{LAST}",
        "--perf-output=report.md",
        *arguments,
    )
    assert text is None or text in result.stdout.str()
    assert (project.pytester.path / "report.md").read_text("utf-8").startswith("## Performance: incomplete\n")
    session = project.report["session"]
    assert (session["is_cut_short"], session["perf_tests"], session["not_run"]) == (True, 2, 1)
    assert project.report["health"]["score"] == 89


def test_a_session_that_runs_to_its_end_is_complete(each_way: Project) -> None:
    result = each_way.run(
        f"{CALM}def test_other(): pass\n{LAST}@pytest.mark.skip\n{LAST.replace('last', 'left')}", "-x"
    )
    assert "incomplete" not in result.stdout.str()
    session = each_way.report["session"]
    assert (session["is_cut_short"], session["perf_tests"], session["not_run"]) == (False, 3, 0)
    assert each_way.report["health"]["score"] == 100


def test_a_stop_after_the_last_perf_test_leaves_the_numbers_complete(project: Project) -> None:
    project.run(f"{CALM}{LAST}def test_stop(): assert False\ndef test_other(): pass", "-x")
    session = project.report["session"]
    assert (session["is_cut_short"], session["not_run"], session["other_failed"]) == (
        False,
        0,
        ["test_it.py::test_stop"],
    )


def test_a_file_that_cannot_be_collected_fails_the_session_otherwise(project: Project) -> None:
    project.file("test_broken.py", "import nothing_of_this_name")
    result = project.run(CALM, "--continue-on-collection-errors")
    assert "1 test failed for other reasons." in result.stdout.str()
    assert project.report["session"]["other_failed"] == ["test_broken.py"]
