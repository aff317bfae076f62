"""A project in a repository."""

from __future__ import annotations

import pytest
from programs import shop, shop_tests
from repositories import IGNORED, Repository
from scripting import Project


@pytest.fixture
def repository(lean: Project) -> Repository:
    """A project whose code, `shop`, and whose tests, `shop_tests`, are committed."""
    made = Repository(lean.pytester)
    made.commit({".gitignore": IGNORED, "shop.py": shop()}, tests=shop_tests())
    return made
