"""The digest of a function's code, which tells whether the function is the same on both sides of a comparison."""

from __future__ import annotations

import zlib
from functools import lru_cache
from types import CodeType
from typing import Final

_BITS: Final = 24
COMPREHENSIONS: Final = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
"""The names of the code that is part of the function around it."""


@lru_cache(maxsize=4096)
def code_digest(code: CodeType) -> int:
    """Return a number of 24 bits from the bytecode of a function, its names and its constants.

    Lines and files have no part in the number, nor have the functions that are defined within, which are functions of
    their own; comprehensions have. Decorators and the defaults of arguments belong to the code that defines the
    function.
    """
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags)
    parts = (code.co_code, *names, *map(_constant, code.co_consts))
    return zlib.crc32(repr(parts).encode("utf-8", "backslashreplace")) >> (32 - _BITS) or 1


def joined(first: int, second: int) -> int:
    """Return the digest of functions that share a name, in whatever order they come; 0 is that of none."""
    return (first + second) % (1 << _BITS)


def _constant(value: object) -> object:
    if isinstance(value, CodeType):
        return code_digest(value) if value.co_name in COMPREHENSIONS else value.co_name
    if isinstance(value, frozenset):  # in an order that depends on the hash seed
        return sorted(map(repr, value))
    return value
