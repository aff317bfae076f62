"""The exceptions by which the plugin fails a test: for findings, and for a mistake in the use of the fixtures."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.errors import ConfigError, MisuseError
from pytest_perfbudget.report import findings as words
from pytest_perfbudget.report.bars import ascii_bars, shows_bars
from pytest_perfbudget.report.histogram import histograms


def failure_of(
    findings: Sequence[Finding], measurements: Sequence[Measurement], *, with_histograms: bool
) -> BaseException | None:
    """Return the exception that fails a test; None if no finding on the test is a failure.

    Args:
        findings: the findings on the test, with their texts.
        measurements: the measurements of the test.
        with_histograms: whether to draw the distribution of each measurement that fails.
    """
    failures = [one for one in findings if one.is_failure and one.belongs_to_test]
    if not failures:
        return None
    # The findings decide. A missing text must not let a test pass.
    text = words.failure_text(failures) or ", ".join(f"{one.kind}: {one.id}" for one in failures)
    if with_histograms:
        red = {one.name for one in failures}
        text = "\n".join(filter(None, [text, histograms(one for one in measurements if one.name in red)]))
    # The captured `sys.stdout` can show any character.
    can_show = shows_bars(getattr(sys.__stdout__, "encoding", None))
    return pytest.fail.Exception(text if can_show else ascii_bars(text), pytrace=False)


@contextmanager
def misuse_fails() -> Iterator[None]:
    """Turn a mistake in the use of `perf` into a failure without the plugin's stack."""
    try:
        yield
    except (MisuseError, ConfigError) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
