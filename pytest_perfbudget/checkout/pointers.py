"""Large files of git-lfs, of which a checkout has only pointers if git-lfs is not installed or has not fetched them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.git import git

_POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_LARGEST: Final = 1024
"""The size in bytes that a pointer does not reach, by the specification of git-lfs."""
_FILTER: Final = re.compile(r"\bfilter=([\w-]+)")


def fill_pointers(top: Path, tree: Path) -> list[str]:
    """Replace the pointers in a checkout by the files of the working tree, where these are what the pointers name.

    Args:
        top: the top folder of the working tree.
        tree: the top folder of the checkout.

    Returns:
        The files that stay pointers in the checkout and are other content in the working tree.

    Raises:
        GitError: git cannot list the files.
    """
    left = []
    for name in _filtered(tree):
        target, own = tree / name, top / name
        pointer = _pointer(target)
        if pointer is None or not own.is_file() or _pointer(own) is not None:
            continue  # two pointers are the same kind of file on both sides
        if _is_named(pointer, own):
            copy = target.with_name(f".{target.name}-{os.getpid()}")
            shutil.copyfile(own, copy)
            shutil.copymode(target, copy)
            copy.replace(target)  # at once, because several workers of xdist share the checkout
        else:
            left.append(name)
    return left


def _filtered(tree: Path) -> Iterator[str]:
    """Yield the files to which any filter of git applies."""
    attributes = git(tree, "ls-files", "-z", "--", ":(glob)**/.gitattributes").split("\0")
    texts = [(tree / one).read_text("utf-8", "replace") for one in attributes if (tree / one).is_file()]
    names = sorted({name for text in texts for name in _FILTER.findall(text)})
    for name in names:
        yield from filter(None, git(tree, "ls-files", "-z", "--", f":(attr:filter={name})").split("\0"))


def _pointer(file: Path) -> re.Match[bytes] | None:
    with suppress(OSError):
        if file.stat().st_size < _LARGEST:
            return _POINTER.match(file.read_bytes())
    return None


def _is_named(pointer: re.Match[bytes], file: Path) -> bool:
    """Return whether a pointer names the content of a file."""
    if file.stat().st_size != int(pointer[2]):
        return False
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while part := content.read(1 << 20):
            digest.update(part)
    return digest.hexdigest() == pointer[1].decode()
