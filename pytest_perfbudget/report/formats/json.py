"""The JSON report, schema `perfbudget-report/1`, with the complete result of a session."""

from __future__ import annotations

import json
from typing import Any, Final

from pytest_perfbudget.core.readiness import readiness_of
from pytest_perfbudget.core.recommendations import recommendations_of
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import ReportError, json_problem
from pytest_perfbudget.report.formats.json_check import check_document

_RARE: Final = {
    "budgets": ("effective", "without_waits", "repeats", "instructions"),
    # A count has neither an interval nor a test.
    "changes": (
        *("blamed", "grown", "installed", "executed", "is_test_changed", "is_required", "needs_reason"),
        "smallest_found",
        *("lower", "upper", "log_std_error", "p_value", "alpha", "weather", "in_pairs", "components", "reason"),
        "against",
    ),
}
"""The keys of results that a report leaves out where they are empty, null or false, which they are nearly always."""


def render(result: RunResult) -> str:
    """Return the result as JSON: a line for each key, and for each entry of a list such as the measurements."""
    lines = (f"{_compact(key)}:{_value(value)}" for key, value in _document(result).items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _document(result: RunResult) -> dict[str, Any]:
    """Return the document: the result, and for readers what follows from the result."""
    readiness = readiness_of(result)
    document = result.to_dict()
    for one in document["measurements"]:
        for kind, rare in _RARE.items():
            one[kind] = [
                {key: value for key, value in each.items() if key not in rare or _is_filled(value)}
                for each in one[kind]
            ]
    return {
        **document,
        "readiness": None if readiness is None else readiness.to_dict(),
        "recommendations": [one.to_dict() for each in result.measurements for one in recommendations_of(each)],
    }


def _is_filled(value: Any) -> bool:  # noqa: ANN401 - whatever JSON can hold
    return value is not None and value is not False and value not in ([], "")


def _value(value: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    if not isinstance(value, list) or not value:
        return _compact(value)
    return "[\n" + ",\n".join(map(_compact, value)) + "\n]"


def _compact(value: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Return a value in one line: with indents, a report would take half as much again."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def parse(text: str, place: str) -> RunResult:
    """Return the result in a JSON report.

    Args:
        text: the whole report.
        place: the file's name, with which every error message begins.

    Raises:
        ReportError: the text is no report of this schema.
    """
    try:
        data = json.loads(text, parse_constant=_refuse)
        check_document(data)
        result = RunResult.from_dict(data)
        _check_packed(result)
    except json.JSONDecodeError as error:
        problem = json_problem(text, error)
        message = f"{place}:{error.lineno}: {problem}; a session writes a report with --perf-output"
        raise ReportError(message) from None
    except ValueError as error:
        wrong = f"is no report of this version of pytest-perfbudget: {error}"
        message = f"{place}: {wrong}; a session writes a report with --perf-output"
        raise ReportError(message) from None
    except RecursionError:
        message = f"{place}: is no report of pytest-perfbudget: it is nested too deeply"
        raise ReportError(message) from None
    return result


def _refuse(constant: str) -> float:
    message = f"{constant} is no number in JSON"
    raise ValueError(message)


def _check_packed(result: RunResult) -> None:
    """Unpack what is packed, so that damage shows where a report is read."""
    for one in result.measurements:
        try:
            if one.times is not None:
                one.times.own_times_ns()
            if one.blocks is not None:
                one.blocks.blocks()
            if one.side_times is not None:
                one.side_times.check()
        except (ValueError, ZeroDivisionError) as error:
            message = f"{one.id}: {error}"
            raise ValueError(message) from None
