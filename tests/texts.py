"""The failure texts and the notes of measurements, line by line."""

from __future__ import annotations

from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Finding, Missing
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.session_findings import find_missing
from pytest_perfbudget.report.findings import failure_text, note_lines, worded


def findings(*measurements: Measurement, strict: bool = False) -> list[Finding]:
    return worded(find(measurements, Policy(strict=strict)), alpha=0.01)


def failure(*measurements: Measurement, strict: bool = False) -> list[str]:
    """Return the lines of the failure text, without the last one, which names the guide."""
    text = failure_text([one for one in findings(*measurements, strict=strict) if one.is_failure])
    lines = text.splitlines()
    assert not lines or lines[-1].startswith("What this means: perfbudget guide ")
    return lines[:-1]


def notes(*measurements: Measurement, missing: list[Missing] | None = None) -> list[str]:
    found = findings(*measurements) + find_missing(missing or [], Policy(), can_be_mended=True)
    return list(note_lines([one for one in found if not one.is_failure]))
