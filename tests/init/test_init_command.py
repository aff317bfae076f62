"""`perfbudget init` in projects of many shapes."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from repositories import git
from results import budget

from pytest_perfbudget.cli import main
from pytest_perfbudget.core.kinds import BODY
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.run_result import RunResult, SessionFacts
from pytest_perfbudget.errors import InitError
from pytest_perfbudget.init import command
from pytest_perfbudget.init.measured import MeasuredSession, measure
from pytest_perfbudget.init.progress import MeasuringProgress
from pytest_perfbudget.report.progress import SUGGESTING_PREFIX

NEW = '[tool.perfbudget]  # all keys: perfbudget guide configuration\nmax_regression = "5%"  # growth up to this never fails a test\n'
PLUGIN = ("--plugin", "pytest-perfbudget==1")
WORKFLOWS = ("--github", "--self-test", "--comment", "--gitlab")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_init(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["init", *arguments]) == code
    return capsys.readouterr().out


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git/" not in path.as_posix()
    }


def session(*ms: float, exit_status: int = 0, rounds: int = 64) -> RunResult:
    measurements = [
        Measurement(f"test_it.py::test_{at}", "", BODY, times=RoundTimes.of([one * 1e6] * rounds))
        for at, one in enumerate(ms)
    ]
    return RunResult(SessionFacts(exit_status=exit_status), measurements=measurements)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pytest.ini": "[pytest]\n"},
        {"setup.cfg": "[tool:pytest]\n", "setup.py": ""},
        {"tox.ini": "[pytest]\n"},
        {"pyproject.toml": "[project]\nname = 'shop'\n"},
        {"pyproject.toml": "[tool.hatch.envs.default]\n"},
        {"pyproject.toml": "[tool.poetry]\nname = 'shop'\n", "poetry.lock": ""},
        {"pyproject.toml": "[tool.uv]\n", "uv.lock": ""},
    ],
    ids=["nothing", "pytest.ini", "setup.cfg", "tox.ini", "pyproject", "hatch", "poetry", "uv"],
)
def test_every_layout_gets_a_table_and_a_second_run_does_nothing(
    files: dict[str, str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        (root / name).write_text(text, "utf-8")
    assert run_init(capsys, *WORKFLOWS, *PLUGIN).count(": written\n") == 6
    after = tree(root)
    before = files.get("pyproject.toml", "")
    assert after["pyproject.toml"].decode() == before + ("\n" if before else "") + NEW
    assert {name: after[name].decode() for name in files if name != "pyproject.toml"} == {
        name: text for name, text in files.items() if name != "pyproject.toml"
    }
    assert run_init(capsys, *WORKFLOWS, *PLUGIN).startswith("nothing to do: everything is there already\n")
    assert tree(root) == after


def test_the_diff_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "pyproject.toml").write_bytes(b"[project]\r\nname = 'shop'\r\n")
    assert run_init(capsys).splitlines() == [
        "--- a/pyproject.toml",
        "+++ b/pyproject.toml",
        "@@ -1,2 +1,5 @@",
        " [project]",
        " name = 'shop'",
        "+",
        *(f"+{line}" for line in NEW.splitlines()),
        "pyproject.toml: written",
    ]


def test_a_dry_run_shows_the_diff_and_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = run_init(capsys, "--dry-run", "--github", *PLUGIN)
    assert "+max_regression" in output
    assert "pyproject.toml: not written (--dry-run)" in output
    assert tree(root) == {}


class TestConsent:
    """What is there already changes with --force only."""

    def test_an_existing_table_is_left_alone(
        self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(command, "measure", lambda _: MeasuredSession(session(10)))
        before = "[tool.perfbudget]\nstrict = true\n"
        (root / "pyproject.toml").write_text(before, "utf-8")
        output = run_init(capsys, "--suggest", code=1)
        assert '+"test_it.py::test_0" = {p95_ms = 20, component = "it"}' in output
        assert "not written, because it has a table [tool.perfbudget] already: --force makes this change" in output
        assert tree(root) == {"pyproject.toml": before.encode()}
        run_init(capsys, "--suggest", "--force")
        assert tree(root)["pyproject.toml"].decode().startswith(before)
        assert "p95_ms = 20" in tree(root)["pyproject.toml"].decode()

    def test_a_table_that_needs_tomlkit_says_so_before_anything_is_measured(
        self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "tomlkit", None)
        monkeypatch.setattr(command, "measure", lambda _: pytest.fail("measured"))
        (root / "pyproject.toml").write_text("[tool.perfbudget]\nstrict = true\n", "utf-8")
        assert main(["init", "--suggest"]) != 0
        assert "adding to it needs tomlkit" in capsys.readouterr().err

    def test_an_existing_workflow_is_left_alone(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = root / ".github" / "workflows" / "performance.yml"
        file.parent.mkdir(parents=True)
        file.write_text("name: mine\n", "utf-8")
        output = run_init(capsys, "--github", *PLUGIN, code=1)
        assert "pyproject.toml: written" in output
        assert ".github/workflows/performance.yml: not written, because it is there already, with other" in output
        assert file.read_text("utf-8") == "name: mine\n"
        run_init(capsys, "--github", *PLUGIN, "--force")
        assert file.read_text("utf-8").startswith("# The gate for pull requests")

    def test_a_second_run_leaves_workflows_whose_plugin_is_from_an_unknown_place(
        self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unknown() -> str:
            message = "installed from a folder"
            raise InitError(message)

        monkeypatch.setattr(command, "plugin_requirement", unknown)
        run_init(capsys, "--gitlab", *PLUGIN)
        before = tree(root)
        output = run_init(capsys, "--gitlab")
        assert output.startswith(
            ".gitlab/perfbudget.yml: left as is, because this environment does not say where the plugin comes from: "
            "--plugin names the place\nnothing to do"
        )
        assert tree(root) == before
        for arguments in (("--gitlab", "--force"), ("--gitlab", "--github")):  # a file has to be written
            assert main(["init", *arguments]) == 2
            assert "installed from a folder" in capsys.readouterr().err
        assert tree(root) == before

    def test_an_existing_gitlab_ci_file_is_never_edited(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (root / ".gitlab-ci.yml").write_text("stages: [test]\n", "utf-8")
        output = run_init(capsys, "--gitlab", *PLUGIN, "--force")
        assert "add to .gitlab-ci.yml:\n  include:\n    - local: .gitlab/perfbudget.yml\n" in output
        assert tree(root)[".gitlab-ci.yml"] == b"stages: [test]\n"


class TestSuggest:
    @pytest.fixture
    def measured(self, monkeypatch: pytest.MonkeyPatch) -> list[MeasuredSession]:
        """The sessions that `--suggest` will measure."""
        found: list[MeasuredSession] = []
        monkeypatch.setattr(command, "measure", lambda _: found.pop(0))
        return found

    def test_budgets_are_written_with_what_they_rest_on(
        self, root: Path, capsys: pytest.CaptureFixture[str], measured: list[MeasuredSession]
    ) -> None:
        measured.append(MeasuredSession(session(10, 0.001)))
        output = run_init(capsys, "--suggest")
        assert output.startswith(
            "test_it.py::test_0  p95    10 ms, at most 10 ms  ->  20 ms\n"
            "test_it.py::test_1  p95     1 us, at most 1 us  ->  2 us\n"
        )
        assert "the rounds" not in output
        assert '"test_it.py::test_1" = { p95_us = 2, component = "it" }' in tree(root)["pyproject.toml"].decode()

    @pytest.mark.usefixtures("root")
    def test_rounds_of_a_busy_machine_are_named(
        self, capsys: pytest.CaptureFixture[str], measured: list[MeasuredSession]
    ) -> None:
        calm = session(10, 1)
        restless = RoundTimes.of([1e6] * 95 + [7e6] * 5)
        measured.append(
            MeasuredSession(
                replace(calm, measurements=[calm.measurements[0], replace(calm.measurements[1], times=restless)])
            )
        )
        output = run_init(capsys, "--suggest")
        assert "test_it.py::test_1  p95     1 ms, at most 7 ms  ->  20 ms\n" in output
        assert (
            "the rounds of 1 test differ so much that the limit is 10 times the measured time or more: if the machine is "
            "busy, suggest again when it is not (--force)\n"
        ) in output

    def test_of_tests_without_any_perf_test_the_slowest_get_a_budget(
        self, root: Path, capsys: pytest.CaptureFixture[str], measured: list[MeasuredSession]
    ) -> None:
        measured.append(MeasuredSession(session(*range(1, 13), 0.5), is_of_all_tests=True))
        output = run_init(capsys, "--suggest")
        assert "no test was a perf test: of 13 measured tests, the slowest from 1 ms on get a budget" in output
        written = tree(root)["pyproject.toml"].decode()
        assert [f'::test_{at}"' in written for at in range(13)] == [False] * 2 + [True] * 10 + [False]

    def test_of_fast_tests_without_any_perf_test_the_slowest_gets_a_budget(
        self, root: Path, capsys: pytest.CaptureFixture[str], measured: list[MeasuredSession]
    ) -> None:
        """A gate without any test would measure nothing."""
        measured.append(MeasuredSession(session(0.2, 0.5, 0.3), is_of_all_tests=True))
        output = run_init(capsys, "--suggest")
        assert "no test was a perf test: of 3 measured tests, the slowest gets a budget" in output
        written = tree(root)["pyproject.toml"].decode()
        assert [f'::test_{at}"' in written for at in range(3)] == [False, True, False]

    def test_without_any_test_that_can_have_a_budget_each_reason_is_told(
        self, root: Path, capsys: pytest.CaptureFixture[str], measured: list[MeasuredSession]
    ) -> None:
        measured.append(MeasuredSession(session(10, rounds=4), is_of_all_tests=True))
        output = run_init(capsys, "--suggest")
        assert "test_0: no budget, because" in output
        assert "no test was a perf test, and none can have a budget" in output
        assert "::test_0" not in tree(root)["pyproject.toml"].decode()

    def test_a_report_of_an_earlier_session_will_do(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (root / "report.json").write_text(json.dumps(session(10).to_dict()), "utf-8")
        run_init(capsys, "--suggest", "report.json")
        assert "p95_ms = 20" in tree(root)["pyproject.toml"].decode()

    def test_a_report_whose_tests_all_have_limits_says_so(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        found = session(10)
        limited = [replace(one, budgets=[budget()]) for one in found.measurements]
        report = json.dumps(replace(found, measurements=limited).to_dict())
        (root / "report.json").write_text(report, "utf-8")
        output = run_init(capsys, "--suggest", "report.json")
        assert "nothing to suggest: 1 measurement in the session, and each has a limit already" in output

    @pytest.mark.usefixtures("root")
    def test_failed_tests_are_said(self, capsys: pytest.CaptureFixture[str], measured: list[MeasuredSession]) -> None:
        measured.append(MeasuredSession(session(10, exit_status=1), "1 failed, 1 passed in 2.00s"))
        assert run_init(capsys, "--suggest").startswith(
            "the measured session: 1 failed, 1 passed in 2.00s; a test that fails, or fails when repeated, gets no budget\n"
        )


def test_a_project_below_the_top_of_its_repository(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    git(root, "init", "-q")
    (root / "services" / "shop" / "tests").mkdir(parents=True)
    (root / "services" / "shop" / "pyproject.toml").write_text("[project]\nname = 'shop'\n", "utf-8")
    monkeypatch.chdir(root / "services" / "shop" / "tests")
    output = run_init(capsys, "--github", "--gitlab", *PLUGIN)
    assert "services/shop/pyproject.toml: written" in output
    after = tree(root)
    assert b"working-directory: services/shop\n" in after[".github/workflows/performance.yml"]
    assert b"path: services/shop/perf-report/" in after[".github/workflows/performance.yml"]
    assert b"- cd services/shop/\n" in after[".gitlab/perfbudget.yml"]
    assert b"junit: services/shop/perf-junit.xml" in after[".gitlab/perfbudget.yml"]


class TestReadOnly:
    """A file that cannot be written is told before a diff is shown, and before anything else is written."""

    AGAIN = "is read-only: make it writable, then run the command again\n"

    def test_a_read_only_file(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = root / "pyproject.toml"
        file.write_text("[project]\n", "utf-8")
        file.chmod(0o444)
        assert main(["init"]) == 2
        assert capsys.readouterr() == ("", f"perfbudget: {file} {self.AGAIN}")
        assert file.read_text("utf-8") == "[project]\n"
        assert main(["init", "--dry-run"]) == 0

    @pytest.mark.skipif(os.name == "nt", reason="folders have no such mode")
    def test_a_read_only_folder(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = root / ".github"
        folder.mkdir()
        folder.chmod(0o555)
        assert main(["init", "--github", *PLUGIN]) == 2
        assert capsys.readouterr() == ("", f"perfbudget: {folder} {self.AGAIN}")
        assert [one.name for one in root.iterdir()] == [".github"]

    def test_a_file_in_place_of_a_folder(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (root / ".github").write_text("", "utf-8")
        assert main(["init", "--github", *PLUGIN]) == 2
        output, said = capsys.readouterr()
        assert (output, said.count("\n")) == ("", 1)
        assert f"needs a folder where {root / '.github'} is a file: move the file" in said

    def test_nothing_is_measured_for_a_file_that_cannot_be_written(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(command, "measure", lambda _: pytest.fail("was measured"))
        (root / "pyproject.toml").write_text("[project]\n", "utf-8")
        (root / "pyproject.toml").chmod(0o444)
        assert main(["init", "--suggest"]) == 2
        assert self.AGAIN in capsys.readouterr().err

    def test_a_file_that_stays_as_it_is_may_be_read_only(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        run_init(capsys)
        (root / "pyproject.toml").chmod(0o444)
        assert run_init(capsys).startswith("nothing to do")


@pytest.mark.parametrize(
    ("name", "content", "arguments", "message"),
    [
        ("pyproject.toml", b"[project", (), "pyproject.toml: is no valid TOML: "),
        (
            "pyproject.toml",
            "a = 'ä'".encode("latin-1"),
            (),
            "pyproject.toml is not in UTF-8, so nothing was changed: save it as UTF-8",
        ),
        (
            "pyproject.toml",
            b"[tool.perfbudget]\nmax_regresion = '5%'\n",
            (),
            "unknown keyword 'max_regresion' (did you mean 'max_regression'?)",
        ),
        (
            "pytest.ini",
            b"[perfbudget]\n",
            (),
            "pytest.ini has a table of perfbudget, which is not read: move the table to pyproject.toml",
        ),
        ("setup.cfg", b"no section\n", ("--from", "codspeed"), "setup.cfg: is no INI file: "),
        (
            "report.json",
            b"{}",
            ("--suggest", "report.json"),
            "report.json: is no report of this version of pytest-perfbudget",
        ),
        (
            "pytest.ini",
            b"[pytest]\naddopts = -k 'a\n",
            ("--from", "codspeed"),
            "addopts of pytest: No closing quotation in",
        ),
        ("other.json", b"{}", ("--suggest", "report.json"), "--suggest: report.json cannot be read: "),
        ("a.txt", b"", ("--action", "o/r@1"), "--action is the action of the workflow for GitHub: add --github"),
        ("a.txt", b"", ("--github", "--action", "foo"), "--action: 'foo' is no action: write OWNER/REPO/PATH@COMMIT"),
        ("a.txt", b"", ("--github", "--plugin", "nonsense !!"), "--plugin: 'nonsense !!' is no requirement of pip: "),
        (
            "a.txt",
            b"",
            ("--suggest", "nope.json"),
            "--suggest: nope.json cannot be read: No such file or directory; a session writes a report with "
            "--perf-output=nope.json",
        ),
        ("a.txt", b"", ("--self-test",), "--self-test writes a workflow for GitHub: add --github"),
        ("a.txt", b"", ("--comment",), "--comment writes a workflow for GitHub: add --github"),
        (
            "a.txt",
            b"",
            ("--github", "--comment", "--plugin", "./perf"),
            "--comment: the job that comments has no file such as ./perf: ",
        ),
        ("a.txt", b"", PLUGIN, "--plugin is for a workflow that installs the plugin itself: add --github without"),
    ],
)
def test_a_mistake_is_said_in_one_line(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    name: str,
    content: bytes,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    (root / name).write_bytes(content)
    assert main(["init", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert set(tree(root)) == {name}


class TestMeasured:
    """The session that `--suggest` runs, which is a real one."""

    TESTS = "import time\n\ndef test_slow():\n    end = time.perf_counter() + 0.002\n    while time.perf_counter() < end: pass\n"

    @pytest.fixture(autouse=True)
    def lean(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks")
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
        (root / "pytest.ini").write_text("[pytest]\n", "utf-8")

    def test_tests_are_repeated_until_their_p95_has_a_bound(self, root: Path) -> None:
        (root / "test_it.py").write_text(
            self.TESTS + "def test_once(tmp_path):\n    (tmp_path / 'x').mkdir()\n\ndef test_wrong(): assert 0\n",
            "utf-8",
        )
        found = measure(root)
        assert found.is_of_all_tests
        assert found.last_line.startswith("2 failed, 1 passed")
        (measurement,) = [one for one in found.result.measurements if one.times is not None]
        assert measurement.nodeid == "test_it.py::test_slow"
        assert measurement.rounds >= 59
        assert not (root / ".perfbudget").exists()

    def test_only_perf_tests_are_measured_if_there_are_any(self, root: Path) -> None:
        (root / "test_it.py").write_text(self.TESTS + "def test_call(perf): perf(len, [])\n", "utf-8")
        found = measure(root)
        assert not found.is_of_all_tests
        assert [one.id for one in found.result.measurements] == ["test_it.py::test_call len"]

    @pytest.mark.parametrize("options", ["", "-p xdist.plugin -n1"])
    def test_nothing_is_compared_and_the_progress_is_told(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, options: str
    ) -> None:
        """A comparison with the baseline takes many times as long as the measurement."""
        (root / "test_it.py").write_text("def test_call(perf): perf(len, [])\ndef test_other(perf): perf(len, [])\n")
        (root / "pyproject.toml").write_text("[tool.perfbudget]\nbaseline = 'perf-baseline.json'\n")
        monkeypatch.setenv("PYTEST_ADDOPTS", options)
        told: list[str] = []

        def takes(_: MeasuringProgress, line: str) -> bool:
            told.append(line)
            return True

        monkeypatch.setattr(MeasuringProgress, "takes", takes)
        found = measure(root)
        assert found.result.compared_with is None
        assert not any(one.changes for one in found.result.measurements)
        assert told == [
            f"{SUGGESTING_PREFIX}test {number} of 2: test_it.py::{name}\n"
            for number, name in ((1, "test_call"), (2, "test_other"))
        ]

    def test_without_tests_there_is_nothing_to_measure(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["init", "--suggest"]) == 2
        assert "--suggest: pytest found no test in " in capsys.readouterr().err

    def test_a_session_that_does_not_start_is_said(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (root / "conftest.py").write_text("raise OSError('no database')\n", "utf-8")
        assert main(["init", "--suggest"]) == 2
        assert "OSError: no database" in capsys.readouterr().err
