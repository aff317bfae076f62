"""The report of a small session, written once, and in the browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from html_browser import Browser
from html_session import small

from pytest_perfbudget.report.formats.html import render


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small session, in a file."""
    path = tmp_path_factory.mktemp("html") / "report.html"
    path.write_text(render(small()), "utf-8")
    return path


@pytest.fixture
def shown(chromium: Browser, page: Path) -> Browser:
    """The browser with the report of the small session."""
    chromium.look(1280)
    chromium.open(page)
    return chromium
