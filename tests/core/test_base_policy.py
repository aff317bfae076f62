"""The limits that a pull request loosens, and those that hold in their place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_perfbudget.config import parse_limits
from pytest_perfbudget.core.base_policy import (
    held,
    held_settings,
    loosened_at_run_time,
    loosened_limits,
    with_unread,
)
from pytest_perfbudget.core.loosening import Loosening
from pytest_perfbudget.core.precedence import EffectiveLimits, limits_to_dict, resolve
from pytest_perfbudget.core.settings import DuetSettings, Settings


def limits(place: str, **keywords: Any) -> EffectiveLimits:
    return resolve(Settings(), "a.py::test", [parse_limits(keywords, place)], name="")


@pytest.mark.parametrize(
    ("base", "head", "found"),
    [
        ({"p95_ms": 5}, {"p95_ms": 8}, [("p95_ms = 5", "8", "head")]),
        ({"p95_ms": 5}, {"p95_us": 5001}, [("p95_ms = 5", "p95_us = 5001", "head")]),
        ({"p95_ms": 5}, {}, [("p95_ms = 5", "no limit", "base")]),
        ({"min_rps": 50}, {"min_rps": 40}, [("min_rps = 50", "40", "head")]),
        ({"max_regression": "5%"}, {"max_regression": "100%"}, [("max_regression = 5 %", "100 %", "head")]),
        ({}, {"max_regression": "6%"}, [("max_regression = 5 %", "6 %", "head")]),
        ({"unmeasured": "fail"}, {"unmeasured": "warn"}, [("unmeasured = fail", "warn", "")]),
        ({"max_drift": "5%"}, {"max_drift": "9%"}, [("max_drift = 5 %", "9 %", "head")]),
        ({"max_drift": "5%"}, {}, [("max_drift = 5 %", "no limit", "base")]),
        ({"max_time": "2s"}, {}, [("max_time = 2 s", "1 s", "")]),
        ({}, {"max_time": "1ms"}, [("max_time = 1 s", "0.001 s", "")]),
        ({"count_instructions": True}, {}, [("count_instructions = true", "false", "")]),
        ({"count_instructions": True}, {"count_instructions": False}, [("count_instructions = true", "false", "")]),
        ({"max_instructions": 900}, {}, [("max_instructions = 900", "no limit", "base")]),
        ({}, {"pin": False}, [("pin = true", "false", "")]),
        ({"spans": {"db": {"max_count": 3}}}, {"spans": {"db": {"max_count": 9}}}, [("spans 'db' max_count = 3", "9", 'head spans "db"')]),
        ({"spans": {"db": {"max_share": 0.5}}}, {}, [("spans 'db' max_share = 0.5", "no limit", 'base spans "db"')]),
    ],
)  # fmt: skip
def test_a_looser_limit_is_found_and_the_bases_limit_holds(
    base: dict[str, Any], head: dict[str, Any], found: list[tuple[str, str, str]]
) -> None:
    before, after = limits("base", **base), limits("head", **head)
    loosened = loosened_limits(after, before)
    assert [(one.base, one.head, one.source) for one in loosened.found] == found
    holding = held(after, loosened)
    assert loosened_limits(holding, before).found == []  # nothing is looser any more
    assert held(after, loosened_limits(after, after)) == after


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ({"p95_ms": 5}, {"p95_ms": 5}), ({"p95_ms": 5}, {"p95_us": 5000}), ({"p95_ms": 5}, {"p95_ms": 4}),
        ({}, {"p95_ms": 5}), ({"min_rps": 40}, {"min_rps": 50}), ({"max_regression": "10%"}, {}),
        ({"unmeasured": "warn"}, {"unmeasured": "fail"}), ({}, {"max_time": "2s"}),
        ({"max_drift": "9%"}, {"max_drift": "5%"}), ({}, {"max_drift": "5%"}),
        ({}, {"count_instructions": True}), ({"count_instructions": True}, {"max_instructions": 900}),
        ({"pin": False}, {"pin": True}), ({"pin": False}, {"pin": False}),
    ],
)  # fmt: skip
def test_a_tighter_or_equal_limit_is_the_pull_requests_own(base: dict[str, Any], head: dict[str, Any]) -> None:
    before, after = limits("base", **base), limits("head", **head)
    loosened = loosened_limits(after, before)
    assert loosened.found == []
    assert held(after, loosened) == after


def test_what_cannot_be_read_says_nothing() -> None:
    before, after = limits("base", p95_ms=5, max_regression="5%"), limits("head", max_regression="9%")
    assert loosened_limits(after, before, {"p95_us", "max_regression"}).found == []
    assert len(loosened_limits(after, before, {"p99_ms"}).found) == 2
    before, after = limits("base", max_drift="5%", max_time="2s"), limits("head")
    assert loosened_limits(after, before, {"max_drift", "max_time"}).found == []
    assert with_unread(after, before, {"max_drift", "max_time"}) == replace(before, max_regression=after.max_regression)
    assert with_unread(after, before, ()) == after
    before, after = limits("base", count_instructions=True), limits("head")
    assert loosened_limits(after, before, {"count_instructions"}).found == []
    assert with_unread(after, before, {"count_instructions"}) == before
    pinned, unpinned = limits("base"), limits("head", pin=False)
    assert loosened_limits(unpinned, pinned, {"pin"}).found == []
    assert with_unread(unpinned, pinned, {"pin"}) == pinned
    limited = limits("base", max_instructions=900)
    assert with_unread(after, limited, {"max_instructions"}) == limited


def test_a_limit_at_run_time_that_is_tighter_than_the_bases_stays() -> None:
    loosened = loosened_limits(limits("head", p95_ms=8), limits("base", p95_ms=5))
    own = limits("call", p95_ms=2)
    assert held(own, loosened) == own
    loosened = replace(loosened, max_drift=limits("base", max_drift="5%").max_drift, max_time_ns=2_000_000_000)
    own = limits("call", p95_ms=2, max_drift="2%", max_time="9s")
    assert held(own, loosened) == own
    (budget,) = held(limits("call", p95_ms=7), loosened).budgets
    assert (budget.limit, budget.source) == (5e6, "base of the base")


def test_settings_of_a_session_are_held_too() -> None:
    strict = Settings(strict=True, require="ready")
    copying = DuetSettings(changed_tests="skip", mode="sequential", setup="cp shop.py {tree}")
    lenient = Settings(require="conditional", alpha=1e-300, confidence=0.01, max_time_ns=1_000_000, duet=copying)
    settings, found = held_settings(lenient, strict)
    assert settings == strict
    assert [f"{one.base} -> {one.head}" for one in found] == [
        "strict = true -> false",
        "require = ready -> conditional",
        "changed_tests = gate -> skip",
        "alpha = 0.01 -> 1e-300",
        "confidence = 0.95 -> 0.01",
        "mode = together -> sequential",
        "setup = none -> cp shop.py {tree}",
    ]
    assert held_settings(strict, replace(lenient, duet=DuetSettings())) == (strict, [])  # a stricter pull request
    assert held_settings(strict, strict) == (strict, [])


def test_processes_of_both_sides_tell_looser_limits_that_no_text_shows() -> None:
    base = limits("base", max_drift="5%", max_time="2s")
    head = limits("head", max_drift="9%")
    told, known = (limits_to_dict(one) for one in (head, base))
    drift, time = loosened_at_run_time(told, known, [])
    assert drift == Loosening("max_drift = 5 %", "9 %", "head", is_held=False)
    assert time == Loosening("max_time = 2 s", "1 s", "", is_held=False)
    assert loosened_at_run_time(told, known, [replace(drift, is_held=True)]) == [time]
    assert loosened_at_run_time(known, told, []) == []
    earlier = {name: one for name, one in known.items() if name not in ("max_drift", "max_time_ns", "pin")}
    unpinned = limits_to_dict(limits("head", max_drift="5%", max_time="2s", pin=False))
    assert loosened_at_run_time(unpinned, known, []) == [Loosening("pin = true", "false", "", is_held=False)]
    counting = limits_to_dict(limits("base", count_instructions=True))
    assert [one.base for one in loosened_at_run_time(limits_to_dict(limits("head")), counting, [])] == [
        "count_instructions = true"
    ]
    # The base has an earlier version of the plugin.
    assert loosened_at_run_time(told, earlier, []) == loosened_at_run_time(unpinned, earlier, []) == []


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (Settings(), ["anchor = v1 -> none", "history = h.db -> none"]),
        (Settings(anchor="last-tag", history="h.db"), ["anchor = v1 -> last-tag"]),
        (Settings(anchor="v1", history="other.db"), ["history = h.db -> other.db"]),
        (Settings(anchor="v1", history="h.db", history_days=1), ["history_days = 30 -> 1"]),
    ],
)
def test_another_anchor_forgives_no_drift(head: Settings, found: list[str]) -> None:
    base = Settings(anchor="v1", history="h.db")
    settings, loosened = held_settings(head, base)
    assert settings == base
    assert [f"{one.base} -> {one.head}" for one in loosened] == found
    assert held_settings(base, head if not head.anchor else base) == (base, [])  # a new anchor is stricter
    assert held_settings(head, Settings(history="h.db")) == (head, [])  # without an anchor nothing is judged
