"""GitLab's code quality report (gl-code-quality.json): the findings at the lines of their tests."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any, Final

from pytest_perfbudget.core.finding import Finding, Severity
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.findings import by_severity, headline_of
from pytest_perfbudget.report.formats.repository_path import path_of

_SEVERITIES: Final = {Severity.FAILURE: "major", Severity.WARNING: "minor"}
_NO_FILE: Final = "pyproject.toml"
"""The place of a finding on the whole session: GitLab leaves a finding without a file out."""


def render(result: RunResult) -> str:
    """Return the failures and warnings as JSON."""
    known: Counter[str] = Counter()
    entries = [
        _entry(one, result.session.folder, known)
        for one in by_severity(result.findings, Severity.FAILURE, Severity.WARNING)
    ]
    return json.dumps(entries, indent=2) + "\n"


def _entry(finding: Finding, folder: str, known: Counter[str]) -> dict[str, Any]:
    # Without numbers, which differ from run to run: GitLab tells a known finding from a new one by its fingerprint.
    identity = f"{finding.kind}\0{finding.test}\0{finding.name}\0{finding.metric}"
    known[identity] += 1
    return {
        "description": headline_of(finding),
        "check_name": f"perfbudget/{finding.kind}",
        "fingerprint": hashlib.sha256(f"{identity}\0{known[identity]}".encode(errors="replace")).hexdigest(),
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": path_of(finding, folder) or _NO_FILE, "lines": {"begin": finding.line or 1}},
    }
