"""The measurements that a test has begun, by name, until each of them is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.subject import source_file
from pytest_perfbudget.plugin.measuring.call_identity import CallIdentities


@dataclass
class _Begun:
    limits: Limits
    place: str
    is_awaited: bool
    missing: str = ""


class BegunMeasurements:
    """The measurements that have begun and are not kept yet.

    Attributes:
        functions: the module and qualified name of the function by the name that was taken from the function, also for
            measurements that are kept.
        sources: the source files of the measured functions, by name.
        identities: the digests that tell calls of one name apart, by the name that was taken from the function; see
            `CallIdentities`.
        refusal: the message of a refused measurement, which fails the test even if the test, or its thread, has
            swallowed the exception; empty if there was none.

    Args:
        root: the project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._calls = CallIdentities(root)
        self._running = ""
        self.identities: dict[str, Sequence[str]] = {}
        self.refusal = ""
        self._begun: dict[str, _Begun] = {}
        self.functions: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self._codes: dict[str, object] = {}

    def begin(
        self,
        name: str | None,
        function: Callable[..., Any],
        call: Limits,
        place: str,
        kept: Collection[str],
        *,
        args: Sequence[object] | None,
        is_awaited: bool,
    ) -> str:
        """Note that a measurement begins, and return its name.

        Args:
            name: the given name; None takes the function's name, with a number if that name is taken.
            function: the measured function.
            call: the limits of the call itself.
            place: the place of the call, for a message.
            kept: the names of the measurements that the test has made.
            args: the arguments of the call, which are part of its identity; None if nothing is compared.
            is_awaited: false for a coroutine, until `note_awaited`.

        Raises:
            MisuseError: the given name is taken.
        """
        taken = {*self._begun, *kept}
        if name is None:
            plain = getattr(function, "__name__", type(function).__name__).strip("<>")
            names = (plain if number == 1 else f"{plain}#{number}" for number in range(1, len(taken) + 2))
            name = next(one for one in names if one not in taken)
            self.functions[name] = _qualified(function)
            if args is not None:
                self.identities[name] = self._calls.identity(function, args)
        elif name in taken:
            message = f"{place}: two measurements of this test are called {name!r}: give each a name of its own"
            raise MisuseError(message)
        self._begun[name] = _Begun(call, place, is_awaited)
        self.sources[name] = source_file(function)
        self._codes[name] = _code_of(function)
        return name

    def note_awaited(self, name: str) -> None:
        """Note that the coroutine of a measurement is awaited."""
        if name in self._begun:
            self._begun[name].is_awaited = True

    def note_missing(self, name: str, message: str) -> None:
        """Note the message that fails the test unless the measurement is kept."""
        if name in self._begun:
            self._begun[name].missing = message

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Refuse other measurements within the block: each would take the other's time for its own.

        Raises:
            MisuseError: another measurement is running.
        """
        if self._running:
            place = self.place_of(name) or "perf"
            self.refusal = (
                f"{place}: {name!r} would be measured while {self._running!r} still is: let each measurement end "
                "before the next begins, without gather(), threads or perf within measured code"
            )
            raise MisuseError(self.refusal)
        self._running = name or "the test"
        try:
            yield
        finally:
            self._running = ""

    def place_of(self, name: str) -> str:
        """Return the place of the call that began a measurement; empty if the measurement is kept."""
        return self._begun[name].place if name in self._begun else ""

    def keep(self, name: str) -> None:
        """Note that a measurement is kept."""
        self._begun.pop(name, None)

    def raised(self) -> Iterator[tuple[str, Limits, bool]]:
        """Yield the measurements whose code raised, each with the limits of its call.

        The third value tells whether another measurement of the same code is kept, as where a test tries once more.

        Raises:
            MisuseError: a coroutine was never awaited, or a load has no result.
        """
        for name, one in list(self._begun.items()):
            if one.missing:
                raise MisuseError(one.missing)
            if not one.is_awaited:
                message = f"{one.place}: never awaited: write `await {one.place.partition('(')[0]}(...)`"
                raise MisuseError(message)
            kept = (code for other, code in self._codes.items() if other not in self._begun)
            yield name, one.limits, any(code is self._codes[name] for code in kept)


def _code_of(function: object) -> object:
    """Return what calls of the same code have in common: two lambdas have a name in common, and no code."""
    plain = function.func if isinstance(function, partial) else function
    return getattr(plain, "__code__", plain)


def _qualified(function: object) -> str:
    """Return the module and the qualified name of a function; of a bound method, those of the object's class."""
    plain = function.func if isinstance(function, partial) else function
    owner = getattr(plain, "__self__", None)
    named = type(owner) if owner is not None and not isinstance(owner, (type, ModuleType)) else plain
    return f"{getattr(named, '__module__', '')}:{getattr(named, '__qualname__', type(plain).__qualname__)}"
