"""A project in a repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from programs import shop, shop_tests
from repositories import IGNORED, Repository
from scripting import Project

from pytest_perfbudget.compare import sequential
from pytest_perfbudget.core.paired import PairedSlowdownTest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the further ways of running the tests of this folder, which start most of the processes, as slow."""
    for item in items:
        way = getattr(getattr(item, "callspec", None), "id", "")
        is_further = any(one in way for one in ("n2", "sequential", "in turns"))
        if is_further and item.path.parent == Path(__file__).parent:
            item.add_marker("slow")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few processes for tests of the outcome: on a scripted clock, one fresh pair says as much as three.

    A sequential comparison has four processes instead of eight and sixteen. Workers of xdist have all of them.
    """
    monkeypatch.setattr(PairedSlowdownTest, "enough", 0.9)
    monkeypatch.setattr(sequential, "_SCREENING", 1)
    monkeypatch.setattr(sequential, "_FRESH", 1)


@pytest.fixture
def repository(lean: Project) -> Repository:
    """A project whose code, `shop`, and whose tests, `shop_tests`, are committed."""
    made = Repository(lean.pytester)
    made.commit({".gitignore": IGNORED, "shop.py": shop()}, tests=shop_tests())
    return made
