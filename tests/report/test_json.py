from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.gate import BudgetGate
from pytest_perfbudget.core.limits import Settings
from pytest_perfbudget.core.results import Measurement
from pytest_perfbudget.core.samples import Samples, describe
from pytest_perfbudget.report.formats.json import SCHEMA, build, session_facts, write

SESSION = session_facts(Settings(), gate="fail", strict=False, workers=0, exit_status=0, versions={"pytest": "9"})


def measurement() -> Measurement:
    samples = Samples([45e6] * 59, planned_rounds=59, overhead_ns=60)
    judgements = BudgetGate(parse_budgets({"p95_ms": 50, "p99_ms": 50}, "here"), Errors(0.01, 0.05)).judge(samples)
    return Measurement("a.py::t", "n", "call", "c", 59, 1, 60.0, 5, describe(samples), judgements)


def test_the_document_holds_session_summary_and_measurements() -> None:
    document = build([measurement()], SESSION)
    assert document["schema"] == SCHEMA == "perfbudget-report/1"
    counts = {"measurements": 1, "exceeded": 0, "undecided": 1, "unmeasured": 0, "within": 1}
    assert {key: document["summary"][key] for key in counts} == counts
    (found,) = document["measurements"]
    assert (found["id"], found["nodeid"], found["name"], found["rounds"]) == ("a.py::t n", "a.py::t", "n", 59)
    assert found["overhead_ns"] == 60
    first, second = found["budgets"]
    assert (first["limit"], first["source"], first["verdict"]) == (50e6, "here", "within")
    assert (first["used"], first["near_limit"]) == (0.9, True)
    assert (second["verdict"], second["needs_rounds"]) == ("undecided", 299)
    assert second["reason"].startswith("p99 needs 299 rounds, had 59; that takes at least")


def test_it_is_json_without_losses(tmp_path: Path) -> None:
    document = build([measurement()], SESSION)
    write(document, tmp_path / "new" / "report.json")
    assert json.loads((tmp_path / "new" / "report.json").read_text("utf-8")) == document


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    write({"old": True}, file)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write({"new": True}, file)
    assert json.loads(file.read_text("utf-8")) == {"old": True}
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_it_is_as_readable_as_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("", "utf-8")
    write({}, tmp_path / "report.json")
    modes = {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("plain", "report.json")}  # noqa: PTH116
    assert len(modes) == 1
