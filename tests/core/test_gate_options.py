"""The options of `addopts` that weaken a gate."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.gate_options import GateOptions
from pytest_perfbudget.core.settings import Settings

ANCHORED = Settings(anchor="last-tag")


@pytest.mark.parametrize(
    ("head", "base", "settings", "weaker"),
    [
        ("-ra --ignore=old", "-q", Settings(), []),
        ("--perf-gate=off", "", Settings(), ["--perf-gate=off (base: fail)"]),
        ("--perf-gate warn", "--perf-gate=off", Settings(), []),
        ("--perf-gate=warn --perf-gate=fail", "", Settings(), []),  # the last value holds
        ("", "--perf-strict", Settings(), ["no --perf-strict (base: given)"]),
        ("--perf-strict", "", Settings(), []),
        (
            "--perf-require=conditional",
            "--perf-require=ready",
            Settings(),
            ["--perf-require=conditional (base: ready)"],
        ),
        ("--perf-max-time=1ms", "", Settings(), ["--perf-max-time=1ms (base: none)"]),
        ("--perf-max-time=1ms", "--perf-max-time=1ms", Settings(), []),
        ("", "--perf-max-time=9s", Settings(), ["no --perf-max-time (base: 9s)"]),
        ("--perf-max-time=9s", "", Settings(), []),
        ("--perf-history=x.db", "", ANCHORED, ["--perf-history=x.db (base: none)"]),
        ("--perf-history=x.db", "", Settings(), []),
        ("--co", "", Settings(), ["--collect-only (base: none)"]),
        ("--setup-plan", "--setupplan", Settings(), []),
        ("-q @options.txt", "-q", Settings(), ["@options.txt (base: none)"]),
        ("-q @options.txt", "@options.txt", Settings(), []),
    ],
)
def test_an_option_is_weaker_than_that_of_the_base(head: str, base: str, settings: Settings, weaker: list[str]) -> None:
    mine, theirs = (GateOptions.from_words(one.split()) for one in (head, base))
    assert mine.weaker_than(theirs, settings) == weaker
    named = [one.removeprefix("no ").partition(" ")[0].partition("=")[0] for one in weaker]
    assert mine.weaker_than(theirs, settings, named) == []
