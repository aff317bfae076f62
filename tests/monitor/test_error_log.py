"""The last errors: their causes, their counts, and their bounded number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_perfbudget.monitor.error_log import MOST_ERRORS, ErrorCause, ErrorEntry, ErrorLog, merged


def raised() -> Exception:
    try:
        int("no number")
    except ValueError as error:
        return error
    raise AssertionError


def test_an_exception_names_the_line_that_raised_it() -> None:
    cause = ErrorCause.of(raised())
    assert (cause.kind, cause.message) == ("ValueError", "invalid literal for int() with base 10: 'no number'")
    file, _, line = cause.place.rpartition(":")
    assert (Path(file).name, line) == (Path(__file__).name, "15")


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [("KeyError: 'x'", "KeyError", "'x'"), ("it broke: badly", "error", "it broke: badly"), ("late", "error", "late")],
)
def test_words_are_taken_apart(words: str, kind: str, message: str) -> None:
    assert ErrorCause.of(words, "a.py:3") == ErrorCause(kind, message, "a.py:3")


def test_the_same_error_is_counted() -> None:
    log = ErrorLog()
    for at_ns in (1, 2, 3):
        log.add("http", ErrorCause("KeyError", f"request 1234{at_ns}"), at_ns)
    (entry,) = log.entries()
    assert (entry.count, entry.at_ns, entry.cause.message) == (3, 3, "request 12343")


def test_the_latest_errors_are_kept_and_come_first() -> None:
    log = ErrorLog()
    for number in range(MOST_ERRORS + 5):
        log.add("http", ErrorCause(f"Error{chr(65 + number)}", ""), number)
    entries = log.entries()
    assert len(entries) == MOST_ERRORS
    assert entries[0].at_ns == MOST_ERRORS + 4


def test_the_enclosing_span_is_named_when_it_ends() -> None:
    log = ErrorLog()
    log.add("storage", ErrorCause("KeyError", "x"), 1, parent_id=7)
    assert log.entries()[0].parent == ""
    assert log.is_waiting_for(7)
    log.name_parent(7, "gateway.call")
    assert log.entries()[0].parent == "gateway.call"
    assert not log.is_waiting_for(7)


def test_enclosing_spans_that_never_end_are_forgotten() -> None:
    log = ErrorLog()
    for number in range(1, 100):
        log.add("storage", ErrorCause("KeyError", "x"), 1, parent_id=number)
    assert sum(log.is_waiting_for(number) for number in range(100)) == MOST_ERRORS


def test_the_errors_of_two_processes_are_counted_together() -> None:
    one = [ErrorEntry("http", ErrorCause("KeyError", "x"), 5, 2)]
    other = [ErrorEntry("http", ErrorCause("KeyError", "x"), 9, 3), ErrorEntry("http", ErrorCause("OSError", "y"), 7)]
    assert [(entry.cause.kind, entry.count, entry.at_ns) for entry in merged([one, other])] == [
        ("KeyError", 5, 9),
        ("OSError", 1, 7),
    ]


def test_an_entry_survives_json() -> None:
    entry = ErrorEntry("http", ErrorCause("KeyError", "x", "a.py:3"), 5, 2, "gateway")
    assert ErrorEntry.from_dict(json.loads(json.dumps(entry.to_dict()))) == entry
