"""The marks by which a test is expected to fail, as pytest itself judges them before the test runs."""

from __future__ import annotations

from typing import Any

import pytest


def is_expected_to_fail(item: pytest.Item) -> bool:
    """Return whether the marks of a test, with their conditions, let the test fail."""
    if item.get_closest_marker("xfail") is None:
        return False
    skipping: Any = item.config.pluginmanager.getplugin("skipping")
    try:
        return skipping.evaluate_xfail_marks(item) is not None
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a condition that cannot be evaluated fails the test
        return False
