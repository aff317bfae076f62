"""The contrast of the report's colours: texts on their grounds, and the shapes of charts against what surrounds them."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

import pytest

from pytest_perfbudget.report.formats import html

STYLE: Final = files(html).joinpath("templates", "page.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#\w{6});", one)) for one in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
)
TEXT: Final = 4.5
"""The least contrast of a text, and of a graphical object (WCAG 2.2, 1.4.3 and 1.4.11)."""
SHAPE: Final = 3.0
STATUSES: Final = ("failing", "warning", "noted", "passing")
SHADES: Final = ("hot-1", "hot-2", "hot-3", "cold-1", "cold-2", "cold-3")


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares]
    return sum(factor * one for factor, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> dict[str, str]:
    """The colours of a theme by name."""
    return {"light": LIGHT, "dark": {**LIGHT, **DARK}}[request.param]


def test_black_on_white_has_the_contrast_that_the_standard_names() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_text_can_be_read_on_every_ground(theme: dict[str, str]) -> None:
    for ground in ("page", "card"):
        for ink in ("ink", "soft", "accent", *STATUSES):
            assert contrast(theme[ink], theme[ground]) >= TEXT, (ink, ground)


def test_the_name_of_a_function_can_be_read_on_every_frame_of_the_flame_graph(theme: dict[str, str]) -> None:
    for frame in ("frame", *SHADES):
        assert contrast(theme["ink"], theme[frame]) >= TEXT, frame


def test_a_frame_has_an_edge_and_a_large_difference_its_own_brightness(theme: dict[str, str]) -> None:
    assert contrast(theme["edge"], theme["card"]) >= SHAPE
    for kind in ("hot", "cold"):
        steps = [contrast(theme[f"{kind}-{step}"], theme["card"]) for step in (1, 2, 3)]
        assert steps == sorted(steps)
        assert steps[-1] >= SHAPE


def test_a_bar_its_limit_and_a_curve_stand_out(theme: dict[str, str]) -> None:
    for shape in ("ink", *STATUSES):
        assert contrast(theme[shape], theme["track"]) >= SHAPE, shape
    for shape in ("accent", "failing", "soft", "noted"):
        assert contrast(theme[shape], theme["card"]) >= SHAPE, shape
