"""The perf tests that the base chooses and that a session has left out, whatever the means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from pytest_perfbudget.core.measurement import function_of, without_addresses


def left_out(of_base: Collection[str], taken: Collection[str]) -> list[str]:
    """Return the perf tests of the base that the session has not taken.

    A function with as many cases as in the base has lost none: its ids may differ from process to process.

    Args:
        of_base: the node ids of the perf tests that the base chooses by its own settings.
        taken: the node ids of the tests that the session has measured, or that ended in another way.
    """
    known = {without_addresses(one) for one in taken}
    cases, cases_of_base = (Counter(map(function_of, one)) for one in (taken, of_base))
    return [
        one
        for one in of_base
        if without_addresses(one) not in known and cases[function_of(one)] < cases_of_base[function_of(one)]
    ]
