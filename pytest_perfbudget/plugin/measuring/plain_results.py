"""The results of loads that are there at once, unlike those of coroutine functions: an `await` is a misuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, TypeVar

from pytest_perfbudget.core.load.result import CapacityResult, LoadResult
from pytest_perfbudget.errors import MisuseError


@dataclass(frozen=True, repr=False)
class PlainLoadResult(LoadResult):
    """The result of a load that has ended when the call returns.

    Attributes:
        refusal: the message for a test that awaits the result.
    """

    refusal: str = ""

    def __await__(self) -> NoReturn:
        """Refuse to be awaited."""
        __tracebackhide__ = True
        raise MisuseError(self.refusal)


@dataclass(frozen=True, repr=False)
class PlainCapacityResult(CapacityResult):
    """The result of a search that has ended when the call returns; see `PlainLoadResult`."""

    refusal: str = ""

    def __await__(self) -> NoReturn:
        """Refuse to be awaited."""
        __tracebackhide__ = True
        raise MisuseError(self.refusal)


_Result = TypeVar("_Result", LoadResult, CapacityResult)


def plain(result: _Result, place: str, name: str = "") -> _Result:
    """Return a result that refuses to be awaited.

    Args:
        result: the result.
        place: the call, with which the message begins.
        name: the name of the plain function that makes a request; empty if there is none.
    """
    remedy = f", or make {name} a coroutine function" if name else ""
    refusal = f"{place}: the load has ended, and its result needs no await: remove `await`{remedy}"
    made = PlainCapacityResult if isinstance(result, CapacityResult) else PlainLoadResult
    return made(**vars(result), refusal=refusal)
