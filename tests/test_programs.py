"""The programs that other tests run."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest
from programs import perf_program, shop, shop_tests


@pytest.mark.parametrize("build", [perf_program, shop, shop_tests])
def test_a_builders_docstring_shows_what_it_makes(build: Callable[[], str]) -> None:
    shown = (build.__doc__ or "").partition("\n\n")[2].partition("    Args:")[0]
    assert build().strip() == textwrap.dedent(shown).strip()
