"""The results of a test among the test's properties, from which pytest writes JUnit files."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.report.formats.junit import PREFIX, properties


def record_properties(item: pytest.Item, report: pytest.TestReport, measurements: Sequence[Measurement]) -> None:
    """Add the results to the properties of a test, as pytest's `record_property` does.

    The schema `xunit2` of JUnit files has no properties of tests, so that readers who check files by it refuse them.
    """
    config = item.config
    if getattr(config.option, "xmlpath", None) and config.getini("junit_family") == "xunit2":
        return
    # A rerun replaces the properties of the run before. JUnit files take them from the report of the tear-down.
    kept = [one for one in item.user_properties if not one[0].startswith(PREFIX)]
    item.user_properties[:] = [*kept, *properties(measurements)]
    report.user_properties = list(item.user_properties)
