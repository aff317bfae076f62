"""What holds for each test of spans."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_perfbudget.tracing import current


@pytest.fixture(autouse=True)
def no_parent_stays_behind() -> Iterator[None]:
    """A span that stayed the parent of later spans would fail other tests, in another order than here."""
    yield
    assert current() is None
