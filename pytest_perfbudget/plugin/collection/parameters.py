"""A digest of a test's parameters, which tells whether two cases with the same id are the same case.

Without `ids`, parametrize numbers cases whose values it cannot write (`codec0`, `codec1`). A new case in front shifts
the numbers, and the same id is another case.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import pytest

_DEPTH: Final = 4
_MOST: Final = 100
"""How many elements of a collection count, so that large data costs no time."""


def parameters_of(item: pytest.Item) -> str:
    """Return a digest of the values of a test's parameters; empty if the test has none.

    The digest is the same in each process for values made of Python's own types, and of objects with such attributes.
    Addresses and functions' code do not count.
    """
    parameters = getattr(getattr(item, "callspec", None), "params", None)
    if not parameters:
        return ""
    try:
        text = "\n".join(_described(dict(parameters), _DEPTH))
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
    elif isinstance(value, type) or callable(value):
        yield getattr(value, "__qualname__", "")
    elif depth:
        yield from _parts(value, depth - 1)


def _parts(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, Mapping):
        for key in list(value)[:_MOST]:
            yield from _described(key, depth)
            yield from _described(value[key], depth)
    elif isinstance(value, AbstractSet):
        # The order of a set depends on the hash seed.
        yield from sorted("\n".join(_described(one, depth)) for one in value)
    elif isinstance(value, Sequence):
        yield str(len(value))
        for one in value[:_MOST]:
            yield from _described(one, depth)
    else:
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        state = {**getattr(value, "__dict__", {}), **{name: getattr(value, name, None) for name in slots}}
        yield from _parts(state, depth)
