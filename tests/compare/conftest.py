"""A project in a repository."""

from __future__ import annotations

import pytest
from programs import shop, shop_tests
from repositories import IGNORED, Repository
from scripting import Project

from pytest_perfbudget.compare import sequential


@pytest.fixture
def brief_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four processes instead of eight and sixteen, for tests of the outcome of a sequential comparison."""
    monkeypatch.setattr(sequential, "_SCREENING", 1)
    monkeypatch.setattr(sequential, "_FRESH", 1)


@pytest.fixture
def repository(lean: Project) -> Repository:
    """A project whose code, `shop`, and whose tests, `shop_tests`, are committed."""
    made = Repository(lean.pytester)
    made.commit({".gitignore": IGNORED, "shop.py": shop()}, tests=shop_tests())
    return made
