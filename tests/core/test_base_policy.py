"""The limits that a pull request loosens, and those that hold in their place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_perfbudget.config import parse_limits
from pytest_perfbudget.core.base_policy import held, held_settings, loosened_limits
from pytest_perfbudget.core.precedence import EffectiveLimits, resolve
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
        ({"unmeasured": "warn"}, {"unmeasured": "fail"}), ({"max_time": "1s"}, {"max_time": "1ms"}),
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


def test_a_limit_at_run_time_that_is_tighter_than_the_bases_stays() -> None:
    loosened = loosened_limits(limits("head", p95_ms=8), limits("base", p95_ms=5))
    own = limits("call", p95_ms=2)
    assert held(own, loosened) == own
    (budget,) = held(limits("call", p95_ms=7), loosened).budgets
    assert (budget.limit, budget.source) == (5e6, "base of the base")


def test_settings_of_a_session_are_held_too() -> None:
    strict = Settings(strict=True, require="ready")
    copying = DuetSettings(changed_tests="skip", mode="sequential", setup="cp shop.py {tree}")
    lenient = Settings(require="conditional", alpha=1e-300, max_time_ns=1_000_000, duet=copying)
    settings, found = held_settings(lenient, strict)
    assert settings == strict
    assert [f"{one.base} -> {one.head}" for one in found] == [
        "strict = true -> false",
        "require = ready -> conditional",
        "changed_tests = gate -> skip",
        "alpha = 0.01 -> 1e-300",
        "max_time = 1 s -> 0.001 s",
        "mode = together -> sequential",
        "setup = none -> cp shop.py {tree}",
    ]
    assert held_settings(strict, replace(lenient, duet=DuetSettings())) == (strict, [])  # a stricter pull request
    assert held_settings(strict, strict) == (strict, [])
