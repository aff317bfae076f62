"""The file with the verdict: what a second workflow, which may write, has to know of a pull request from a fork.

The file is data: the workflow checks each value and words the comment itself. Whoever writes the file chooses names of
tests and numbers, and neither Markdown nor links.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.finding import LOOSENED
from pytest_perfbudget.core.outcome import GateVerdict, Outcome
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.report.findings import note_lines

VERDICT_FILE: Final = "verdict.json"
SCHEMA: Final = "perfbudget-verdict/1"
LARGEST: Final = 64_000
"""The largest size of the file in bytes."""

MOST_LINES: Final = 20
_LONGEST: Final = 400
_MOST: Final = 1_000_000
_KEYS: Final = {"schema", "outcome", "reason", "seconds", "failures", "loosened", "loosened_limits", "more"}
_LEFT_OUT: Final = "left_out_tests"
"""The key that only a file with accepted removals has."""


@dataclass(frozen=True, slots=True)
class SavedVerdict:
    """The content of the file.

    Attributes:
        verdict: the verdict.
        seconds: the time until the verdict, in s; None if it is not known.
        failures: the findings that fail, each as the test and a sentence.
        loosened: the limits that the pull request loosens, a sentence for each.
        more: the number of failures and loosened limits that are left out.
    """

    verdict: GateVerdict
    seconds: float | None = None
    failures: Sequence[tuple[str, str]] = ()
    loosened: Sequence[str] = ()
    more: int = 0


def verdict_text(verdict: GateVerdict, result: RunResult | None, seconds: float) -> str:
    """Return the text of the file."""
    findings = [] if result is None else [*result.findings]
    # A loosened limit is listed once, whether or not the session fails by it.
    failing = [one for one in findings if one.is_failure and one.kind != LOOSENED]
    loosened = list(note_lines(one for one in findings if one.kind == LOOSENED))
    # A name may consist of characters of which each takes 12 bytes.
    for lines in (MOST_LINES, MOST_LINES // 4, 0):
        content = {
            "schema": SCHEMA,
            "outcome": verdict.outcome.value,
            "reason": verdict.reason[:_LONGEST],
            "seconds": round(seconds, 1),
            "failures": [[one.id[:_LONGEST], one.headline[:_LONGEST]] for one in failing[:lines]],
            "loosened": [one[:_LONGEST] for one in loosened[:lines]],
            "loosened_limits": min(verdict.loosened, _MOST - 1),
            **({_LEFT_OUT: min(verdict.left_out, _MOST - 1)} if verdict.left_out else {}),
            "more": sum(max(len(found) - lines, 0) for found in (failing, loosened)),
        }
        text = json.dumps(content, indent=1) + "\n"
        if len(text) <= LARGEST:  # all characters are of ASCII
            break
    return text


def parse_verdict(content: bytes) -> SavedVerdict:
    """Return the content of the file, which somebody without any right may have written.

    Raises:
        ReportError: the file is too large, is no JSON, or violates the schema.
    """
    if len(content) > LARGEST:
        message = f"{VERDICT_FILE} has {len(content):,} bytes, and at most {LARGEST:,} are read"
        raise ReportError(message)
    try:
        data = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
        return _parsed(data)
    except (ValueError, RecursionError) as error:
        message = f"{VERDICT_FILE} violates the schema {SCHEMA}: {str(error)[:_LONGEST]}"
        raise ReportError(message) from None


def _parsed(data: object) -> SavedVerdict:
    if not isinstance(data, Mapping) or set(data) - {_LEFT_OUT} != _KEYS or data["schema"] != SCHEMA:
        message = f"the keys must be {', '.join(sorted(_KEYS))}, with this schema"
        raise ValueError(message)
    loosened, left_out = (int(_number(data.get(key, 0), (int,))) for key in ("loosened_limits", _LEFT_OUT))
    return SavedVerdict(
        GateVerdict(Outcome(_text(data["outcome"])), _text(data["reason"]), loosened, left_out),
        float(_number(data["seconds"], (int, float))),
        [(_text(test), _text(sentence)) for test, sentence in _list(data["failures"], 2)],
        [_text(one) for one in _list(data["loosened"])],
        int(_number(data["more"], (int,))),
    )


def _number(value: object, kinds: tuple[type, ...]) -> float:
    number: Any = value
    if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= number < _MOST:
        message = f"a number from 0 to {_MOST:,} was expected"
        raise ValueError(message)
    return float(number)


def _list(value: object, parts: int = 0) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_LINES:
        message = f"a list of at most {MOST_LINES} entries was expected"
        raise ValueError(message)
    if parts and not all(isinstance(one, list) and len(one) == parts for one in value):
        message = f"each entry must have {parts} parts"
        raise ValueError(message)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        message = f"a text of at most {_LONGEST} characters was expected"
        raise ValueError(message)
    return value


def _no_constant(name: str) -> float:
    message = f"{name} is no number"
    raise ValueError(message)
