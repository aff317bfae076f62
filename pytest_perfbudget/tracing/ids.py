"""The ids of spans and of their trees."""

from __future__ import annotations

import itertools
import os
import random

_random = random.Random()  # noqa: S311 - ids, no secrets; a generator of its own, because applications seed the global one
_bits = _random.getrandbits
of_spans = itertools.count(_bits(62) + 1)
"""The ids of spans: from a random start on, which takes half the time of a random id."""


def new_trace_id() -> int:
    """Return the id of a new tree."""
    return _bits(128) | 1


def next_id() -> int:
    """Return the next id of a span, which is also the mark of this moment."""
    return next(of_spans)


def _begin_anew() -> None:
    """Let a forked child have ids of its own, which are later than those of its open spans."""
    global of_spans  # noqa: PLW0603 - the parent's go on there
    _random.seed()
    of_spans = itertools.count(next(of_spans) + _bits(58) + 1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
