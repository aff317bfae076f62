"""`perfbudget report`, `compare` and `merge`."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from full_result import FULL, SESSION, result_of
from programs import perf_program
from results import budget, change, measurement
from scripting import TWO_WORKERS, Project, regression_verdicts

from pytest_perfbudget.cli import main
from pytest_perfbudget.core.finding import DRIFT, LOOSENED, NOT_RECORDED, NOTHING_COMPARED, Finding, Missing, Severity
from pytest_perfbudget.core.kinds import LOAD, RATIO
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.loosening import Loosening
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.run_result import ComparedWith, RunResult
from pytest_perfbudget.core.session_findings import find_loosened
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.formats.comparison import headings

GOLDEN = Path(__file__).parent / "report" / "golden" / "comparison.txt"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    return tmp_path


def save(name: str, result: RunResult) -> str:
    Path(name).write_text(formats.render(result, "json"), "utf-8")
    return name


def timed(ms: float, name: str, **changed: Any) -> Measurement:
    draw = random.Random(name)
    times = RoundTimes.of([ms * 1e6 * draw.lognormvariate(0, 0.02) for _ in range(100)])
    return replace(measurement(nodeid=f"tests/test_api.py::{name}", times=times), **changed)


class TestHealth:
    """The health and the readiness of a saved session."""

    @pytest.mark.parametrize(
        ("verdict", "require", "code"),
        [
            (BudgetVerdict.WITHIN, "ready", 0),
            (BudgetVerdict.UNDECIDED, "ready", 1),
            (BudgetVerdict.UNDECIDED, "conditional", 0),
            (BudgetVerdict.EXCEEDED, "conditional", 1),
            (BudgetVerdict.EXCEEDED, None, 0),
        ],
    )
    def test_the_exit_code_is_that_of_the_required_readiness(
        self, verdict: BudgetVerdict, require: str | None, code: int
    ) -> None:
        whole = replace(result_of(measurement(budget(verdict))), compared_with=None)
        save("report.json", replace(whole, session=replace(SESSION, exit_status=0)))
        assert main(["health", *([] if require is None else ["--require", require])]) == code

    def test_it_names_every_reason_and_its_places(self, capsys: pytest.CaptureFixture[str]) -> None:
        slow = measurement(budget(), component="api")
        new = measurement(change(RegressionVerdict.NEW), nodeid="tests/test_api.py::test_new")
        assert main(["health", save("run.json", result_of(slow, new))]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "health 50 of 100: api 50",
            "not ready",
            "  1 budget exceeded",
            "    tests/test_api.py::test_login: p95",
            "  1 measurement of the baseline not run (run the whole suite)",
            "    tests/test_api.py::test_other",
            "  1 number without a baseline (pytest --perf-update-baseline)",
            "    tests/test_api.py::test_new",
        ]

    def test_drift_that_was_not_decided_has_the_line_of_the_session_and_the_requirement_is_said(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        drift = Finding(DRIFT, Severity.WARNING, "", headline="nothing to hold against v1: no session of v1")
        whole = replace(result_of(measurement(budget(BudgetVerdict.WITHIN))), compared_with=None, findings=[drift])
        save("run.json", replace(whole, session=replace(SESSION, exit_status=0)))
        assert main(["health", "run.json", "--require", "ready"]) == 1
        assert capsys.readouterr().out.splitlines()[1:] == [
            "conditional, but ready is required",
            "  drift not decided",
            "    nothing to hold against v1: no session of v1",
        ]

    def test_a_session_with_the_gate_off_and_a_missing_file_are_errors(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["health"]) == 2
        assert "report.json does not exist: pytest --perf-output report.json writes it" in capsys.readouterr().err
        assert main(["health", save("off.json", RunResult(replace(SESSION, gate="off")))]) == 2
        assert "off.json is of a session with --perf-gate=off" in capsys.readouterr().err


class TestReport:
    """A saved session, shown or written in another format."""

    @pytest.mark.parametrize("name", ["md", "csv", "rounds", "prom", "metrics", "codequality", "json", "k6", "hgrm"])
    def test_it_is_the_file_that_the_session_would_have_written(self, name: str) -> None:
        assert main(["report", save("run.json", FULL), "-o", f"{name}:new/out"]) == 0
        assert Path("new/out").read_text("utf-8") == formats.render(FULL, name)

    def test_several_files_are_written(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["report", save("run.json", FULL), "-o", "out.md", "-o", "out.csv"]) == 0
        number = len(FULL.measurements)
        assert capsys.readouterr().out == f"out.md: {number} measurements\nout.csv: {number} measurements\n"

    def test_a_dash_is_the_standard_output(self, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(["report", save("run.json", FULL), "-o", "md:-"]) == 0
        assert capfd.readouterr().out == formats.render(FULL, "md")
        assert not Path("-").exists()

    def test_two_results_for_one_file_are_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["report", save("run.json", FULL), "-o", "out.md", "-o", "csv:./out.md"]) == 2
        assert capsys.readouterr().err.endswith("two results would go to out.md: name another file for one of them\n")
        assert not Path("out.md").exists()

    def test_without_a_file_it_is_shown(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["report", save("run.json", result_of(measurement(budget())))]) == 0
        assert "exceeded  test_login  p95" in capsys.readouterr().out

    def test_failures_come_first_with_evidence_then_what_to_do_the_table_and_the_verdict(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tests = [measurement(budget(), change(), nodeid=f"a.py::test_{name}") for name in ("a", "b")]
        failed = result_of(*tests, measurement(budget(BudgetVerdict.UNDECIDED), nodeid="a.py::test_c"))
        facts = replace(failed.session, other_failures=1, other_failed=["b.py::test_broken"])
        assert main(["report", save("run.json", replace(failed, session=facts))]) == 0
        text = capsys.readouterr().out
        told = [
            "= failures =", "_ a.py::test_a _", "p95 lies above 58.2 ms (99 % sure)", "_ a.py::test_b _", "_ what to do _",
            "Make the code cheaper", "perfbudget guide exceeded", "= performance budgets =", "exceeded   test_a",
            "undecided: a.py::test_c: p95: too close to call", "note: perf_budget of no test", "against origin/main: ",
            "failed for other reasons: b.py::test_broken\nfailed: 2 of 3 perf tests fail: 2 exceeded, 2 regressed.",
        ]  # fmt: skip
        places = [text.index(one) for one in told]
        assert places == sorted(places)
        assert text.count("Make the code cheaper") == 1

    def test_a_calm_session_has_no_failures_and_a_verdict(self, capsys: pytest.CaptureFixture[str]) -> None:
        calm = result_of(measurement(budget(BudgetVerdict.WITHIN, estimate=1e6)))
        assert main(["report", save("run.json", replace(calm, session=replace(SESSION, exit_status=0)))]) == 0
        text = capsys.readouterr().out
        assert "= failures =" not in text
        assert text.endswith("\npassed: No test fails by a budget or by a comparison.\n")

    def test_verbose_shows_all_rows(self, capsys: pytest.CaptureFixture[str]) -> None:
        calm = [
            measurement(budget(BudgetVerdict.WITHIN, estimate=1e6), nodeid=f"a.py::test_{at:02}") for at in range(60)
        ]
        file = save("run.json", result_of(*calm))
        assert main(["report", file]) == 0
        assert "20 more measurements: 20 within; -v shows all" in capsys.readouterr().out
        assert main(["report", file, "-v"]) == 0
        assert "test_59" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("is_terminal", "variables", "has_color"),
        [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"TERM": "dumb"}, False)],
    )
    def test_a_terminal_shows_colours_as_the_session_did(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        is_terminal: bool,
        variables: dict[str, str],
        has_color: bool,
    ) -> None:
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        file = save("run.json", result_of(measurement(budget(), nodeid="a.py::test_a")))
        monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
        assert main(["report", file]) == 0
        lines = capsys.readouterr().out.splitlines()
        title, row, verdict = (
            next(one for one in lines if all(word in one for word in words))
            for words in (["_ a.py::test_a _"], ["exceeded", "test_a", "p95"], ["failed: 1 of"])
        )
        assert [one.startswith("\x1b[") for one in (title, row, verdict)] == [has_color] * 3
        assert has_color == ("\x1b" in "".join(lines))

    @pytest.mark.parametrize("has_color", [True, False])
    def test_health_and_compare_have_colours_on_a_terminal(
        self, has_color: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr("sys.stdout.isatty", lambda: has_color)
        sides = [save(f"{calls}.json", result_of(measurement(statistics={"calls": calls}))) for calls in (90, 900)]
        assert main(["compare", *sides]) == 1
        compared = capsys.readouterr().out
        assert ("\x1b[1;31mregressed\x1b[0m" in compared) is has_color
        assert ("\x1b[31m900.json: 1 regressed, " in compared) is has_color
        assert main(["health", save("run.json", result_of(measurement(budget(), nodeid="a.py::test_a")))]) == 0
        rated = capsys.readouterr().out.splitlines()
        assert [one.startswith("\x1b[31m") for one in rated[:2]] == [has_color] * 2
        assert ("  \x1b[31m1 budget exceeded\x1b[0m" in rated) is has_color
        assert ("\x1b" in "".join([compared, *rated])) is has_color

    def test_an_empty_session_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["report", save("run.json", RunResult())]) == 0
        assert capsys.readouterr().out == "no measurement\n"


class TestCompare:
    """Saved sessions against the first."""

    def sessions(self) -> list[str]:
        names = ("test_login", "test_search", "test_render[a very long parameter that a table has to cut]")
        tests = [timed(1.0, name) for name in names]
        slower = [timed(1.64, "test_login"), timed(1.01, "test_search"), *tests[2:]]
        calls = [replace(one, statistics={"calls": number}) for one, number in zip(slower, (100, 130, 7), strict=True)]
        base = [replace(one, statistics={"calls": number}) for one, number in zip(tests, (100, 100, 9), strict=True)]
        faster = [timed(0.5, "test_login"), timed(1.0, "test_new")]
        return [
            save(name, replace(result_of(*made), session=replace(SESSION, commit=commit, branch="main")))
            for name, made, commit in (
                ("base.json", base, "3f2a91c0d"), ("head.json", calls, "8c1d2e3f4"), ("other.json", faster, "0a9b8c7d6"),
            )
        ]  # fmt: skip

    def test_a_measurement_that_no_comparison_is_about_is_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A ratio that got ten times worse would otherwise pass without a word."""

        def ratio(value: float) -> Measurement:
            return measurement(nodeid="tests/test_api.py::test_ratio", kind=RATIO, statistics={"ratio": value})

        for name, value in (("before.json", 1.0), ("after.json", 10.0)):
            save(name, result_of(timed(1.0, "test_login"), ratio(value)))
        assert main(["compare", "before.json", "after.json", "--spread=25%"]) == 0
        named = (
            "1 measurement of both reports not compared, without times, calls or memory: tests/test_api.py::test_ratio"
        )
        assert f"after.json: {named}\n" in capsys.readouterr().out

    def test_a_session_that_is_compared_with_itself_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        base, head, _ = self.sessions()
        copy = Path("copy.json")
        copy.write_text(Path(base).read_text("utf-8"), "utf-8")
        for other in (base, str(copy)):
            assert main(["compare", base, other]) == 0
            told = f"perfbudget: {base} and {other} are reports of the same session: any change between them is none\n"
            assert capsys.readouterr().err == told
        main(["compare", base, head, "--spread=25%"])
        assert capsys.readouterr().err == ""

    def test_two_sessions_with_the_same_facts_are_not_the_same(self, capsys: pytest.CaptureFixture[str]) -> None:
        sides = [
            save(f"{ms}.json", result_of(replace(timed(ms, "test_login"), statistics={"median": ms})))
            for ms in (1.0, 1.01)
        ]
        main(["compare", *sides, "--spread=25%"])
        assert capsys.readouterr().err == ""

    def test_a_count_that_doubles_within_its_allowance_says_why_it_is_unchanged(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sides = [
            save(f"{calls}.json", result_of(measurement(statistics={"calls": calls}))) for calls in (4, 8, 1_000, 1_004)
        ]
        assert main(["compare", *sides[:2]]) == 0
        assert "2.0x (within 10 calls)  unchanged\n" in capsys.readouterr().out
        assert main(["compare", *sides[2:]]) == 0
        assert "+0.4 %  unchanged\n" in capsys.readouterr().out

    def test_it_looks_as_it_did(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["compare", *self.sessions(), "--spread", "2%"]) == 1
        text = capsys.readouterr().out
        if os.environ.get("PERFBUDGET_GOLDEN") == "write":
            GOLDEN.write_text(text, "utf-8")
        assert text == GOLDEN.read_text("utf-8")

    @pytest.mark.parametrize(
        ("names", "shown"),
        [
            (["/tmp/runs-of-today/a/report.json", "/tmp/runs-of-today/b/report.json"], ["a", "b"]),
            (["/tmp/runs-of-today/x/a.json", "/tmp/runs-of-today/x/b.json"], ["a.json", "b.json"]),
            (["/tmp/runs-of-today/report.json", "/tmp/runs-of-today/b/report.json"], ["report.json", "b/report.json"]),
            (["/tmp/runs-of-today/a/x.json"] * 2, ["/tmp/runs…today/a/x.json"] * 2),
            (["a.json", "b.json"], ["a.json", "b.json"]),
            ([f"{20 * 'x'}{one}{20 * 'y'}" for one in "pq"], [f"{at}: {12 * 'x'}…{11 * 'y'}" for at in (1, 2)]),
        ],
    )  # fmt: skip
    def test_headings_keep_what_tells_the_files_apart(self, names: list[str], shown: list[str]) -> None:
        assert list(headings(names, unicode=True)) == shown

    def test_only_a_regression_is_exit_code_1(self, capsys: pytest.CaptureFixture[str]) -> None:
        base, head, _ = self.sessions()
        assert main(["compare", base, base]) == 0
        text = capsys.readouterr().out
        assert "~ +0.0 %" in text
        same = "base.json is the same session as base.json: name the report of another session"
        assert same in text
        assert "unchanged code differs by up to +100 % in 95 % of pairs of sessions (--spread 25%)" in text
        assert "0 regressed, 0 improved, 3 unchanged, 3 undecided, of 6 compared numbers" in text
        assert main(["compare", head, base, "--spread=2%"]) == 0
        assert "is the same session" not in capsys.readouterr().out

    @pytest.mark.parametrize(("ms", "code"), [(0.99, 2), (1.5, 2), (9.0, 1)])
    def test_times_that_the_weather_may_have_changed_do_not_pass_as_unchanged(
        self, ms: float, code: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Only a change that no weather explains is told; otherwise a slowdown of half would be exit code 0."""
        sides = [
            save(f"{at}.json", result_of(timed(time, "test_login", statistics={"median": time})))
            for at, time in (("a", 1.0), ("b", ms))
        ]
        assert main(["compare", *sides]) == code
        captured = capsys.readouterr()
        told = "perfbudget: error: a.json and b.json do not tell whether 1 time became slower, unless by "
        assert captured.err.startswith(told) is (code == 2)
        assert ("  undecided\n" in captured.out) is (code == 2)  # the numbers are shown all the same
        assert main(["compare", *sides, "--spread=2%"]) == (ms > 1)
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize(("ms", "code"), [(1.01, 0), (1.5, 2)])
    def test_beside_corrected_times_only_a_time_that_looks_slower_does_not_pass(self, ms: float, code: int) -> None:
        """A timer has no readings of the weather, also in a session that has them."""
        compared = change(RegressionVerdict.UNCHANGED, before=1e6, after=1e6, ratio=1.0, log_std_error=0.002)
        steady = timed(1.0, "test_login", changes=[compared])
        sides = [
            save(name, result_of(steady, timed(time, "test_timer", statistics={"median": time})))
            for name, time in (("a.json", 1.0), ("b.json", ms))
        ]
        assert main(["compare", *sides]) == code

    def test_a_session_does_not_loosen_its_own_tolerance(self, capsys: pytest.CaptureFixture[str]) -> None:
        sides = [
            save(f"{ms}.json", result_of(timed(ms, "test_login", max_regression=share), timed(ms, "test_other")))
            for ms, share in ((4.0, 0.05), (12.0, 9.0), (4.01, 0.05))
        ]
        assert main(["compare", *sides[:2], "--spread=2%"]) == 1
        text = "4.0.json and 12.0.json allow 5 % and 900 % for tests/test_api.py::test_login: the smaller holds\n"
        assert text in capsys.readouterr().out
        assert main(["compare", sides[0], sides[2], "--spread=2%"]) == 0
        assert "the smaller holds" not in capsys.readouterr().out

    def test_sessions_without_a_common_number_are_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        base, other = save("a.json", result_of(timed(1.0, "test_a"))), save("b.json", result_of(timed(1.0, "test_b")))
        assert main(["compare", base, other]) == 2
        assert capsys.readouterr().err.endswith(
            "a.json and b.json have no number of the same test: nothing was compared\n"
        )

    def test_the_mean_is_over_what_all_sessions_have(self, capsys: pytest.CaptureFixture[str]) -> None:
        base, head, other = self.sessions()
        main(["compare", base, head, "--spread=2%"])
        assert "in the geometric mean of 3 times that all sessions have" in capsys.readouterr().out
        main(["compare", base, head, other, "--spread=2%"])
        assert capsys.readouterr().out.count("in the geometric mean of 1 time that all sessions have") == 2

    def test_other_machines_are_refused_unless_forced(self, capsys: pytest.CaptureFixture[str]) -> None:
        base = self.sessions()[0]
        tests = result_of(timed(1.0, "test_login"))
        alien = save("alien.json", replace(tests, session=replace(SESSION, machine_key="x", machine="M1")))
        assert main(["compare", base, alien]) == 2
        assert "base.json and alien.json are of different machines" in capsys.readouterr().err
        assert main(["compare", base, alien, "--force", "--spread=25%"]) == 0

    def test_other_loads_are_refused_unless_forced(self, capsys: pytest.CaptureFixture[str]) -> None:
        files = [
            save(name, result_of(timed(1.0, "test_load", kind=LOAD, load=LoadFacts(users))))
            for name, users in (("a.json", "5 users"), ("b.json", "9 users"))
        ]
        assert main(["compare", *files]) == 2
        message = "a.json and b.json: tests/test_api.py::test_load is another load: 5 users; 9 users: --force"
        assert message in capsys.readouterr().err
        assert main(["compare", *files, "--force", "--spread=25%"]) == 0

    def test_damaged_rounds_are_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        broken = save("b.json", result_of(replace(timed(1.0, "test_x"), times=RoundTimes("!!"))))
        assert main(["compare", broken, broken]) == 2
        assert capsys.readouterr().err.count("\n") == 1

    def test_one_report_is_no_comparison(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["compare", self.sessions()[0]]) == 2
        assert capsys.readouterr().err == "perfbudget: compare needs at least two reports, found only base.json\n"


def shards(*results: RunResult) -> list[str]:
    return [save(f"shard{at}.json", one) for at, one in enumerate(results)]


@pytest.mark.parametrize("sign", ["::", "##["])
def test_no_text_of_a_report_is_a_command_of_a_workflow(sign: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"{sign}error]::gone" if sign == "##[" else f"{sign}error::gone"
    text = f"a line\n{command}\n  {command}"
    finding = Finding(
        LOOSENED, Severity.FAILURE, command, headline=text, evidence=[text], remedy=text, is_gated=True, file="a.py"
    )
    found = replace(
        result_of(timed(1.0, "test_login"), replace(timed(1.0, "other"), nodeid=command)),
        session=replace(SESSION, notes=[text], branch=text, machine=text, other_failed=[command]),
        compared_with=ComparedWith(text, remark=text),
        findings=[finding, replace(finding, test=""), replace(finding, severity=Severity.WARNING)],
        missing=[Missing(command, "", text)],
    )
    file = save("report.json", found)
    other = save("other.json", replace(found, session=replace(found.session, duration_s=1.0)))
    for arguments in (["report", file], ["report", file, "-v"], ["health", file], ["compare", file, other]):
        main(arguments)
        shown = capsys.readouterr().out
        lines = [line.strip() for line in shown.splitlines()]
        assert not [line for line in lines if line.startswith("::") or "##[" in line]
        assert "error" in shown


class TestMerge:
    """Reports of parts of a session."""

    def slow(self, p_value: float) -> RunResult:
        found = result_of(measurement(change(p_value=p_value, alpha=0.005), nodeid="a.py::slow"))
        return replace(found, compared_with=ComparedWith("the baseline", sharing=1))

    def many(self) -> RunResult:
        tests = [measurement(change(RegressionVerdict.UNCHANGED), nodeid=f"b.py::{at}") for at in range(19)]
        passed = replace(SESSION, exit_status=0)
        return replace(result_of(*tests), session=passed, compared_with=ComparedWith("the baseline", sharing=19))

    @pytest.mark.parametrize(("p_value", "verdict", "code"), [(0.004, "undecided", 0), (0.0001, "regressed", 1)])
    def test_alpha_is_shared_among_all_parts(self, p_value: float, verdict: str, code: int) -> None:
        assert main(["merge", *shards(self.slow(p_value), self.many()), "-o", "all.json"]) == code
        document = json.loads(Path("all.json").read_text("utf-8"))
        (found,) = [one for one in document["measurements"] if one["id"] == "a.py::slow"]
        assert found["changes"][0]["verdict"] == verdict
        assert found["changes"][0]["alpha"] == pytest.approx(0.005 / 20)
        (finding,) = [one for one in document["findings"] if one["test"] == "a.py::slow"]
        assert finding["kind"] == verdict
        assert document["compared_with"]["sharing"] == 20

    def test_it_is_shown_without_a_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["merge", *shards(self.slow(0.0001), self.many())]) == 1
        assert "against the baseline: 1 regressed, 19 unchanged" in capsys.readouterr().out

    def test_with_a_file_the_failures_are_told_all_the_same(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["merge", *shards(self.slow(0.0001), self.many()), "-o", "all.json"]) == 1
        assert capsys.readouterr().out.splitlines() == [
            "all.json: 20 measurements",
            "failed: 1 of 20 perf tests fails: 1 regressed.",
            "FAILED a.py::slow: 12.4 % slower than the baseline (95 % interval +9.8 % .. +15.1 %)",
        ]
        assert main(["merge", *shards(self.many()), "-o", "all.json"]) == 0
        assert capsys.readouterr().out.splitlines() == ["all.json: 19 measurements"]

    def test_a_test_that_may_fail_does_not_fail_the_merge(self) -> None:
        found = self.slow(0.0001)
        lenient = [replace(one, is_expected_to_fail=True) for one in found.measurements]
        mild = replace(found, session=replace(SESSION, exit_status=0), findings=(), measurements=lenient)
        assert main(["merge", *shards(mild, self.many())]) == 0

    def test_loosened_limits_are_told_once_and_first(self) -> None:
        loosened = find_loosened([], [("", "", Loosening("strict = true", "false", ""))], Policy(), is_enforced=True)
        parts = [replace(one, findings=[*one.findings, *loosened]) for one in (self.slow(0.0001), self.many())]
        assert main(["merge", *shards(*parts), "-o", "all.json"]) == 1
        kinds = [one["kind"] for one in json.loads(Path("all.json").read_text("utf-8"))["findings"]]
        assert (kinds[:2], kinds.count("loosened")) == (["loosened", "regressed"], 1)

    @pytest.mark.parametrize("test", ["", "b.py::0", "b.py::gone"])
    def test_a_test_that_judges_nothing_any_more_fails_the_merge(self, test: str) -> None:
        """Nobody hides a test from its limits by running the tests in parts."""
        loosened = Finding(LOOSENED, Severity.FAILURE, test, is_gated=True, headline="so the session fails")
        failed = replace(self.many(), session=replace(SESSION, exit_status=1), findings=[loosened])
        assert main(["merge", *shards(self.slow(0.004), failed), "-o", "all.json"]) == 1
        assert [one["kind"] for one in json.loads(Path("all.json").read_text("utf-8"))["findings"]].count(
            "loosened"
        ) == 1

    @pytest.mark.parametrize("left_out", [[], ["c.py::skipped"]])
    def test_a_test_that_another_part_has_is_not_left_out(self, left_out: list[str]) -> None:
        test = left_out[0] if left_out else "b.py::0"
        loosened = Finding(LOOSENED, Severity.FAILURE, test, is_gated=True, headline="left out, so the session fails")
        failed = replace(self.slow(0.004), session=replace(SESSION, exit_status=1), findings=[loosened])
        other = replace(self.many(), session=replace(self.many().session, left_out=left_out))
        assert main(["merge", *shards(failed, other), "-o", "all.json"]) == 0

    def test_the_drift_of_a_part_fails_the_merge(self) -> None:
        drift = Finding(DRIFT, Severity.FAILURE, "b.py::0", is_gated=True, headline="+9.0 % since v1.0")
        failed = replace(self.many(), session=replace(SESSION, exit_status=1), findings=[drift])
        assert main(["merge", *shards(self.slow(0.004), failed), "-o", "all.json"]) == 1
        assert [one["kind"] for one in json.loads(Path("all.json").read_text("utf-8"))["findings"]].count("drift") == 1

    @pytest.mark.parametrize("has_perf_tests", [True, False])
    def test_a_part_that_compared_nothing_fails_the_merge_if_it_has_perf_tests(self, has_perf_tests: bool) -> None:
        nothing = Finding(NOTHING_COMPARED, Severity.FAILURE, "", is_gated=True, headline="nothing was compared")
        tests = [measurement(nodeid="c.py::test")] if has_perf_tests else []
        failed = RunResult(replace(SESSION, exit_status=1), None, tests, findings=[nothing])
        assert main(["merge", *shards(self.slow(0.1), failed)]) == int(has_perf_tests)
        assert main(["merge", *shards(replace(failed, measurements=[]))]) == 1

    @pytest.mark.parametrize("is_recorded", [False, True])
    def test_a_span_that_no_part_recorded_fails_the_merge(
        self, is_recorded: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The limits are the same if their spans are, whatever the headlines of the parts say."""
        said = "pyproject.toml: no test recorded a span of the name 'db.query'"
        hinted = f"{said} (did you mean 'db.queries'?)"
        other = Finding(NOT_RECORDED, Severity.FAILURE, "", is_gated=True, headline=said, span="db.query (slow)")
        failed = replace(SESSION, exit_status=1, strict=True)
        first, second, empty = (
            replace(
                result_of(*tests),
                session=failed,
                findings=[replace(other, headline=text, span="db.query")] if text else [],
            )
            for tests, text in (
                ([measurement(nodeid="a.py::one")], hinted),
                ([measurement(nodeid="a.py::two")], "" if is_recorded else said),
                ([], ""),
            )
        )
        if is_recorded:  # the first part has recorded the spans of the second's limit
            second = replace(second, findings=[other])
        empty = replace(empty, session=replace(failed, exit_status=0))
        assert main(["merge", *shards(first, second, empty), "-o", "all.json"]) == int(not is_recorded)
        assert (hinted in capsys.readouterr().out) is not is_recorded
        merged = json.loads(Path("all.json").read_text("utf-8"))
        assert [one["headline"] for one in merged["findings"]] == [hinted] * (not is_recorded)

    def test_budgets_stay_as_they_are(self) -> None:
        over = result_of(measurement(budget(), nodeid="a.py::over"))
        calm = result_of(measurement(budget(BudgetVerdict.WITHIN, estimate=1e6), nodeid="a.py::calm"))
        assert main(["merge", *shards(over, calm), "-o", "all.json"]) == 1
        assert json.loads(Path("all.json").read_text("utf-8"))["summary"]["budgets"]["exceeded"] == 1

    def test_a_part_that_failed_otherwise_fails_the_merge(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Its tests, or something else that ends pytest with exit code 1, such as a limit on coverage."""
        calm = result_of(measurement(budget(BudgetVerdict.WITHIN, estimate=1e6)))
        assert main(["merge", *shards(replace(calm, session=replace(SESSION, exit_status=0)))]) == 0
        capsys.readouterr()
        for failures, message in (
            (2, "2 tests failed, not by a budget or a comparison"),
            (0, "the session failed, not by a test (exit status 1)"),
        ):
            failed = replace(calm, session=replace(SESSION, exit_status=1, other_failures=failures))
            assert main(["merge", *shards(failed), "-o", "all.json"]) == 1
            assert capsys.readouterr().err.startswith(f"perfbudget: shard0.json: {message}\n")
            assert json.loads(Path("all.json").read_text("utf-8"))["session"]["exit_status"] == 1

    def test_a_part_that_fails_by_a_verdict_that_does_not_hold_passes(self) -> None:
        shard = self.slow(0.004)
        assert (shard.session.exit_status, shard.findings[0].is_failure) == (1, True)
        assert main(["merge", *shards(shard, self.many()), "-o", "all.json"]) == 0
        assert json.loads(Path("all.json").read_text("utf-8"))["session"]["exit_status"] == 0

    def test_parts_without_a_test_end_as_a_session_without_a_test(self) -> None:
        empty = RunResult(replace(SESSION, exit_status=5))
        assert main(["merge", *shards(empty, empty)]) == 5

    def test_the_number_of_parts_is_checked_where_it_is_given(self, capsys: pytest.CaptureFixture[str]) -> None:
        files = shards(self.slow(0.0001), self.many())
        assert main(["merge", *files, "--parts=2"]) == 1
        capsys.readouterr()
        assert main(["merge", *files, "--parts=3", "-o", "all.json"]) == 2
        assert "2 reports found, but --parts=3: name the report of each part\n" in capsys.readouterr().err
        assert not Path("all.json").exists()

    @pytest.mark.parametrize(
        ("numbers", "said"),
        [
            ((1, 2, 4), ["perfbudget: part 3 of 4 is missing: the verdict is on the other parts only"]),
            ((4, 2), ["perfbudget: parts 1 and 3 of 4 are missing: the verdict is on the others only"]),
            ((3, 1, 4, 2), []),
            ((1, None), []),
        ],
    )
    def test_a_part_that_is_missing_is_named(
        self, numbers: tuple[int | None, ...], said: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        facts = [replace(SESSION, exit_status=0, part=one, parts=None if one is None else 4) for one in numbers]
        parts = [RunResult(one, None, [measurement(nodeid=f"a.py::{one.part}")]) for one in facts]
        files = shards(*parts)
        assert main(["merge", *files, "-o", "all.json"]) == 0
        assert capsys.readouterr().err.splitlines() == said
        merged = json.loads(Path("all.json").read_text("utf-8"))["session"]
        assert merged["notes"] == [*SESSION.notes, *(one.removeprefix("perfbudget: ") for one in said)]
        assert merged["part"] is None
        absent = [str(one) for one in range(1, 5) if one not in numbers] if said else []
        assert [str(one) for one in merged.get("missing_parts", ())] == absent
        assert main(["merge", *files, "--parts=4"]) == (0 if len(numbers) == 4 else 2)

    def test_without_a_part_the_session_is_not_ready(self, capsys: pytest.CaptureFixture[str]) -> None:
        passed = replace(SESSION, exit_status=0, left_out=(), other_failures=0, other_failed=(), require="ready")
        unchanged = [measurement(change(RegressionVerdict.UNCHANGED), nodeid=f"a.py::{at}") for at in (1, 2, 3)]
        first, second, third = shards(
            *(
                RunResult(replace(passed, part=at, parts=3), ComparedWith("the baseline", sharing=1), [one])
                for at, one in enumerate(unchanged, start=1)
            )
        )
        assert main(["merge", first, second, "-o", "two.json"]) == 1
        assert main(["health", "two.json", "--require", "ready"]) == 1
        reason = "conditional, but ready is required\n  1 part of the suite missing (merge the reports of all parts)\n    part 3\n"
        assert capsys.readouterr().out.endswith(reason)
        assert main(["merge", "two.json", third, "-o", "all.json"]) == 0
        assert main(["merge", first, second, third, "-o", "all.json"]) == 0
        assert main(["health", "all.json", "--require", "ready"]) == 0
        assert capsys.readouterr().out.endswith("ready\n")

    @pytest.mark.parametrize("is_lost", [True, False])
    def test_a_part_whose_baseline_is_lost_is_not_ready(
        self, is_lost: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        other = measurement(nodeid="a.py::other", max_regression=0.05)
        passed = replace(SESSION, exit_status=0, left_out=(), other_failures=0, other_failed=())
        lone = RunResult(passed, None if is_lost else ComparedWith("the baseline"), [other])
        assert main(["merge", *shards(replace(self.many(), session=passed), lone), "-o", "all.json"]) == 0
        said = "perfbudget: shard1.json: not compared with the baseline: no baseline for 1 measurement\n"
        assert capsys.readouterr().err == (said if is_lost else "")
        assert main(["health", "all.json", "--require", "ready"]) == int(is_lost)
        reason = "conditional, but ready is required\n  1 number without a baseline (pytest --perf-update-baseline)\n    a.py::other\n"
        assert capsys.readouterr().out.endswith(reason if is_lost else "ready\n")

    def test_several_machines_and_left_out_tests_are_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        first, second = (
            RunResult(
                replace(SESSION, exit_status=0, machine=machine),
                ComparedWith("the baseline", others=[("a.py::x", ""), ("a.py::y", "parse")]),
            )
            for machine in ("EPYC", "M1")
        )
        assert main(["merge", *shards(first, second), "-o", "all.json"]) == 0
        lines = capsys.readouterr().err.splitlines()
        assert lines == [
            "perfbudget: the parts were measured on 2 machines, each against its own baseline: shard0.json: EPYC; shard1.json: M1",
            "perfbudget: shard0.json, shard1.json: no measurement in these parts",
            "perfbudget: no part ran what the baseline has: a.py::x and 1 more: is a report left out?",
        ]
        notes = json.loads(Path("all.json").read_text("utf-8"))["session"]["notes"]
        assert [f"perfbudget: {note}" for note in notes[-3:]] == lines

    @pytest.mark.parametrize(
        ("facts", "message"),
        [
            ({"commit": "another"}, "commit is '3f2a91c0d' in one, 'another' in the other"),
            ({"parts": 3}, "the number of parts is 2 in one, 3 in the other"),
            ({"alpha": 0.05}, "alpha is 0.01 in one, 0.05 in the other"),
            ({"gate": "warn"}, "gate is 'fail' in one, 'warn' in the other"),
            (
                {"exit_status": 2},
                "shard1.json is of a session that was interrupted (exit status 2): run this part again",
            ),
            (
                {"exit_status": 3},
                "shard1.json is of a session that ended by an internal error (exit status 3): run this",
            ),
            (
                {"is_cut_short": True, "not_run": 2},
                "shard1.json is of a session that ended before its last test (2 perf tests did not run): run this",
            ),
            (
                {"exit_status": 0, "perf_tests": 2, "not_run": 2},
                "shard1.json is of a session that ended before its last test (2 perf tests did not run): run this",
            ),
        ],
    )
    def test_parts_that_do_not_belong_together_are_one_line(
        self, facts: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first, other = self.slow(0.1), replace(self.many(), session=replace(SESSION, **facts))
        assert main(["merge", *shards(replace(first, session=replace(first.session, parts=2)), other)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1

    def test_what_is_no_part_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        first = shards(self.slow(0.1))[0]
        assert main(["merge", first, first]) == 2
        assert capsys.readouterr().err == "perfbudget: shard0.json is named twice\n"
        copy = save("copy.json", self.slow(0.1))
        assert main(["merge", first, copy]) == 2
        assert "shard0.json and copy.json both have a.py::slow" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["report", "health", "compare", "merge"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "perfbudget: x.json cannot be read: No such file or directory\n"),
        (b"\xff", "perfbudget: x.json is no JSON report: it is not in UTF-8\n"),
        (b"{", "perfbudget: x.json:1: is cut off; "),
        (b"{}", "perfbudget: x.json: is no report of this version of pytest-perfbudget: "),
        (
            b"SQLite format 3\0\x10\xff",
            "perfbudget: x.json is no JSON report, but an SQLite file, as a history is: perfbudget history "
            "--file=x.json shows its sessions, and perfbudget dashboard x.json its service\n",
        ),
    ],
)
def test_a_file_that_is_no_report_is_one_line(
    command: str, text: bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        Path("x.json").write_bytes(text)
    elif command == "health":
        message = "perfbudget: x.json does not exist: pytest --perf-output x.json writes it; or name another file\n"
    assert main([command, "x.json", "y.json"][: 2 if command in ("report", "health") else 3]) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["report", "merge"])
def test_an_unknown_format_names_the_known(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "x.json", "-o", "x.xml"])
    assert "one of json, md, csv, rounds, prom, " in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").write_text("", "utf-8")
    assert main(["report", save("run.json", FULL), "-o", "taken/out.md"]) == 2
    assert capsys.readouterr().err.startswith("perfbudget: taken/out.md cannot be written: ")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("md:place", "place is a folder: name a file in it"),
        ("{here}/absent/out.md", "the folder of {here}/absent/out.md does not exist: create it, or name another"),
    ],
)
@pytest.mark.parametrize("command", ["report", "merge"])
def test_a_folder_is_no_file_and_a_folder_elsewhere_has_to_exist(
    folder: Path, command: str, path: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("place").mkdir()
    assert main([command, save("run.json", FULL), "-o", path.format(here=folder)]) == 2
    assert capsys.readouterr().err == f"perfbudget: --output: {why.format(here=folder)}\n"
    assert sorted(one.name for one in folder.iterdir()) == ["place", "run.json"]


@pytest.mark.parametrize(("result", "times"), [(result_of(measurement(budget())), 2), (FULL, 0)])
def test_a_format_of_loads_says_that_there_is_none(
    result: RunResult, times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", save("run.json", result), "-o", "out.hgrm", "-o", "k6:k6.json", "-o", "out.csv"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == times
    assert said[:1] in (
        [],
        ["perfbudget: out.hgrm has no numbers: hgrm shows loads, and no test made any with perf_load"],
    )


FOUR = """
@pytest.mark.perf_budget(p95_ms=50)
def test_limit(): advance(60)

def request(made=[]):
    made.append(1)
    assert len(made) % 3

def test_load(perf_load): perf_load(request, users=1, requests=60, max_error_rate=0.1, max_ms=60_000)

@pytest.mark.xfail
@pytest.mark.perf_budget(p95_ms=50)
def test_may_fail(): advance(70)

def test_plain(): assert False
"""
"""Beside a slower body and a call that are compared with a baseline: budgets, a load, and an ordinary failure."""


def test_four_shards_have_the_verdicts_of_one_session_after_merging(
    based: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    program = perf_program(slow=1.5, more=FOUR)
    ended = based.run(program).ret
    whole, verdicts, budgets = based.report, regression_verdicts(based), based.verdicts()
    files = []
    for at, test in enumerate(("test_body", "test_call", "limit or may", "test_load or plain or ordinary")):
        based.run(program, "-k", test, f"--perf-output=shard{at}.json")
        files.append(str(based.pytester.path / f"shard{at}.json"))
    capsys.readouterr()
    assert main(["merge", *files, "-o", str(based.pytester.path / "report.json")]) == ended == 1
    assert capsys.readouterr().err == f"perfbudget: {files[3]}: 1 test failed, not by a budget or a comparison\n"
    merged = based.report
    assert regression_verdicts(based) == verdicts
    assert based.verdicts() == budgets
    assert {"regressed", "unchanged"} < set(verdicts.values())
    assert set(budgets.values()) == {"exceeded", "within"}
    for same in ("summary", "compared_with", "missing", "health"):
        assert merged[same] == whole[same]
    for same in ("exit_status", "other_failures"):
        assert merged["session"][same] == whole["session"][same] == 1
    assert findings(merged) == findings(whole)
    for one, other in zip(merged["measurements"], whole["measurements"], strict=True):
        assert [found.get("alpha") for found in one["changes"]] == pytest.approx(
            [found.get("alpha") for found in other["changes"]]
        )


def findings(document: dict[str, Any]) -> list[tuple[str, ...]]:
    return sorted((one["kind"], one["severity"], one["test"], one["metric"]) for one in document["findings"])


def test_times_in_their_own_weather_are_told_and_corrected_ones_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    plain = save("plain.json", result_of(timed(1.0, "test_login")))
    main(["compare", plain, plain])
    assert "These times have the weather of their sessions" in capsys.readouterr().out
    found = change(RegressionVerdict.UNCHANGED, log_std_error=0.01)
    corrected = save("corrected.json", result_of(measurement(found)))
    main(["compare", corrected, corrected])
    assert "weather" not in capsys.readouterr().out
    mixed = result_of(measurement(found), timed(1.0, "test_timer"))
    main(["compare", save("a.json", mixed), save("b.json", mixed)])
    assert "The times of tests/test_api.py::test_timer have the weather" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_report_says_how_many_tests_share_alpha(based: Project, arguments: tuple[str, ...]) -> None:
    based.arguments = arguments
    based.run(perf_program()).assert_outcomes(passed=3)
    assert based.report["compared_with"]["sharing"] == 2


def test_sessions_recorded_for_a_comparison_are_corrected_for_the_weather(
    lean: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for at, slow in enumerate((1.0, 1.2)):
        lean.run(perf_program(slow=slow), "--perf-comparable", f"--perf-output={at}.json").assert_outcomes(passed=3)
        files.append(str(lean.pytester.path / f"{at}.json"))
    capsys.readouterr()
    assert main(["compare", *files]) == 1
    text = capsys.readouterr().out
    assert "1 regressed, 0 improved, 0 unchanged, 1 undecided, of 2 compared numbers" in text
    assert "a time would have had to change by +1" in text
    assert "weather of their sessions" not in text
    timed_too = "\ndef test_timer(perf):\n    with perf.timer('wait', p95_ms=100):\n        advance(1)\n"
    for file in files:
        lean.run(perf_program() + timed_too, "--perf-comparable", f"--perf-output={file}").assert_outcomes(passed=4)
    capsys.readouterr()
    main(["compare", *files])
    text = capsys.readouterr().out
    assert "The times of test_it.py::test_timer wait have the weather of their sessions" in text
    assert "have no readings of the weather, also with pytest --perf-comparable, so state with --spread how" in text
