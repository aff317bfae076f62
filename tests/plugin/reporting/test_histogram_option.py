"""--perf-histogram, and what terminals without block characters get."""

from __future__ import annotations

import pytest
from scripting import Project

SLOW = """
import itertools
MS = itertools.cycle([60, 60, 70])

@pytest.mark.perf_budget(p95_ms=50)
def test_slow(): advance(ms=next(MS))

@pytest.mark.perf_budget(p95_ms=50)
def test_fast(): advance(ms=1)
"""


def test_a_failed_test_shows_its_distribution(each_way: Project) -> None:
    result = each_way.run(SLOW, "--perf-histogram")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        ["Distribution, * rounds, each line from*", "  limit of p95, 50 ms: all rounds are slower", "  60 ms  ████*"]
    )
    assert result.stdout.str().count("Distribution, ") == 1


def test_without_the_option_it_does_not(project: Project) -> None:
    project.run(SLOW).stdout.no_fnmatch_line("Distribution*")


def test_a_terminal_without_blocks_gets_ascii(lean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    result = lean.run(SLOW, "--perf-histogram", subprocess=True)
    result.stdout.fnmatch_lines(["  60 ms  ####*"])
    assert result.stdout.str().isascii()
