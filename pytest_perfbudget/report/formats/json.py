"""The result document, schema `perfbudget-report/1`: everything a session found, as builtins.

The README describes it; a change to its shape is a new number.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.atomic_write import replace_text
from pytest_perfbudget.core.gate import tally
from pytest_perfbudget.core.limits import Settings
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Measurement
from pytest_perfbudget.report.changes import regression_verdicts
from pytest_perfbudget.report.view import is_near, undecided_reason

SCHEMA: Final = "perfbudget-report/1"


def session_facts(
    settings: Settings, *, gate: str, strict: bool, workers: int, exit_status: int, versions: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a reader needs to know of the session the numbers come from."""
    return {
        "versions": dict(versions),
        "exit_status": exit_status,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "gate": gate,
        "strict": strict,
        "alpha": settings.alpha,
        "confidence": settings.confidence,
        "max_time_ns": settings.max_time_ns,
        "warn_at": settings.warn_at,
        "workers": workers,
    }


def build(
    measurements: Sequence[Measurement], session: Mapping[str, Any], missing: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the document; `missing` is what the baseline has and was not measured, with the reason."""
    verdicts = [judgement.verdict for measurement in measurements for judgement in measurement.judgements]
    return {
        "schema": SCHEMA,
        "session": dict(session),
        "summary": {
            "measurements": len(measurements),
            **tally(verdicts),
            "baseline": regression_verdicts(measurements, len(missing)),
        },
        "measurements": [_measurement(one, session["warn_at"]) for one in measurements],
        "missing": [{"id": id_, "reason": reason} for id_, reason in missing],
    }


def _measurement(measurement: Measurement, warn_at: float) -> dict[str, Any]:
    data = measurement.to_dict()
    budgets = [
        {
            **entry,
            "reason": _reason(measurement, judgement),
            "used": judgement.used,
            "near_limit": is_near(judgement, warn_at),
        }
        for entry, judgement in zip(data.pop("judgements"), measurement.judgements, strict=True)
    ]
    return {"id": measurement.id, **data, "budgets": budgets}


def _reason(measurement: Measurement, judgement: BudgetResult) -> str:
    """Return why a budget has no clear verdict."""
    return (
        undecided_reason(measurement, judgement) if judgement.verdict is BudgetVerdict.UNDECIDED else judgement.reason
    )


def write(document: Mapping[str, Any], path: Path) -> None:
    """Write the document as JSON; a reader sees the old file or the new one, whole.

    Raises:
        OSError: the folder cannot be written.
    """
    replace_text(path, json.dumps(document, indent=2) + "\n")
