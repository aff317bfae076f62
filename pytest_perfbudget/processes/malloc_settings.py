"""Settings of the C library's allocator, by which the memory of equal processes is equal.

- Huge pages: the kernel gives a process whichever pages of 4 KiB are free. Their places decide which data share a set
  of the second-level cache, for as long as the process lives, and a process that starts after another gets better
  places. Code that copies blocks of 128 kB was 7 to 11 % slower in the first process of a pair. A huge page of 2 MiB
  has one place. The kernel grants them where its setting is `always` or `madvise`; glibc asks for them since 2.35.
- Fixed thresholds: glibc maps large blocks, and returns free memory to the kernel, depending on the largest block that
  the process has freed so far. Where a block lies next to the end of the heap, each call may get its memory anew, which
  takes longest with huge pages: two of 40 processes that compress took twice as long. The values are those that the
  library itself reaches in the end.

Only processes that are compared with each other have these settings, and their child processes do not. Code that is
bound by memory is faster with huge pages, on both sides.
"""

from __future__ import annotations

import sys
from typing import Final

TUNABLES: Final = "GLIBC_TUNABLES"

_SETTINGS: Final = {
    "glibc.malloc.hugetlb": 1,
    "glibc.malloc.mmap_threshold": 32 << 20,
    "glibc.malloc.trim_threshold": 64 << 20,
}


def with_malloc_settings(given: str) -> str | None:
    """Return a value of GLIBC_TUNABLES with these settings, and those of the user, which have precedence.

    Args:
        given: the value in the session; empty if there is none.

    Returns:
        The value; None where the system has no such variable.
    """
    if not sys.platform.startswith("linux"):
        return None
    own = [f"{name}={value}" for name, value in _SETTINGS.items() if name not in given]
    return ":".join(filter(None, [given, *own]))
