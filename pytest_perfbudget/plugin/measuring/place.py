"""The line of a test that calls a fixture, for messages."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path


def calling_place(what: str, root: Path, files: Collection[str]) -> str:
    """Return the calling line of the test, such as `perf() in tests/test_api.py:31`.

    Args:
        what: the name of the call.
        root: the folder from which paths are shown.
        files: the files of the fixture, which are not the test's.
    """
    frame = sys._getframe(1)  # noqa: SLF001 - inspect.currentframe() calls it, too
    while frame.f_back is not None and frame.f_code.co_filename in (__file__, *files):
        frame = frame.f_back
    file = Path(frame.f_code.co_filename)
    shown = os.fspath(file.relative_to(root)) if file.is_relative_to(root) else file.name
    return f"{what} in {shown.replace(os.sep, '/')}:{frame.f_lineno}"
