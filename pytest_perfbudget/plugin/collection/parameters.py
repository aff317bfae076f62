"""Digests of a test's cases, which tell whether an id has moved on to another case.

Without `ids`, pytest numbers cases whose values it cannot write (`codec0`, `codec1`), and values that share a name
(`Codec0` for two classes called `Codec`). A new case in front shifts the numbers, and the same id is another case. So
do packages that make numbered tests of one function, or numbered classes of one class (`test_it_0`, `TestIt_0`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from glob import escape
from itertools import chain, islice
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import pytest

from pytest_perfbudget.core.measurement import file_of, function_of
from pytest_perfbudget.plugin.collection.value_digest import bound_values, digest_of_value

_DATA: Final = (bool, int, float, complex, str, bytes, list, tuple, dict, Path)


def digest_of(item: pytest.Item) -> str:
    """Return a digest of a test's parameters; empty if the test has none."""
    given = _given(item)
    return digest_of_value(given, item.config.rootpath) if given else ""


def family_of(item: pytest.Item) -> Hashable:
    """Return what all cases of a test have in common: the function, or the code from which numbered tests are made."""
    function = getattr(item, "function", None)
    if hasattr(item, "callspec") or not isinstance(function, FunctionType):
        return function_of(item.nodeid)
    return file_of(item.nodeid), function.__code__


def data_files_of(item: pytest.Item) -> Iterator[Path]:
    """Yield the files and folders that exist and that the parameters of a test name, by path or by name.

    A file is looked for in the current folder, in pytest's root folder, and beside the test and below.
    """
    params = getattr(getattr(item, "callspec", None), "params", {})
    for text in (str(one) for one in params.values() if isinstance(one, (str, Path))):
        places = [Path(text), item.config.rootpath / text, item.path.parent / text]
        with suppress(OSError, ValueError):  # no name that a file can have
            if near := next((one for one in places if text and one.exists()), None):
                yield near.absolute()
            elif Path(text).name == text and Path(text).suffix:
                below = item.path.parent.rglob(escape(text))
                yield from islice((one for one in below if "site-packages" not in one.parts), 1)


def _given(item: pytest.Item) -> Mapping[str, Any] | Sequence[object]:
    """Return the parameters of a test; of a test without parameters of pytest, what its function and class hold.

    The code under test is left out, because its changes make no other case.
    """
    callspec = getattr(item, "callspec", None)
    if callspec is not None:
        params: Mapping[str, Any] = callspec.params
        return params
    function = getattr(item, "function", None)
    if not isinstance(function, FunctionType):
        return ()
    values = [_name(one) if isinstance(one, FunctionType) else one for one in bound_values(function)]
    return [*values, *_class_values(getattr(item, "cls", None))]


def _name(function: FunctionType) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def _class_values(kind: object) -> Sequence[object]:
    """Return the plain values of a test's class by name, as far as the class itself has them."""
    own = vars(kind) if isinstance(kind, type) else {}
    plain = {name: one for name, one in own.items() if not name.startswith("_") and isinstance(one, _DATA)}
    return list(chain.from_iterable(sorted(plain.items())))
