"""A digest of parameters is the same in each process, and differs for other cases."""

from __future__ import annotations

import enum
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.plugin.collection.parameters import digest_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | st.frozensets(st.text())
    ),
    max_leaves=6,
)


def digest(case_id: str = "value0", root: str = "/nowhere", **parameters: Any) -> str:
    case = SimpleNamespace(params=parameters, id=case_id, indices=dict.fromkeys(parameters, 0))
    item = SimpleNamespace(callspec=case, config=SimpleNamespace(rootpath=Path(root)))
    return digest_of(cast("pytest.Item", item))


@given(VALUES)
def test_equal_values_have_equal_digests(value: object) -> None:
    assert digest(value=value) == digest(value=value) != ""


class Kind(enum.Enum):
    SMALL = 1
    LARGE = 2


@dataclass
class Codec:
    size: int

    def run(self) -> int:
        return self.size


class Money(Decimal):
    """A class in Python on a class in C."""


def makes(number: int) -> Callable[[], int]:
    return lambda: number


def defaults(number: int) -> Callable[..., int]:
    def case(number: int = number) -> int:
        return number

    return case


class Calling(Codec):
    def __call__(self) -> int:
        return self.size


class Slotted:
    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 2), (1, 1.0), ("a", b"a"), ([1], [2]), ([1], (1,)), ({"a": 1}, {"a": 2}), (Kind.SMALL, Kind.LARGE),
     (Codec(1), Codec(2)), (Slotted(1), Slotted(2)), (len, max), ([0] * 500, [0] * 501),
     (partial(int, "1"), partial(int, "2")), (Calling(1), Calling(2)), (deque([1]), deque([2])),
     (np.zeros(2), np.ones(2)), (Path("a"), Path("b")), (Decimal(1), Decimal(2)), (Money(1), Money(2)),
     (timedelta(1), timedelta(2)), (date(2026, 1, 1), date(2026, 1, 2)), (re.compile("a"), re.compile("b")),
     (ValueError("a"), ValueError("b")), (BytesIO(b"a"), BytesIO(b"b")), (itemgetter(0), itemgetter(1)),
     (makes(1), makes(2)), (defaults(1), defaults(2)), (Codec(1).run, Codec(2).run), ([1].append, [2].append)],
)  # fmt: skip
def test_other_values_have_other_digests(one: object, other: object) -> None:
    assert digest(value=one) != digest(value=other)


def test_an_object_is_known_by_its_attributes_and_not_by_its_address() -> None:
    assert digest(value=Codec(1)) == digest(value=Codec(1))
    assert digest(value=Slotted(1)) == digest(value=Slotted(1))
    assert digest(value=threading.Lock()) == digest(value=threading.Lock())


@pytest.mark.parametrize("make", [Decimal, Money, timedelta, ValueError, itemgetter, makes, defaults])
def test_equal_objects_that_show_no_attributes_have_equal_digests(make: Callable[[int], object]) -> None:
    assert digest(value=make(1)) == digest(value=make(1)) != ""


def test_a_value_is_not_used_up_and_a_method_in_python_is_not_called() -> None:
    class Loud:
        __slots__ = ()

        def __reduce__(self) -> str:
            raise AssertionError

    iterator: Iterator[int] = iter([1, 2])
    assert digest(value=[iterator, Loud()]) != ""
    assert list(iterator) == [1, 2]


def test_an_object_that_leads_to_many_others_is_known_by_a_part_of_them() -> None:
    wide: object = 0
    for _ in range(5):
        wide = [wide] * 100
    assert digest(value=wide) == digest(value=wide)


def test_functions_and_classes_that_share_a_name_have_other_digests() -> None:
    """pytest numbers them: `Codec0`, `Codec1`, `<lambda>0`."""
    one, other = (type("Codec", (), {"__module__": name}) for name in ("zlib_like", "gzip_like"))
    assert digest("Codec0", value=one) != digest("Codec0", value=other)
    assert digest("<lambda>0", value=lambda: 1) != digest("<lambda>0", value=lambda: 2)
    assert digest("<lambda>0", value=lambda: 1) == digest("<lambda>0", value=lambda: 1)


def test_a_case_with_an_id_of_its_own_has_a_digest_too() -> None:
    assert digest("small", value=Codec(1)) != digest("small", value=Codec(2))


def test_the_place_of_the_project_does_not_matter() -> None:
    paths = (digest(root=root, value=Path(root, "data/a.json")) for root in ("/home/dev/here", "/tmp/checkout/here"))
    assert len(set(paths)) == 1


def test_the_order_of_a_set_does_not_matter() -> None:
    assert digest(value={"a", "b", "c"}) == digest(value={"c", "b", "a"})


def test_a_test_without_parameters_has_no_digest() -> None:
    assert digest_of(cast("pytest.Item", SimpleNamespace())) == ""


def test_parameters_that_refuse_to_be_looked_at_have_no_digest() -> None:
    class Odd:
        __slots__ = ("size",)

        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise RuntimeError

    assert digest(value=Odd()) == ""
