"""The identity of calls whose names come from functions: all lambdas share a name, and so do methods of two objects."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_perfbudget.core.namesakes import ARGUMENT
from pytest_perfbudget.plugin.collection.value_digest import bound_values, digest_of_value


class CallIdentities:
    """The identities of a test's calls, as digests of values that the call brings along.

    An object that changes from call to call, such as a client with its cookies, keeps its first digest.

    Args:
        root: the project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[int, tuple[weakref.ref[Any], str]] = {}

    def identity(self, function: Callable[..., Any], args: Sequence[object]) -> list[str]:
        """Return digests of a function's code, of the values that belong to it, and of the arguments."""
        given = [*args]
        plain: Any = function
        while type(plain) is partial:
            given = [*plain.args, *plain.keywords.values(), *given]
            plain = plain.func
        try:
            values = [self._digest(one) for one in _values(plain)]
        except Exception:  # noqa: BLE001 - an attribute of an object that can be called may raise anything
            values = []
        return [*values, *(f"{ARGUMENT}{self._digest(one)}" for one in given)]

    def _digest(self, value: object) -> str:
        known = self._known.get(id(value))
        if known is not None and known[0]() is value:
            return known[1]
        found = digest_of_value(value, self._root)
        with suppress(TypeError):  # no reference to a number or a list
            self._known[id(value)] = (weakref.ref(value), found)
        return found


def _values(function: Any) -> Iterator[object]:  # noqa: ANN401
    """Yield the code of a function, the object of a method, and the values that a function brings along."""
    plain = getattr(function, "__func__", function)
    owner = getattr(function, "__self__", None)
    yield getattr(plain, "__code__", None)
    yield None if isinstance(owner, (type, ModuleType)) else owner
    yield from bound_values(plain)
    if not hasattr(plain, "__code__") and owner is None:
        yield function  # an object that can be called
