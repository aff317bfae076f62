"""The command, with a doctor that runs no sessions; tests/test_guide.py has `perfbudget guide`."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_perfbudget import cli
from pytest_perfbudget.cli import SLOWDOWNS, main
from pytest_perfbudget.doctor.trial import Case, Session
from pytest_perfbudget.doctor.workloads import WORKLOADS


class Ward:
    """Stands in for real sessions, which take a minute: the gate catches slowdowns from `least` on."""

    least = 0.05
    takes_s: float | None = 30.0
    made: list[str]

    def __init__(self, folder: Path, *, max_regression: str, baseline_runs: int) -> None:
        type(self).made = [f"{max_regression}|{baseline_runs}"]
        assert list(folder.iterdir()) == []

    def prepare(self) -> float | None:
        self.made.append("update")
        return self.takes_s

    def session(self, slowdowns: Mapping[str, float]) -> Session:
        self.made.append("slowed" if slowdowns else "clean")
        said = {name: "regressed" if slowdowns.get(name, 0) >= self.least else "unchanged" for name in WORKLOADS}
        cases = [Case(name, slowdowns.get(name, 0.0), one, 1.0, 0.01, 3) for name, one in said.items()]
        return Session(tuple(cases), 6.0, failed="regressed" in said.values())


@pytest.fixture(autouse=True)
def ward(monkeypatch: pytest.MonkeyPatch) -> type[Ward]:
    monkeypatch.setattr(cli, "BaselineTrial", Ward)
    monkeypatch.setattr(Ward, "least", 0.05)
    return Ward


def test_the_doctor_runs_clean_and_slowed_sessions_and_updates_now_and_then(
    ward: type[Ward], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--sessions", "6", "--max-regression", "2%"]) == 0
    assert ward.made == ["2%|0", "update", *["clean", "slowed"] * 5, "update", "clean", "slowed"]
    output = capsys.readouterr().out
    assert "clean sessions  0 of 6 with 24 tests failed" in output
    assert "caught          +2% 0 of 36, +5% 36 of 36, +10% 36 of 36, +20% 36 of 36" in output


def test_each_workload_gets_each_slowdown_in_turn() -> None:
    seen = {
        name: {cli._slowdowns(number, Namespace(quick=False, against=False))[name] for number in range(4)}
        for name in WORKLOADS
    }
    assert all(found == set(SLOWDOWNS) for found in seen.values())


def test_a_quick_look_is_one_session_of_a_few_processes(ward: type[Ward]) -> None:
    assert main(["doctor", "--quick"]) == 0
    assert ward.made == ["|5", "update", "clean", "slowed"]


def test_the_duet_is_judged_by_smaller_slowdowns_and_without_a_baseline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class DuetWard(Ward):
        takes_s = None

    monkeypatch.setattr(cli, "DuetTrial", DuetWard)
    assert main(["doctor", "--against", "--sessions", "4", "--max-regression", "2%"]) == 0
    output = capsys.readouterr().out
    assert "caught          +2% 0 of 24, +3% 0 of 24, +5% 24 of 24, +10% 24 of 24" in output
    assert "of an update" not in output


def test_a_gate_that_cannot_fire_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Ward, "least", 9.9)
    assert main(["doctor"]) == 1
    assert "THE GATE DOES NOT FIRE" in capsys.readouterr().out


def test_the_findings_go_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--output", str(tmp_path / "new" / "found.json")]) == 0
    document = json.loads((tmp_path / "new" / "found.json").read_text("utf-8"))
    assert document["schema"] == "perfbudget-doctor/1"
    assert set(document["machine"]) == {"cpu", "architecture", "system", "python"}
    (tmp_path / "file").write_text("", "utf-8")
    assert main(["doctor", "--output", str(tmp_path / "file" / "found.json")]) == 2
    assert "found.json cannot be written: " in capsys.readouterr().err


def test_without_a_command_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "show a page of the guide" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["doctor", "--sessions", "0"], "argument --sessions: expected a whole number from 1, found '0'"),
        (["doctor", "--max-regression", "5"], "expected a percentage above zero, such as '5%', found '5'"),
        (["check"], "invalid choice: 'check'"),
    ],
)
def test_a_wrong_command_line_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


def test_an_interrupt_ends_it_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_ward: Ward) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(Ward, "prepare", interrupt)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err.endswith("perfbudget: interrupted\n")
