"""The real file system for what the plugin does within a test that uses pyfakefs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def real_files() -> Iterator[None]:
    """Pause pyfakefs within the block, if a test uses pyfakefs.

    Fresh processes, git and the checkout need real files.
    """
    module: Any = sys.modules.get("pyfakefs.fake_filesystem_unittest")
    patcher: Any = getattr(getattr(module, "Patcher", None), "PATCHER", None)
    if not getattr(patcher, "is_patching", False):
        yield
        return
    patcher.pause()
    try:
        yield
    finally:
        patcher.resume()
