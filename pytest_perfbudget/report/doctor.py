"""The wording of the doctor's findings."""

from __future__ import annotations

import statistics

from pytest_perfbudget.doctor.findings import Findings
from pytest_perfbudget.report.numbers import counted, percent


def doctor_text(findings: Findings, machine: str, elapsed_s: float) -> str:
    """Return the findings as text."""
    tests = len(findings.clean[0].cases)
    lines = [
        f"machine         {machine}",
        f"clean sessions  {findings.false_alarms} of {len(findings.clean)} with {tests} tests failed",
        f"time            {findings.seconds_per_test():.2f} s per test of a clean session, start-up included"
        + (
            f"; {statistics.median(findings.update_s) / tests:.1f} s per test of an update" if findings.update_s else ""
        ),
        "caught          "
        + ", ".join(f"+{slowdown:.0%} {hits} of {number}" for slowdown, (hits, number) in findings.caught().items()),
    ]
    if alarmed := findings.alarmed():
        named = ", ".join(f"{name} {' '.join(map(percent, ratios))}" for name, ratios in alarmed.items())
        lines.append(f"false alarms    {named}: of unchanged code; a slowdown caught in these proves nothing")
    if missed := findings.missed():
        lines.append("missed          " + ", ".join(f"{name} {_shares(found)}" for name, found in missed.items()))
    if errors := findings.errors():
        lines.append(f"noise           standard error of a confirmed change {statistics.median(errors):.1%} (median)")
    recommended = findings.recommended()
    if recommended is None:
        lines.append(f"advice          none: {counted(len(errors), 'confirmed test')} are too few to recommend a limit")
    else:
        lines.append(f'advice          max_regression = "{100 * recommended:g}%"')
    if not findings.can_fire():
        lines.append("THE GATE DOES NOT FIRE: no run with the largest slowdown was caught. Do not rely on the gate.")
    elif len(findings.clean) < 10:
        sessions = counted(len(findings.clean), "session")
        lines.append(f"{sessions} in {elapsed_s / 60:.1f} min: a look, no rates; --sessions 30 gives some")
    return "\n".join(lines) + "\n"


def _shares(found: list[float]) -> str:
    return " ".join(f"+{share:.0%}" for share in found)
