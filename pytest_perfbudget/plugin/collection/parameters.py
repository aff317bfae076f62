"""Digests of a test's cases, which tell whether an id has moved on to another case.

Without `ids`, pytest numbers cases whose values it cannot write (`codec0`, `codec1`), and values that share a name
(`Codec0` for two classes called `Codec`). A new case in front shifts the numbers, and the same id is another case.
"""

from __future__ import annotations

import enum
import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, Final

import pytest

_DEPTH: Final = 4
_MOST: Final = 100
"""How many elements of a collection count, so that large data costs no time."""

_NAMED: Final = (type, FunctionType, BuiltinFunctionType, MethodType)
"""Objects that count by their name."""


def digest_of(item: pytest.Item) -> str:
    """Return a digest of a test's parameters; empty if the test has none.

    The digest is the same in each process for values made of Python's own types, and of objects with such attributes.
    Addresses and the place of the project's folder do not count.
    """
    given = getattr(getattr(item, "callspec", None), "params", {})
    if not given:
        return ""
    try:
        text = "\n".join(_described(given, _DEPTH)).replace(str(item.config.rootpath), "")
    except Exception:  # noqa: BLE001 - an attribute of a parameter may raise anything
        return ""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _described(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401
    kind = type(value)
    yield f"{kind.__module__}.{kind.__qualname__}"
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        yield repr(value)
    elif isinstance(value, enum.Enum):
        yield value.name
    elif isinstance(value, _NAMED):
        yield f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
        code = getattr(value, "__code__", None)
        if isinstance(code, CodeType):  # all lambdas of a module share their name
            yield hashlib.sha256(code.co_code).hexdigest()
            yield repr([one for one in code.co_consts if isinstance(one, (int, float, str, bytes))])
            yield repr(code.co_names)
    elif hasattr(value, "__fspath__"):
        yield str(value)
    elif depth:
        yield from _parts(value, depth - 1)


def _parts(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, functools.partial):
        yield from _described([value.func, value.args, value.keywords], depth)
    elif isinstance(value, Mapping):
        for key in list(value)[:_MOST]:
            yield from _described(key, depth)
            yield from _described(value[key], depth)
    elif isinstance(value, AbstractSet):
        # The order of a set depends on the hash seed.
        yield from sorted("\n".join(_described(one, depth)) for one in value)
    elif isinstance(value, Sequence):
        yield str(len(value))
        for one in list(value)[:_MOST]:
            yield from _described(one, depth)
    elif hasattr(value, "tobytes"):  # an array
        yield hashlib.sha256(value.tobytes()).hexdigest()
    else:
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        state = {**getattr(value, "__dict__", {}), **{name: getattr(value, name, None) for name in slots}}
        yield from _parts(state, depth)
