"""A project in a repository."""

from __future__ import annotations

import pytest
from programs import SHOP, TESTS
from repositories import commit
from scripting import Project


@pytest.fixture
def repository(lean: Project) -> Project:
    """A project whose code and tests are committed."""
    project = lean
    project.file("shop.py", SHOP)
    project.file("test_it.py", "import pytest\nfrom scripted import advance\n" + TESTS)
    commit(project.pytester.path, {".gitignore": "report.json\n__pycache__\nrunpytest-*\nstdout\nstderr\n"})
    return project
