"""The part of a suite that a session runs, as plugins that divide a suite and CI services tell it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest


class Part(NamedTuple):
    """A part of a suite: its number, counted from 1, and the number of all parts."""

    number: int
    total: int


_OPTIONS: Final = (("group", "splits", 1), ("shard_id", "num_shards", 0))
"""The options of pytest-split and of pytest-shard: the number of the part, of all parts, and of the first part."""

_VARIABLES: Final = (("CI_NODE_INDEX", "CI_NODE_TOTAL", 1), ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0))
"""The variables of GitLab and of CircleCI for jobs in parallel, likewise."""


def part_of(config: pytest.Config) -> Part | None:
    """Return the part that the session runs; None if the session is not known to run a part only."""
    for number, total, first in _told(config):
        try:
            part = Part(int(number) - first + 1, int(total))
        except (TypeError, ValueError):
            continue
        if 1 <= part.number <= part.total and part.total > 1:
            return part
    return None


def _told(config: pytest.Config) -> Iterator[tuple[Any, Any, int]]:
    for number, total, first in _OPTIONS:
        yield getattr(config.option, number, None), getattr(config.option, total, None), first
    for number, total, first in _VARIABLES:
        yield os.environ.get(number), os.environ.get(total), first
