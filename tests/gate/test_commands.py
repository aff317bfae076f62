"""`perfbudget gate` up to the session, which does not run here; tests/gate/test_action.py runs real ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pull_requests import Origin
from repositories import commit, compiled_from_other_source

from pytest_perfbudget.cli import main
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.gate import commands
from pytest_perfbudget.gate.session import EndedSession, run_session
from pytest_perfbudget.gate.verdict_file import parse_verdict


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Check a pull request with changed code out, and return the sessions that the gate asks for."""
    found: list[dict[str, Any]] = []

    def session(
        folder: Path,
        base: str,
        output: Path,
        arguments: list[str],
        *,
        policy: str,
        label: str,
        is_self_test: bool = False,
    ) -> EndedSession:
        del folder, output, is_self_test
        found.append({"base": base, "arguments": arguments, "policy": policy, "label": label})
        return EndedSession(RunResult(), 0)

    monkeypatch.setattr(commands, "run_session", session)
    for name in ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "PERFBUDGET_GATE_SELF_TEST", "PERFBUDGET_GATE_ARGUMENTS"):
        monkeypatch.delenv(name, raising=False)
    opened = Origin.make(tmp_path, {"shop.py": "1\n"}).open({"shop.py": "2\n"})
    monkeypatch.chdir(opened.checkout(tmp_path / "work"))
    for name, value in opened.environment(tmp_path, "bug", "perf-accepted").items():
        monkeypatch.setenv(name, value)
    return found


@pytest.mark.parametrize(
    ("arguments", "policy"),
    [
        ([], "head"),  # the label of the pull request accepts its limits
        (["--accept-label", "other"], "base"),
        (["--policy", "head", "--accept-label", "other"], "head"),
    ],
)
def test_a_label_of_a_reviewer_accepts_the_limits(
    sessions: list[dict[str, Any]], arguments: list[str], policy: str
) -> None:
    assert main(["gate", *arguments]) == 0
    assert sessions[0]["policy"] == policy
    assert sessions[0]["label"] == (arguments[-1] if arguments else "perf-accepted")  # the messages name this label


def test_a_label_of_an_earlier_commit_accepts_nothing(
    sessions: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    event = Path(os.environ["GITHUB_EVENT_PATH"])
    event.write_text(json.dumps({**json.loads(event.read_text("utf-8")), "action": "synchronize"}), "utf-8")
    assert main(["gate"]) == 0
    assert sessions[0]["policy"] == "base"
    assert "remove it and add it again to accept" in capsys.readouterr().out


@pytest.mark.usefixtures("sessions")
def test_a_gate_that_fails_itself_is_an_error_and_no_regression(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "run_session", lambda *_, **__: 1 / 0)
    assert main(["gate"]) == 2
    assert "The gate itself failed: ZeroDivisionError" in capsys.readouterr().out


def test_the_self_test_restores_every_byte(sessions: list[dict[str, Any]]) -> None:
    contents = {
        "shop.py": b"def price():\r\n    return 1\r\n",
        "other.py": "# coding: latin-1\n# \xe4\n".encode("latin-1"),
    }
    for name, content in contents.items():
        Path(name).write_bytes(content)
    commit(Path.cwd(), {"test_shop.py": "from shop import price\n"})
    assert main(["gate", "--self-test"]) == 2  # the session that does not run finds nothing
    assert len(sessions) == 1
    assert {name: Path(name).read_bytes() for name in contents} == contents


def test_arguments_come_from_the_command_line_and_from_the_action(
    sessions: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERFBUDGET_GATE_ARGUMENTS", "-k 'a b'")
    assert main(["gate", "--", "tests", "-x"]) == 0
    assert sessions[0]["arguments"] == ["-k", "a b", "tests", "-x"]


def test_arguments_that_are_no_words_are_an_error(
    sessions: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERFBUDGET_GATE_ARGUMENTS", "-k 'a b")
    assert main(["gate"]) == 2
    assert sessions == []
    assert "PERFBUDGET_GATE_ARGUMENTS: No closing quotation" in capsys.readouterr().out


def test_the_verdict_is_written_and_git_ignores_the_reports(sessions: list[dict[str, Any]], tmp_path: Path) -> None:
    """Reports of an earlier run would count as new files, and a change of the documentation as one of code."""
    assert main(["gate"]) == 0
    assert len(sessions) == 1
    reports = tmp_path / "work/perf-report"
    assert parse_verdict((reports / "verdict.json").read_bytes()).verdict.reason
    assert (reports / ".gitignore").read_text("utf-8") == "*\n"
    assert (tmp_path / "output").read_text("utf-8").splitlines()[1] == "verdict=passed"


def test_a_place_that_cannot_be_written_is_an_error(
    sessions: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_text("", "utf-8")
    assert main(["gate", "--output", "file"]) == 2
    assert sessions == []
    assert "the verdict cannot be written: " in capsys.readouterr().err


def test_the_self_test_refuses_changed_files(
    sessions: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("shop.py").write_text("3\n", "utf-8")
    assert main(["gate", "--self-test"]) == 2
    assert sessions == []
    assert "--self-test plants a slowdown in tracked files, and some have changes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--no-such-option"], "unrecognized arguments: --no-such-option"),
        (["gone.py"], "file or directory not found: gone.py"),
        (["--perf-max-time=soon"], "command line: --perf-max-time: expected a duration"),
        (["--version"], ""),
    ],
)
def test_the_error_with_which_pytest_refuses_to_start_is_known(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    commit(tmp_path, {"test_it.py": ""})
    ended = run_session(tmp_path, "HEAD", tmp_path, arguments, policy="head", label="")
    assert ended.problem.startswith(problem)
    assert bool(ended.problem) is bool(problem)
    assert ended.problem in capfd.readouterr().err  # the log has it, too


def test_a_compiled_file_of_other_source_does_not_run_in_the_session(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    commit(tmp_path, {"plugin.py": "import shop\n"})
    compiled_from_other_source(tmp_path / "shop.py", "print('slow')\n", "print('fast')\n")
    run_session(tmp_path, "HEAD", tmp_path, ["-p", "plugin", "gone.py"], policy="head", label="")
    assert capfd.readouterr().out.startswith("slow\n")
