"""A plugin that makes a perf test of each test, by which `perfbudget init` measures a project without any perf test."""

from __future__ import annotations

import pytest

from pytest_perfbudget.plugin.keys import can_be_measured


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests."""
    for item in items:
        if can_be_measured(item):
            item.add_marker("perf_budget")
