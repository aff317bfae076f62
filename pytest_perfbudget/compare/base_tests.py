"""The tests that the base has, as its processes tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare.base_checkout import BaseCheckout
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.core.measurement import function_of


class BaseTests:
    """The perf tests of the base, those that may be there included; not known before a process tells."""

    def __init__(self, context: ComparisonContext, base: Base, checkout: BaseCheckout) -> None:
        self._context = context
        self._base = base
        self._checkout = checkout
        self._known: Collection[str] | None = None

    def note(self, nodeids: Iterable[str]) -> None:
        """Note the tests that a process of the base has found."""
        self._known = frozenset(nodeids)
        self._context.note_base(self._known)

    def is_new(self, nodeid: str) -> bool:
        """Return whether the base does not have a test; False if that is not known."""
        return self._known is not None and nodeid not in self._known

    def why_absent(self, nodeid: str) -> str:
        """Return the reason why a test is not in the base, if the test is not new; else empty."""
        functions = {function_of(one) for one in self._known or ()}
        why = self._checkout.untracked.why_absent(nodeid, has_other_cases=function_of(nodeid) in functions)
        return why and f"{why}, so {self._base.ref} does not have the test, new or not"
