"""The names of spans in the code of a project: code that did not run in this process has them, too."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from pytest_perfbudget.paths import own_modules
from pytest_perfbudget.tracing.tracked import names_of_track

_CALL: Final = re.compile(r"""\btrack\(\s*(["'])([^"'\\\n]+)\1""")
_SQLITE: Final = "pytest_perfbudget.tracing.sqlite"
_MOST_FILES: Final = 10_000


def tracked_names(root: Path) -> Iterator[str]:
    """Yield the names that the imported modules of a project give to `track`, by their source.

    A worker of pytest-xdist runs a part of the tests, and a test may run alone: what other tests would have recorded is
    not known there, and the source is.

    Args:
        root: the folder of the project.
    """
    yield from names_of_track()
    if (module := sys.modules.get(_SQLITE)) is not None:
        yield module.NAME
    for file in {*own_modules(root).values()}:
        yield from _names_in(file)


@lru_cache(_MOST_FILES)
def _names_in(file: str) -> frozenset[str]:
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, ValueError):  # an extension module, or a source in another encoding
        return frozenset()
    return frozenset(name for _, name in _CALL.findall(text))
