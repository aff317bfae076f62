"""Digests of values that are the same in each process: addresses and the place of the project's folder do not count."""

from __future__ import annotations

import copyreg
import enum
import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

_DEPTH: Final = 4
_MOST: Final = 100
"""How many elements of a collection count, so that large data costs no time."""

_LONGEST: Final = 10_000
"""How many parts of a value count, so that an object that leads to a whole application costs no time."""

_PLAIN: Final = (bool, int, float, complex, str, bytes)
_PICKLING: Final = ("__reduce_ex__", "__reduce__", "__getstate__")


def digest_of_value(value: object, root: Path) -> str:
    """Return a digest of a value; empty if an attribute of the value raises.

    The digest is the same in each process for values made of Python's own types, of functions, and of objects with such
    attributes.

    Args:
        value: the value.
        root: the project's folder.
    """
    try:
        text = "\n".join(islice(_described(value, _DEPTH), _LONGEST)).replace(str(root), "")
    except Exception:  # noqa: BLE001 - an attribute of a value may raise anything
        return ""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def bound_values(function: object) -> Sequence[object]:
    """Return the values that a function brings along: those of its enclosing functions, and its defaults."""
    cells = getattr(function, "__closure__", None) or ()
    defaults = getattr(function, "__defaults__", None) or ()
    by_keyword = getattr(function, "__kwdefaults__", None) or {}
    return [*(_content(cell) for cell in cells), *defaults, *by_keyword.values()]


def _content(cell: Any) -> object:  # noqa: ANN401
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _described(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401
    kind = type(value)
    yield f"{kind.__module__}.{kind.__qualname__}"
    if value is None or issubclass(kind, _PLAIN):
        yield repr(value)
    elif issubclass(kind, enum.Enum):
        yield value.name
    elif issubclass(kind, ModuleType):
        yield value.__name__
    elif issubclass(kind, CodeType):
        yield from _coded(value)
    elif issubclass(kind, (type, FunctionType, BuiltinFunctionType, MethodType)):
        yield from _named(value, depth)
    elif hasattr(kind, "__fspath__"):
        yield str(value)
    elif depth:
        yield from _parts(value, depth - 1)


def _named(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401
    """Describe a class or a function, which has a name, and of a function the code and the values that belong to it."""
    yield f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    code = getattr(value, "__code__", None)
    if isinstance(code, CodeType):  # all lambdas of a module share their name
        yield from _coded(code)
    if depth and not isinstance(value, type):
        owner = getattr(value, "__self__", None)
        for one in (owner, *bound_values(value)):
            yield from _described(one, depth - 1)


def _coded(code: CodeType) -> Iterator[str]:
    yield hashlib.sha256(code.co_code).hexdigest()
    yield repr([one for one in code.co_consts if isinstance(one, (int, float, str, bytes, tuple))])
    yield repr((code.co_names, code.co_freevars))
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _coded(one)


def _parts(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401
    kind = type(value)
    if issubclass(kind, functools.partial):
        yield from _described([value.func, value.args, value.keywords], depth)
    elif issubclass(kind, Mapping):
        for key in islice(value, _MOST):
            yield from _described(key, depth)
            yield from _described(value[key], depth)
    elif issubclass(kind, AbstractSet):
        # The order of a set depends on the hash seed.
        yield from sorted("\n".join(_described(one, depth)) for one in value)
    elif issubclass(kind, Sequence):
        yield str(len(value))
        for one in islice(value, _MOST):
            yield from _described(one, depth)
    elif hasattr(kind, "tobytes"):  # an array
        yield hashlib.sha256(value.tobytes()).hexdigest()
    else:
        slots = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ())]
        state = {**getattr(value, "__dict__", {}), **{name: getattr(value, name, None) for name in slots}}
        yield from _parts(state, depth)
        yield from _described(_pickled(value), depth)


def _pickled(value: Any) -> object:  # noqa: ANN401
    """Return what pickle would store of an object whose class is not written in Python; None of other objects.

    Such an object, for example a decimal number, a time or a compiled pattern, shows no attributes. The methods of a
    class that is written in Python may do anything, so they are not called.
    """
    kind = type(value)
    try:
        if (reduce := copyreg.dispatch_table.get(kind)) is not None:
            return reduce(value)
        own = [
            method
            for name in _PICKLING
            if (method := getattr(kind, name, None)) is not getattr(object, name, None) and method is not None
        ]
        if not own or any(isinstance(method, FunctionType) for method in own):
            return None
        made = value.__reduce_ex__(2)
    except Exception:  # noqa: BLE001 - what cannot be pickled is known by its class alone
        return None
    return made[:3] if isinstance(made, tuple) else made  # without the iterators over elements
