"""The start of a process, although a test may have replaced `subprocess.Popen`."""

from __future__ import annotations

import subprocess
from typing import Any, Final

# Bound at import, before any test can replace it.
_Popen: Final = subprocess.Popen
_FORKS: Final = [name for name in ("_fork_exec", "_posixsubprocess") if getattr(subprocess, name, None) is not None]
"""The functions by which `Popen` forks. gevent's `patch_all` removes them, and only gevent's own `Popen` works then."""


def popen(command: list[str], **options: Any) -> subprocess.Popen[Any]:  # noqa: ANN401 - those of `Popen`
    """Start a process; see `subprocess.Popen`.

    Raises:
        OSError: the process cannot be started.
    """
    is_patched = any(getattr(subprocess, name, None) is None for name in _FORKS)
    return (subprocess.Popen if is_patched else _Popen)(command, **options)
