"""The JSON report, schema `perfbudget-report/1`, with the complete result of a session."""

from __future__ import annotations

import json

from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import ReportError


def render(result: RunResult) -> str:
    """Return the result as JSON."""
    return json.dumps(result.to_dict(), indent=2, allow_nan=False) + "\n"


def parse(text: str, place: str) -> RunResult:
    """Return the result in a JSON report.

    Args:
        text: the whole report.
        place: the file's name, with which every error message begins.

    Raises:
        ReportError: the text is no report of this schema.
    """
    try:
        return RunResult.from_dict(json.loads(text))
    except json.JSONDecodeError as error:
        message = f"{place}:{error.lineno}: is no JSON: {error.msg}"
        raise ReportError(message) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{place}: is no report of this version of pytest-perfbudget: {error}"
        raise ReportError(message) from None
