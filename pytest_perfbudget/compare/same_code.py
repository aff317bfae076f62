"""The checkouts in which the base's own tests and the head's tests run with the same code, that of either commit.

The base's own test is the side under judgement, in the place of the head: what it takes more than the head's test is
the work that the head's test lacks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from pytest_perfbudget.checkout.head_code import lay_code_over
from pytest_perfbudget.checkout.hidden_code import HiddenCode
from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare.base_checkout import BaseCheckout, Launch
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Sides
from pytest_perfbudget.paths import path_in


class SameCodeCheckout(BaseCheckout, ABC):
    """A checkout for the tests of both commits.

    Attributes:
        has_head_code: whether the code is the head's, so that the numbers of the base's own test show slower code.
    """

    has_head_code = False

    def __init__(self, context: ComparisonContext, base: Base) -> None:
        super().__init__(context, base)
        self._hidden: dict[tuple[PurePosixPath, ...], HiddenCode] = {}

    @abstractmethod
    def files_of(self, nodeid: str, sides: Sides) -> tuple[list[str], list[str]]:
        """Return the files of code that ran by the base's own test, and all files that ran by the head's test.

        Args:
            nodeid: the test.
            sides: the recordings; the head's is that of the base's own test.
        """

    def hidden_code(self, nodeid: str) -> HiddenCode:
        """Return the code of the head that a test may no longer measure."""
        tests = tuple(self.beside([nodeid]))
        return self._hidden.setdefault(tests, HiddenCode(self._base, tests))

    def _without_tests(self, nodeid: str, files: Iterable[PurePosixPath | None]) -> list[str]:
        beside = self.beside([nodeid])
        return [str(one) for one in files if one is not None and not any(one.is_relative_to(two) for two in beside)]


class WithBaseCode(SameCodeCheckout):
    """Two checkouts of the base: the head's tests are laid over this checkout, and another has the base's own."""

    def __init__(self, context: ComparisonContext, base: Base) -> None:
        super().__init__(_with_tests_from(context, "head"), base)
        self._own = BaseCheckout(_with_tests_from(context, "base"), base)

    def open(self, nodeids: Sequence[str]) -> None:
        """See `BaseCheckout.open`."""
        super().open(nodeids)
        self._own.open(nodeids)

    def close(self) -> None:
        """See `BaseCheckout.close`."""
        self._own.close()
        super().close()

    def files_of(self, nodeid: str, sides: Sides) -> tuple[list[str], list[str]]:
        """See `SameCodeCheckout.files_of`."""
        own = self._without_tests(nodeid, map(self._own.place_of, sides.head.files))
        return own, [str(one) for one in map(self.place_of, sides.base.files) if one is not None]

    def launches(
        self,
        nodeids: Sequence[str],
        hash_seed: int,
        more_files: Sequence[str] = (),
        *,
        slot: int = 0,
        own_file_only: bool = False,
    ) -> tuple[Launch, Launch]:
        """Return the launches of a process with the base's own tests and of a process with the head's tests."""
        (head, own), (_, laid) = (
            one(nodeids, hash_seed, more_files, slot=slot, own_file_only=own_file_only)
            for one in (self._own.launches, super().launches)
        )
        # Both are processes of the base, and need worker ids of their own.
        own = replace(own, request=replace(own.request, worker=head.request.worker))
        return own, _called(laid, f"a process with the code of {self._base.ref} and the tests of the working tree")


class WithHeadCode(SameCodeCheckout):
    """A checkout of the base's own tests, over which the head's code is laid; the working tree has the head's tests."""

    has_head_code = True
    # The base's own test may lack what the head has removed or renamed.
    passes_in_session = False

    def __init__(self, context: ComparisonContext, base: Base) -> None:
        own = _with_tests_from(context, "base")
        # What other processes or sessions keep is of a commit, and this checkout is of no commit.
        super().__init__(replace(own, shared_checkout="", cache_folder=lambda _: None), base)

    def files_of(self, nodeid: str, sides: Sides) -> tuple[list[str], list[str]]:
        """See `SameCodeCheckout.files_of`."""
        own = self._without_tests(nodeid, map(self.place_of, sides.head.files))
        changed = (path_in(self._base.top, one) for one in sides.base.files)
        return own, [one.as_posix() for one in changed if one is not None]

    def launches(
        self,
        nodeids: Sequence[str],
        hash_seed: int,
        more_files: Sequence[str] = (),  # noqa: ARG002 - what else the base has may not run with the head's code
        *,
        slot: int = 0,
        own_file_only: bool = False,
    ) -> tuple[Launch, Launch]:
        """Return the launches of a process with the base's own tests and of a process with the head's tests."""
        head, own = super().launches(nodeids, hash_seed, slot=slot, own_file_only=own_file_only)
        return _called(own, f"a process with the code of the working tree and the tests of {self._base.ref}"), head

    def _complete(self) -> None:
        """See `BaseCheckout._complete`."""
        lay_code_over(self._base, self._tree, self.beside(self._test_files))


def _called(launch: Launch, who: str) -> Launch:
    return replace(launch, request=replace(launch.request, who=who))


def _with_tests_from(context: ComparisonContext, side: str) -> ComparisonContext:
    settings = context.settings
    duet = replace(settings.duet, tests_from=side)
    # Another process may have checked the base out with the tests of its own setting.
    shared = context.shared_checkout if settings.duet.tests_from == side else ""
    return replace(context, settings=replace(settings, duet=duet), shared_checkout=shared)
